"""Every address of the site; each app lists its own."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from recgpt_site import metrics, views

admin.site.site_header = admin.site.site_title = "RecGPT Studio"
admin.site.index_title = "Every table"

urlpatterns = [
    path("api/", include("recgpt_site.api.urls")),  # first: what is asked most often is found soonest
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("", include("recommend.urls")),
    path("", include("judge.urls")),
    path("", include("training.urls")),
    path("", include("recgpt_site.webhooks.urls")),
    path("admin/", admin.site.urls),
]
