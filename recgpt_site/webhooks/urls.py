"""Pages of webhooks."""

from django.urls import path

from recgpt_site.webhooks import views

urlpatterns = [
    path("webhooks/", views.webhooks, name="webhooks"),
    path("webhooks/<uuid:pk>/", views.webhook, name="webhook"),
    path("webhooks/<uuid:pk>/state/", views.webhook_state, name="webhook-state"),
    path("webhooks/<uuid:pk>/secret/", views.webhook_secret, name="webhook-secret"),
    path("webhooks/<uuid:pk>/ping/", views.webhook_ping, name="webhook-ping"),
    path("webhooks/<uuid:pk>/delete/", views.webhook_delete, name="webhook-delete"),
    path("webhooks/deliveries/<uuid:pk>/resend/", views.delivery_resend, name="delivery-resend"),
]
