"""Hooks for the layers above: they register here, so that `judge` needs to know none of them.

Each hook is called inside the transaction of what it tells of; registering one twice is once.
"""

from collections.abc import Callable, Mapping

from judge.models import Assignment, Campaign

SubmittedHook = Callable[[Assignment], None]
ClosedHook = Callable[[Campaign], None]
AlertHook = Callable[[str, Mapping[str, object]], None]
_submitted: list[SubmittedHook] = []
_campaign_closed: list[ClosedHook] = []
_judge_alert: list[AlertHook] = []


def on_submitted(hook: SubmittedHook) -> None:
    """Call `hook(assignment)` when a person's labels of one generation are stored, for the first time."""
    if hook not in _submitted:
        _submitted.append(hook)


def submitted(assignment: Assignment) -> None:
    for hook in _submitted:
        hook(assignment)


def on_campaign_closed(hook: ClosedHook) -> None:
    """Call `hook(campaign)` when a campaign that was not closed is closed."""
    if hook not in _campaign_closed:
        _campaign_closed.append(hook)


def campaign_closed(campaign: Campaign) -> None:
    for hook in _campaign_closed:
        hook(campaign)


def on_judge_alert(hook: AlertHook) -> None:
    """Call `hook(message, facts)` when something is wrong with the judge: in words, and as facts that JSON can hold."""
    if hook not in _judge_alert:
        _judge_alert.append(hook)


def judge_alert(message: str, facts: Mapping[str, object]) -> None:
    for hook in _judge_alert:
        hook(message, facts)
