"""Why the review queue refuses something: what happened, what was kept, what to do, in words for the person."""

from collections.abc import Mapping, Sequence
from typing import Any


class QueueError(Exception):
    """The queue refuses; str() is a message that can be shown as it is."""


class LeaseLost(QueueError):  # noqa: N818 - named for what happened, not for its class
    """The work is not in this person's hands any more."""


class Surplus(LeaseLost):
    """The lease lapsed and others have filled every place; answers sent with it are kept as the draft."""


class AlreadySubmitted(LeaseLost):
    """The review is in; it can only be revised."""


class CampaignClosed(LeaseLost):
    """The campaign takes no more answers; those sent are kept as the draft."""


class NotSubmitted(QueueError):  # noqa: N818
    """A revision was sent before there was anything to revise."""


class NotUndoable(QueueError):  # noqa: N818
    """A submission stays as it is: something rests on it, or its labels would not be blind a second time."""


class StaleDraft(QueueError):  # noqa: N818
    """A newer draft is stored, from another tab or device: `version` and `draft` are that one."""

    def __init__(self, version: int, draft: Mapping[str, Any]) -> None:
        super().__init__(
            "A newer version of this draft was saved in another tab or on another device. Nothing was overwritten: "
            "reload to go on with the newer one."
        )
        self.version = version
        self.draft = dict(draft)


class AlreadyResolved(QueueError):  # noqa: N818
    """A lead decided on an output since the page was opened: `newest` is that decision, None if it is gone."""

    def __init__(self, newest: Any) -> None:
        who = f"{newest.by} has" if newest else "Somebody has"
        super().__init__(
            f"{who} decided on this output since you opened it. Nothing was stored: read that decision, and correct it "
            "if you still want to."
        )
        self.newest = newest


class InvalidAnswer(QueueError):  # noqa: N818
    """An answer does not fit the generation or its rubric."""


class Incomplete(QueueError):  # noqa: N818
    """Labels are missing: {output id: names of the criteria without one}."""

    def __init__(self, missing: Mapping[str, Sequence[str]], where: Sequence[str]) -> None:
        super().__init__(f"Still to rate: {'; '.join(where)}. What you rated is kept.")
        self.missing = {output: list(names) for output, names in missing.items()}
