"""Items: both arms of retrieval, fused by the run's weight. No language model is asked."""

from uuid import UUID

from django.conf import settings

from recommend import leases, retrieval
from recommend.models import Output, PipelineRun, Recommendation
from recommend.retrieval.selection import Rules
from recommend.steps.base import history_of, kept_outputs, run_of
from recommend.towers.served import Person


def ranking(run: PipelineRun, *, beta: float) -> list[Recommendation]:
    """A run's items by this weight of the arms, best first, as rows that are not stored. No language model is asked.

    Of the catalogue and the retrieval of now: they may have changed since the run.
    """
    loaded = history_of(run)
    offered = kept_outputs(run.pk, Output.Kind.TAG)
    found = retrieval.recommend(
        history=loaded.moments,
        tags=[tag.text for tag in offered],
        recent=loaded.recent_item_ids,
        beta=beta,
        n=run.n_items,
        person=Person(run.shopper_id, loaded.sequences),
        rules=Rules(**(settings.RETRIEVAL_RULES | run.rules)),
    )
    return [
        Recommendation(
            run_id=run.pk,
            item_id=scored.item_id,
            rank=rank,
            score=scored.score,
            collaborative=scored.collaborative,
            semantic=scored.semantic,
            arm=scored.arm,
            tag=offered[scored.tag] if scored.tag is not None else None,
        )
        for rank, scored in enumerate(found, start=1)
    ]


def do(run_id: UUID, token: UUID) -> None:
    """Store the run's list of items."""
    run = run_of(run_id)
    found = ranking(run, beta=run.beta)
    with leases.locked(run_id, token):
        Recommendation.objects.filter(run_id=run_id).delete()
        Recommendation.objects.bulk_create(found)
