"""Who may open which run: part of the query, so that a foreign one does not exist."""

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from recommend.models import PipelineRun
from recommend.roles import LEAD, has_role


def visible_runs(user: User | AnonymousUser) -> QuerySet[PipelineRun]:
    """A person's own runs; a lead's are all; nobody's without signing in."""
    if has_role(user, LEAD):
        return PipelineRun.objects.all()
    return PipelineRun.objects.filter(created_by=user) if user.is_authenticated else PipelineRun.objects.none()
