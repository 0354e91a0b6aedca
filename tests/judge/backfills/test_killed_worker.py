"""kill -9 of a real worker in the middle of a backfill: another goes on, and no output is judged or counted twice."""

import time
from collections.abc import Callable

import pytest

from judge.backfills import services
from judge.frames import Population
from judge.models import Assessment, Backfill, Rubric
from judge.services import rater_for_model, seed_rubrics, way_of
from recgpt_site.embedded.processes import Process
from recommend.models import JobState, LanguageModel, Stage
from tests.recommend.factories import GenerationFactory, LanguageModelFactory

LONGEST_S = 240
N_OUTPUTS = 24


def wait_for(backfill: Backfill, what: Callable[[Backfill], bool]) -> Backfill:
    end = time.monotonic() + LONGEST_S
    while not what(found := Backfill.objects.get(pk=backfill.pk)):
        assert time.monotonic() < end, f"waited {LONGEST_S} s in vain"
        time.sleep(0.05)
    return found


@pytest.mark.llm
def test_a_backfill_survives_kill_9_of_its_worker_and_judges_nothing_twice(
    llm_server: str, settings, celery_worker_process: Callable[..., Process]
) -> None:
    seed_rubrics()
    # One that serves would be asked by the sweep too, about what nobody has judged.
    state, role = LanguageModel.State.CANDIDATE, LanguageModel.Role.JUDGE
    model = LanguageModelFactory.create(name=settings.LLM_MODEL, adapter="adapter.gguf", role=role, state=state)
    GenerationFactory.create_batch(N_OUTPUTS // 2, outputs=2)
    quick = {"RUN_LEASE_S": "3", "SWEEP_INTERVAL_S": "1", "LLM_BASE_URL": llm_server}
    worker = celery_worker_process(**quick)
    judge = rater_for_model(model, way_of(model).version)
    backfill = services.start(
        judge, Rubric.objects.current("interest"), Population(Stage.INTERESTS), by=None, max_calls=10 * N_OUTPUTS
    )
    wait_for(backfill, lambda one: one.n_asked > 0)

    worker.kill()
    left = wait_for(backfill, lambda one: True)
    stored = set(Assessment.objects.values_list("pk", flat=True))
    assert left.n_asked < N_OUTPUTS, "the worker was killed too late to test anything"
    assert left.n_asked == len(stored)  # an answer and its count are one transaction
    celery_worker_process(beat=True, **quick)
    ended = wait_for(backfill, lambda one: not one.is_active)

    assert (ended.state, ended.error, ended.n_asked, ended.n_left) == (JobState.DONE, "", N_OUTPUTS, 0)
    assert stored <= set(Assessment.objects.values_list("pk", flat=True))
    assert Assessment.objects.count() == Assessment.objects.values("output").distinct().count() == N_OUTPUTS
    assert ended.n_calls == N_OUTPUTS  # those in flight at the kill gave no answer and are asked anew
