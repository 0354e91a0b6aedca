"""The tables of the judge in the admin pages. Answers are read there, not edited: a correction is a revision."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from judge import campaigns, visibility
from judge.models import (
    Alert,
    Assessment,
    Assignment,
    Backfill,
    Campaign,
    CampaignUnit,
    CheckCase,
    Criterion,
    FileImport,
    Gold,
    JudgeCheck,
    JudgeProfile,
    Panel,
    PanelMember,
    Passport,
    Preference,
    Proposal,
    Rater,
    Resolution,
    Rubric,
    Tally,
    Trial,
    TrialCase,
    Withdrawal,
)
from recommend.admin_base import LargeTableAdmin, ReadOnlyAdmin, StudioAdmin, TabularInline
from recommend.models import Output
from recommend.roles import LEAD, has_role


class CriterionInline(TabularInline[Criterion, Rubric]):
    model = Criterion
    fields = ("position", "name", "title", "question", "labels")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # whoever may see the rubric

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Rubric)
class RubricAdmin(ReadOnlyAdmin[Rubric]):
    """A version never changes once it is used: labels were given under its words."""

    list_display = ("title", "kind", "version", "created_at")
    list_filter = ("kind",)
    search_fields = ("title", "guideline")
    inlines = (CriterionInline,)


@admin.register(Criterion)
class CriterionAdmin(ReadOnlyAdmin[Criterion]):
    list_display = ("title", "rubric", "position", "name", "question")
    list_filter = ("rubric",)
    list_select_related = ("rubric",)
    search_fields = ("name", "title", "question")


@admin.register(Rater)
class RaterAdmin(ReadOnlyAdmin[Rater]):
    list_display = ("__str__", "user", "language_model", "prompt_version", "panel", "created_at")
    list_select_related = ("user", "language_model", "panel")
    search_fields = ("user__username", "language_model__name", "prompt_version", "panel__name")


class PanelMemberInline(TabularInline[PanelMember, Panel]):
    model = PanelMember
    fields = ("position", "rater", "weight", "measured")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PanelMember]:
        return super().get_queryset(request).select_related("rater__language_model")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # whoever may see the panel

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Panel)
class PanelAdmin(ReadOnlyAdmin[Panel]):
    """Panels are made on the page of judges, and never change: labels are given by what they are."""

    list_display = ("name", "vote", "is_serving", "created_by", "created_at")
    list_filter = ("vote", "is_serving")
    list_select_related = ("created_by",)
    search_fields = ("name",)
    inlines = (PanelMemberInline,)


@admin.register(PanelMember)
class PanelMemberAdmin(ReadOnlyAdmin[PanelMember]):
    list_display = ("panel", "position", "rater", "weight")
    list_select_related = ("panel", "rater__language_model", "rater__panel", "rater__user")
    search_fields = ("panel__name", "rater__language_model__name")


@admin.register(JudgeProfile)
class JudgeProfileAdmin(StudioAdmin[JudgeProfile]):
    """How each judge model is asked: another way is another rater, so labels and passports are never mixed."""

    list_display = ("language_model", "calls", "rationale", "created_at")
    list_select_related = ("language_model",)
    search_fields = ("language_model__name",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return has_role(request.user, LEAD)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, LEAD)


@admin.register(Campaign)
class CampaignAdmin(StudioAdmin[Campaign]):
    """Leads start, pause and change campaigns here, as by the API."""

    list_display = (
        "name", "stage", "task", "rubric", "state", "sampling_rate", "overlap", "blind", "deadline", "created_at",
    )  # fmt: skip
    list_filter = ("stage", "task", "plan", "strata_by", "state", "blind")
    list_select_related = ("rubric",)
    search_fields = ("name",)
    autocomplete_fields = ("rubric",)
    filter_horizontal = ("members",)
    # Other plans than uniform by rate, and campaigns that compare, are made on the campaign pages, which show what they
    # would draw.
    fields = (
        "name", "stage", "rubric", "state", "sampling_rate", "overlap", "blind", "lease_s", "members", "deadline",
        "guidelines",
    )  # fmt: skip
    actions = ("pause", "open", "close")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return has_role(request.user, LEAD)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, LEAD)

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> tuple[str, ...]:
        # What was drawn rests on these, and labels were given under its words: what is to change is another campaign,
        # or one that follows this one. The state goes by the actions.
        return () if obj is None else ("stage", "rubric", "sampling_rate", "blind", "state", "guidelines")

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]  # the admin is for signed-in users
        super().save_model(request, obj, form, change)
        if not change and obj.state == Campaign.State.ACTIVE:
            drawn = campaigns.enrol_existing(obj)
            self.message_user(request, f"{drawn} finished generations are in the campaign.", messages.SUCCESS)

    @admin.action(description="Pause the selected campaigns")
    def pause(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._set_state(queryset, Campaign.State.PAUSED)

    @admin.action(description="Open the selected campaigns")
    def open(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._set_state(queryset, Campaign.State.ACTIVE)

    @admin.action(description="Close the selected campaigns")
    def close(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._set_state(queryset, Campaign.State.CLOSED)

    def _set_state(self, queryset: QuerySet[Campaign], state: Campaign.State) -> None:
        for campaign in queryset:
            campaigns.set_state(campaign, state)


@admin.register(CampaignUnit)
class CampaignUnitAdmin(LargeTableAdmin[CampaignUnit]):
    list_display = (
        "campaign",
        "generation",
        "is_gold",
        "inclusion_probability",
        "n_taken",
        "n_submitted",
        "created_at",
    )
    list_filter = ("campaign",)
    list_select_related = ("campaign", "generation__shopper")
    search_fields = ("generation__id__exact", "generation__shopper__external_id__exact")
    search_help_text = "A generation's id or a shopper's external id; each whole."


@admin.register(Gold)
class GoldAdmin(ReadOnlyAdmin[Gold]):
    list_display = ("generation", "rubric", "source", "by", "created_at", "withdrawn_at")
    list_filter = ("rubric", "source")
    list_select_related = ("generation__shopper", "rubric", "by")
    search_fields = ("generation__id__exact", "generation__shopper__external_id__exact")
    search_help_text = "A generation's id or a shopper's external id; each whole."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Gold]:
        user = cast("User", request.user)  # the admin is for signed-in users
        return (
            super().get_queryset(request).exclude(generation__in=visibility.blind_work(user).values("unit__generation"))
        )


@admin.register(Assignment)
class AssignmentAdmin(LargeTableAdmin[Assignment]):
    list_display = ("campaign", "generation", "annotator", "state", "flag", "skip_reason", "seconds", "submitted_at")
    list_filter = ("state", ("flag", admin.EmptyFieldListFilter), "unit__campaign", "annotator")
    list_select_related = ("unit__campaign", "unit__generation__shopper", "annotator")
    search_fields = ("annotator__username", "flag", "skip_reason", "id__exact")
    exclude = ("draft",)  # it may be anybody's, half done

    @admin.display(ordering="unit__campaign")
    def campaign(self, assignment: Assignment) -> Campaign:
        return assignment.unit.campaign

    @admin.display
    def generation(self, assignment: Assignment) -> str:
        return str(assignment.unit.generation)


@admin.register(Preference)
class PreferenceAdmin(ReadOnlyAdmin[Preference]):
    list_display = ("assignment", "choice", "a_was_left", "seconds", "revealed_at", "created_at")
    list_filter = ("choice", "assignment__unit__campaign")
    list_select_related = (
        "assignment__unit__campaign", "assignment__unit__generation__shopper", "assignment__annotator",
    )  # fmt: skip
    search_fields = ("assignment__annotator__username", "comment")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Preference]:
        user = cast("User", request.user)  # the admin is for signed-in users
        held = visibility.blind_work(user).values("unit__generation")
        return super().get_queryset(request).exclude(assignment__unit__generation__in=held)


@admin.register(Tally)
class TallyAdmin(LargeTableAdmin[Tally]):
    list_display = ("campaign", "annotator", "n_submitted")
    list_filter = ("campaign",)
    list_select_related = ("campaign", "annotator")
    search_fields = ("campaign__name", "annotator__username")


@admin.register(Assessment)
class AssessmentAdmin(LargeTableAdmin[Assessment]):
    list_display = ("output", "rater", "labels", "passed", "revision", "blind", "seconds", "error", "created_at")
    list_filter = ("passed", "blind", "rubric", ("rater__user", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("output", "rater__user", "rater__language_model", "rater__panel")
    search_fields = ("output__text", "rationale", "output__id__exact", "rater__user__username")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Assessment]:
        # Here as everywhere: nothing of the judge or a colleague for work that this person holds blind.
        found = visibility.visible_assessments(request.user, Output.objects.all())
        return found.order_by(*self.get_ordering(request))


@admin.register(Withdrawal)
class WithdrawalAdmin(LargeTableAdmin[Withdrawal]):
    list_display = ("assignment", "submitted_at", "created_at")
    list_select_related = (
        "assignment__unit__campaign",
        "assignment__unit__generation__shopper",
        "assignment__annotator",
    )
    search_fields = ("assignment__annotator__username",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Withdrawal]:
        held = visibility.blind_work(cast("User", request.user)).values("unit__generation")
        return super().get_queryset(request).exclude(assignment__unit__generation__in=held)


@admin.register(Resolution)
class ResolutionAdmin(LargeTableAdmin[Resolution]):
    list_display = ("output", "rubric", "revision", "labels", "passed", "reason", "by", "by_rater", "created_at")
    list_filter = ("passed", "by_rater", "rubric", "created_at")
    list_select_related = ("output", "rubric", "by")
    search_fields = ("output__text", "reason", "output__id__exact", "by__username")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Resolution]:
        user = cast("User", request.user)  # the admin is for signed-in users
        held = visibility.blind_work(user).values("unit__generation")
        return super().get_queryset(request).exclude(output__generation__in=held)


@admin.register(JudgeCheck)
class JudgeCheckAdmin(ReadOnlyAdmin[JudgeCheck]):
    list_display = ("rater", "rubric", "state", "budget", "error", "created_at", "finished_at")
    list_filter = ("state", "rubric")
    list_select_related = ("rater__user", "rater__language_model", "rater__panel", "rubric")
    search_fields = ("rater__language_model__name", "error", "id__exact")


@admin.register(FileImport)
class FileImportAdmin(ReadOnlyAdmin[FileImport]):
    list_display = ("name", "what", "state", "n_bytes", "created_by", "created_at", "finished_at")
    list_filter = ("what", "state")
    list_select_related = ("created_by",)
    search_fields = ("name", "error", "id__exact")


@admin.register(Backfill)
class BackfillAdmin(ReadOnlyAdmin[Backfill]):
    list_display = ("rater", "rubric", "state", "n_asked", "n_to_ask", "n_calls", "money", "created_at", "finished_at")
    list_filter = ("state", "rubric")
    list_select_related = ("rater__user", "rater__language_model", "rater__panel", "rubric")
    search_fields = ("rater__language_model__name", "rater__panel__name", "error", "id__exact")


@admin.register(CheckCase)
class CheckCaseAdmin(LargeTableAdmin[CheckCase]):
    list_display = ("key", "probe", "criterion", "labels", "passed", "answered_at")
    list_filter = ("probe", "passed")
    search_fields = ("judge_check__id__exact", "output__id__exact", "defect")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CheckCase]:
        user = cast("User", request.user)  # the admin is for signed-in users
        held = visibility.blind_work(user).values("unit__generation")
        return super().get_queryset(request).exclude(output__generation__in=held)


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin[Proposal]):
    list_display = ("current", "draft", "rater", "optimizer", "created_by", "created_at", "switched_on_at")
    list_filter = ("optimizer", ("switched_on_at", admin.EmptyFieldListFilter))
    list_select_related = (
        "current",
        "draft",
        "rater__user",
        "rater__language_model",
        "rater__panel",
        "created_by",
    )
    search_fields = ("rater__language_model__name", "id__exact")


@admin.register(Trial)
class TrialAdmin(ReadOnlyAdmin[Trial]):
    list_display = ("proposal", "state", "budget", "error", "created_by", "created_at", "finished_at")
    list_filter = ("state",)
    list_select_related = ("proposal__draft", "created_by")
    search_fields = ("error", "id__exact")


@admin.register(TrialCase)
class TrialCaseAdmin(LargeTableAdmin[TrialCase]):
    list_display = ("output", "prompt", "right", "labels", "passed", "answered_at")
    list_filter = ("prompt", "passed", "is_decided")
    list_select_related = ("output",)
    search_fields = ("trial__id__exact", "output__id__exact")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrialCase]:
        user = cast("User", request.user)  # the admin is for signed-in users
        held = visibility.blind_work(user).values("unit__generation")
        return super().get_queryset(request).exclude(output__generation__in=held)


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin[Alert]):
    list_display = ("signal", "rater", "rubric", "about", "acknowledged_by", "acknowledged_at")
    list_filter = ("signal", "rubric")
    list_select_related = ("rater__user", "rater__language_model", "rater__panel", "rubric", "acknowledged_by")
    search_fields = ("message", "id__exact")


@admin.register(Passport)
class PassportAdmin(ReadOnlyAdmin[Passport]):
    list_display = ("rater", "rubric", "created_at")
    list_filter = ("rubric",)
    list_select_related = ("rater__user", "rater__language_model", "rater__panel", "rubric")
    search_fields = ("rater__language_model__name", "id__exact")
