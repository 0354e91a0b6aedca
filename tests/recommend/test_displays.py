"""What the run page draws."""

import pytest

from recommend import displays, selectors
from recommend.models import PipelineRun
from tests.support.review_data import HISTORY, full_run


@pytest.mark.parametrize(
    ("contexts", "shown"),
    [
        ("9 days ago (purchased), 3 days ago (purchased)", "9 days ago, 3 days ago (purchased)"),
        ("9 days ago (purchased), 3 days ago (searched)", "9 days ago (purchased), 3 days ago (searched)"),
        ("9 days ago (purchased)", "9 days ago (purchased)"),
        ("something else", "something else"),
    ],
)
def test_what_is_done_each_time_is_said_once(contexts: str, shown: str):
    assert displays.when(contexts) == shown


def test_history_lines_keep_their_counts():
    lines = displays.history_lines(HISTORY)

    assert lines[0] == displays.Line(0, "5 days ago (purchased)", (("diapers", 2), ("baby foods", 6)))
    assert displays.history_lines({}) == ()


@pytest.mark.django_db
def test_a_bar_is_the_two_parts_of_the_score_and_the_fingerprint_follows_the_state():
    run = full_run().run
    page = displays.run_page(selectors.run_for_display(run.pk))
    PipelineRun.objects.update(state="failed")
    failed = displays.run_page(selectors.run_for_display(run.pk))

    # collaborative .8, semantic .4, beta .5: 40 and 20 of 100
    assert (page.cards[0].bar.collaborative, page.cards[0].bar.semantic) == (40.0, 20.0)
    assert page.fingerprint != failed.fingerprint
