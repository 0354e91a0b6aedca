"""Everything below /api/."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from judge.api.urls import register as register_judge
from recgpt_site.api import audit, views, webhooks
from recgpt_site.api import schema as schema  # its description of our tokens registers itself
from recgpt_site.api.docs import DocsView
from recommend.api.urls import register as register_recommend
from training.api.urls import register as register_training

app_name = "api"

router = SimpleRouter(use_regex_path=False)
register_judge(router)
router.register("pipeline-runs", views.PipelineRunViewSet, basename="pipeline-run")
router.register("generations", views.GenerationViewSet, basename="generation")
register_recommend(router)
register_training(router)
router.register("audit-entries", audit.AuditEntryViewSet, basename="audit-entry")
router.register("webhooks", webhooks.WebhookViewSet, basename="webhook")
router.register("webhook-deliveries", webhooks.DeliveryViewSet, basename="webhook-delivery")

urlpatterns = [
    path("v1/", include(router.urls)),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
    re_path("", views.NoSuchPath.as_view()),
]
