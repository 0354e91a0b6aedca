"""Who may open which run: part of the query, so that a foreign one does not exist."""

from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from recommend.models import ACTIVE_STATES, PipelineRun
from recommend.roles import LEAD, has_role


def visible_runs(user: User | AnonymousUser) -> QuerySet[PipelineRun]:
    """A person's own runs; a lead's are all; nobody's without signing in."""
    if has_role(user, LEAD):
        return PipelineRun.objects.all()
    return PipelineRun.objects.filter(created_by=user) if user.is_authenticated else PipelineRun.objects.none()


def shared_runs(user: User | AnonymousUser) -> QuerySet[PipelineRun]:
    """Runs that have a link: to see, not to change, for whoever is signed in and has it."""
    shared = PipelineRun.objects.filter(share_key__isnull=False).exclude(state__in=ACTIVE_STATES)
    return shared if user.is_authenticated else PipelineRun.objects.none()


def opened_run(user: User | AnonymousUser, address: UUID) -> PipelineRun | None:
    """The run whose id this is, or whose link has it as its key, if `user` may open it; else None."""
    own = visible_runs(user).filter(pk=address).first()
    return own or shared_runs(user).filter(share_key=address).first()
