"""Pages of the demo."""

from django.urls import path

from recommend import views

app_name = "recommend"
urlpatterns = [
    path("demo/", views.demo, name="demo"),
    path("demo/runs/", views.run_create, name="run-create"),
    path("demo/runs/<uuid:pk>/", views.run_detail, name="run-detail"),
    path("demo/runs/<uuid:pk>/cancel/", views.run_cancel, name="run-cancel"),
]
