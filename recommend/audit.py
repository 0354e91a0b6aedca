"""The audit log: who did or saw what, when, and from where.

Services call `record` inside the transaction of the act, so that an act that is rolled back leaves no entry. Who acts
and from where is known from the request that `acting` was entered with; a command or a worker acts without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from celery import current_task
from django.contrib.auth.models import AnonymousUser, User
from django.db import models
from django.db.models import Model

from recommend.models import AuditEntry
from recommend.prepared import insert


class Verb(models.TextChoices):
    """Everything that the log can say. Not the choices of a column: a new one needs no migration."""

    SIGNED_IN = "user.signed_in", "signed in"
    SIGNED_OUT = "user.signed_out", "signed out"
    SIGN_IN_FAILED = "user.sign_in_failed", "failed to sign in"
    ROLES_CHANGED = "user.roles_changed", "changed a user's roles"
    TOKEN_CREATED = "token.created", "made an API token"  # a verb
    TOKEN_REVOKED = "token.revoked", "revoked an API token"
    API_WRITTEN = "api.written", "wrote by the API"
    ADMIN_ADDED = "admin.added", "added a row in the admin pages"
    ADMIN_CHANGED = "admin.changed", "changed a row in the admin pages"
    ADMIN_DELETED = "admin.deleted", "deleted rows in the admin pages"
    RUN_STARTED = "run.started", "started a pipeline run"
    RUN_SHARED = "run.shared", "shared a pipeline run by a link, or ended that"
    POPULATION_STARTED = "population.started", "had the pipeline run for a population"
    POPULATION_PAUSED = "population.paused", "paused a population job"
    POPULATION_RESUMED = "population.resumed", "resumed a population job"
    POPULATION_CANCELLED = "population.cancelled", "cancelled a population job"
    EXPLANATIONS_STARTED = "explanations.started", "had explanations made ahead"
    EXPLANATIONS_PAUSED = "explanations.paused", "paused explanations that are made ahead"
    EXPLANATIONS_RESUMED = "explanations.resumed", "resumed explanations that are made ahead"
    EXPLANATIONS_CANCELLED = "explanations.cancelled", "cancelled explanations that are made ahead"
    SHORT_FORMS_STARTED = "short_forms.started", "had a model shorten items"
    SHORT_FORMS_CANCELLED = "short_forms.cancelled", "cancelled the shortening of items"
    RUN_CANCELLED = "run.cancelled", "cancelled a pipeline run"
    FILE_UPLOADED = "file.uploaded", "handed in a file to be imported"
    FILE_IMPORTED = "file.imported", "imported a file"
    LABELS_EXPORTED = "labels.exported", "exported labels"
    AUDIT_EXPORTED = "audit.exported", "exported the audit log"
    AUDIT_DROPPED = "audit.dropped", "dropped months of the audit log"
    ASSIGNMENT_OPENED = "assignment.opened", "opened a screen of work"
    ASSIGNMENT_SUBMITTED = "assignment.submitted", "submitted labels"
    ASSIGNMENT_UNDONE = "assignment.undone", "took a submission back"
    ASSIGNMENT_REVISED = "assignment.revised", "revised labels"
    ASSIGNMENT_SKIPPED = "assignment.skipped", "skipped a screen"
    ASSIGNMENT_FLAGGED = "assignment.flagged", "flagged a screen"
    ASSIGNMENT_RELEASED = "assignment.released", "put a screen down"
    LABELS_REVEALED = "labels.revealed", "saw the judge's labels"
    LABELS_SEEN = "labels.seen", "saw others' labels"
    DISAGREEMENT_RESOLVED = "disagreement.resolved", "resolved a disagreement"
    CAMPAIGN_STARTED = "campaign.started", "started a campaign"
    CAMPAIGN_EXTENDED = "campaign.extended", "extended a campaign"
    CAMPAIGN_STATE_CHANGED = "campaign.state_changed", "paused, opened or closed a campaign"
    CAMPAIGN_MEMBERS_CHANGED = "campaign.members_changed", "changed a campaign's members"
    RUBRIC_FIXED = "rubric.fixed", "fixed a version of a rubric"
    WEBHOOK_CREATED = "webhook.created", "registered a webhook"
    WEBHOOK_CHANGED = "webhook.changed", "changed a webhook"
    WEBHOOK_DELETED = "webhook.deleted", "deleted a webhook"
    WEBHOOK_DISABLED = "webhook.disabled", "a webhook was disabled"
    WEBHOOK_RESENT = "webhook.resent", "sent a delivery again"
    RUBRIC_IN_USE = "rubric.in_use", "had judges go by a rubric"
    PROPOSAL_MADE = "proposal.made", "proposed an edit of the judge's prompt"
    PROPOSAL_SWITCHED_ON = "proposal.switched_on", "switched a proposed edit of the judge's prompt on"
    TRIAL_STARTED = "trial.started", "started a trial of a proposed edit"
    TRIAL_CANCELLED = "trial.cancelled", "cancelled a trial of a proposed edit"
    CHECK_STARTED = "check.started", "started a check of the judge"
    CHECK_CANCELLED = "check.cancelled", "cancelled a check of the judge"
    BACKFILL_STARTED = "backfill.started", "had a judge asked about what is stored"
    BACKFILL_PAUSED = "backfill.paused", "paused a backfill of a judge"
    BACKFILL_RESUMED = "backfill.resumed", "resumed a backfill of a judge"
    BACKFILL_CANCELLED = "backfill.cancelled", "cancelled a backfill of a judge"
    DATA_SET_STARTED = "data_set.started", "had a data set built"
    DATA_SET_CANCELLED = "data_set.cancelled", "cancelled the building of a data set"
    DATA_SET_EXPORTED = "data_set.exported", "took a data set out"
    EVALUATION_SET_MADE = "evaluation_set.made", "held shoppers out for evaluation"


class Acting(Protocol):
    """What is known of a request; `user` may become known only while it is answered."""

    @property
    def user(self) -> User | AnonymousUser | None: ...
    @property
    def via(self) -> str: ...
    @property
    def address(self) -> str | None: ...
    @property
    def token(self) -> str: ...


@dataclass(slots=True)
class Scope:
    """One request that is being answered, and how many entries it has made."""

    acting: Acting
    n_entries: int = 0


_scope: ContextVar[Scope | None] = ContextVar("audit_scope", default=None)


@contextmanager
def acting(who: Acting) -> Iterator[Scope]:
    """Name who acts until the block ends."""
    scope = Scope(who)
    reset = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(reset)


def record(
    verb: Verb, subject: Model | None = None, detail: Mapping[str, object] | None = None, *, by: User | None = None
) -> None:
    """Store one entry, in the transaction at hand.

    subject  the row that was acted on or seen
    detail   small facts that JSON can hold; never labels, comments or what a model wrote
    by       who acts, where no request says so
    """
    scope = _scope.get()
    who = scope.acting if scope else None
    user = who.user if who and who.user and who.user.is_authenticated else by
    entry = AuditEntry(
        actor_id=user.pk if user else None,
        actor=user.get_username() if user else "",
        verb=verb.value,
        object_type=subject._meta.model_name or "" if subject else "",
        object_id=str(subject.pk) if subject else "",
        via=who.via if who else "worker" if current_task else "command",
        address=who.address if who else None,
        token=who.token if who else "",
        detail=dict(detail or {}),
    )
    insert([entry])
    if scope:
        scope.n_entries += 1
