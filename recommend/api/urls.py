"""The parts of the API that need no layer above; `recgpt_site` puts them under /api/v1/."""

from rest_framework.routers import SimpleRouter

from recommend.api import explanation_fills, populations, views


def register(router: SimpleRouter) -> None:
    router.register("shoppers", views.ShopperViewSet, basename="shopper")
    router.register("items", views.ItemViewSet, basename="item")
    router.register("language-models", views.LanguageModelViewSet, basename="language-model")
    router.register("population-jobs", populations.PopulationJobViewSet, basename="population-job")
    router.register("explanation-fills", explanation_fills.ExplanationFillViewSet, basename="explanation-fill")
