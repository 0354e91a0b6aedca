"""Training's parts of the API; `recgpt_site` puts them under /api/v1/."""

from rest_framework.routers import SimpleRouter

from training.api import data_sets, evaluation_sets


def register(router: SimpleRouter) -> None:
    router.register("data-sets", data_sets.DataSetViewSet, basename="data-set")
    router.register("evaluation-sets", evaluation_sets.EvaluationSetViewSet, basename="evaluation-set")
