"""Item tags, by the strategy that the run asks for."""

from collections.abc import Callable
from uuid import UUID

from recommend import calls
from recommend.compression import recent_items
from recommend.models import Output, Stage, TagStrategy
from recommend.steps import tags_by_experts, tags_direct
from recommend.steps.base import history_of, kept_outputs, run_of
from recommend.steps.tagging import Tagging

RECENT_ITEMS = 40  # of the past month, in the prompt: what it must not repeat
_STRATEGIES: dict[str, Callable[[Tagging], calls.Asking | None]] = {
    TagStrategy.DIRECT: tags_direct.asking,
    TagStrategy.EXPERTS: tags_by_experts.asking,
}


def do(run_id: UUID, token: UUID) -> calls.Asking | None:
    """What the run asks for its tags first; None without an interest that was kept."""
    kept = kept_outputs(run_id, Output.Kind.INTEREST)
    if not kept:
        # Nothing to serve: the collaborative arm goes on alone, and the page says so.
        return None
    run = run_of(run_id)
    model = run.model_for(Stage.TAGS)
    loaded = history_of(run)
    tagging = Tagging(
        run=run,
        model=model,
        history=loaded.compressed(run.reference_at, model.history_tokens),
        interests={output.text: output for output in kept},
        recent=recent_items(loaded.reliable, reference=run.reference_at.date(), max_items=RECENT_ITEMS),
        taken=loaded.recent_names,
    )
    return _STRATEGIES[run.tag_strategy](tagging)
