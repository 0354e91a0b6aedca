"""Pages of the demo."""

from django.urls import path

from recommend import views

app_name = "recommend"
urlpatterns = [
    path("demo/", views.demo, name="demo"),
    path("demo/runs/", views.run_create, name="run-create"),
    path("demo/runs/<uuid:pk>/", views.run_detail, name="run-detail"),
    path("demo/runs/<uuid:pk>/cancel/", views.run_cancel, name="run-cancel"),
    path("demo/runs/<uuid:pk>/again/", views.run_again, name="run-again"),
    path("demo/runs/<uuid:pk>/share/", views.run_share, name="run-share"),
    path("demo/runs/<uuid:pk>/ranking/", views.run_ranking, name="run-ranking"),
    path("demo/shared/<uuid:key>/", views.run_shared, name="run-shared"),
    path("demo/shared/<uuid:key>/ranking/", views.shared_ranking, name="shared-ranking"),
]
