"""Which assessments an export holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from judge.comparison import Filters
from judge.models import Assessment, Campaign
from judge.visibility import visible_assessments
from recommend import audit
from recommend.audit import Verb
from recommend.models import Output


@dataclass(frozen=True, slots=True)
class Selection:
    """What the dashboard's figures stand on, and the versions and revisions that they leave out.

    filters        as on the dashboard, but that no judge stands for every judge, and no campaign for every rubric
    reviewed_only  only outputs that people have labelled, in the chosen campaign if there is one
    by             who asks; None: the machine's administrator, from whom nothing is hidden
    """

    filters: Filters
    reviewed_only: bool = False
    by: User | None = None

    def assessments(self) -> QuerySet[Assessment]:
        """The assessments that the asker may see now, unordered."""
        return self._chosen(self._visible())

    def n_hidden(self) -> int:
        """How many are left out since the asker has their generation in work in a blind campaign."""
        if self.by is None:
            return 0
        return self._chosen(Assessment.objects.all()).count() - self.assessments().count()

    def note_export(self, form: str) -> None:
        """Put into the audit log that these assessments leave as a file."""
        chosen = {name: str(value) for name, value in asdict(self.filters).items() if value}
        detail = chosen | {"format": form, "reviewed_only": self.reviewed_only}
        audit.record(Verb.LABELS_EXPORTED, detail=detail, by=self.by)

    def _visible(self) -> QuerySet[Assessment]:
        return Assessment.objects.all() if self.by is None else visible_assessments(self.by, Output.objects.all())

    def _chosen(self, found: QuerySet[Assessment]) -> QuerySet[Assessment]:
        filters = self.filters
        found = found.filter(output__kind=filters.kind).order_by()
        if filters.model is not None:
            found = found.filter(output__generation__model=filters.model)
        people, judges = Q(rater__user__isnull=False), Q(rater__user__isnull=True)
        if filters.campaign is not None:
            # The judge's verdicts on everything, not on the campaign's sample alone: rates are corrected with both.
            found = found.filter(rubric__in=Campaign.objects.filter(pk=filters.campaign).values("rubric"))
            people &= Q(assignment__unit__campaign=filters.campaign)
        if filters.judge is not None:
            judges &= Q(rater=filters.judge)
        found = found.filter(people | judges)
        return found.filter(Exists(self._reviews())) if self.reviewed_only else found

    def _reviews(self) -> QuerySet[Assessment]:
        reviews = Assessment.objects.filter(output=OuterRef("output"), rater__user__isnull=False)
        if self.filters.campaign is not None:
            reviews = reviews.filter(assignment__unit__campaign=self.filters.campaign)
        return reviews
