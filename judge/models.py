"""Tables of the judge: rubrics, raters, assessments, and the campaigns in which people review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from judge.fixed import WORDING, CriterionRows, RubricFixedError, RubricRows
from judge.ways import Way
from recommend.models import ACTIVE_STATES, Generation, JobState, LanguageModel, Output, Stage, new_id

if TYPE_CHECKING:
    from django.contrib.auth.models import User
else:
    User = get_user_model()


class RubricQuerySet(RubricRows["Rubric"]):
    def current(self, kind: str) -> Rubric:
        """The rubric of an output kind that judges are asked by: the one put in use last; drafts are none of them.

        Raises Rubric.DoesNotExist.
        """
        in_use = self.filter(kind=kind, version__gt=0, in_use_since__isnull=False)
        found = in_use.order_by("-in_use_since", "-version").first()
        if found is None:
            raise Rubric.DoesNotExist(f"No rubric for outputs of kind '{kind}'. Run `manage.py seed_studio`.")
        return found


class Rubric(models.Model):
    """What is asked of one kind of output: a draft at first, then fixed as a version that never changes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=12, choices=Output.Kind)
    version = models.PositiveIntegerField(default=0, help_text="0: a draft.")
    title = models.CharField(max_length=200)
    guideline = models.TextField(blank=True, help_text="Markdown; shown beside the work.")
    made_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    edition = models.PositiveIntegerField(
        default=0, help_text="Rises with every save of a draft; a stale one is refused."
    )
    fixed_at = models.DateTimeField(null=True, blank=True)
    fixed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    in_use_since = models.DateTimeField(
        null=True, blank=True, default=timezone.now, help_text="Judges go by the latest of their kind. Empty: not yet."
    )

    objects = RubricQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "version"], condition=models.Q(version__gt=0), name="rubric_version_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} v{self.version}" if self.version else f"{self.title} (draft)"

    def save(self, *args: Any, **options: Any) -> None:
        stored = None if self._state.adding else Rubric.objects.fixed().filter(pk=self.pk).first()
        if stored is not None and any(getattr(stored, name) != getattr(self, name) for name in WORDING):
            raise RubricFixedError(stored)
        super().save(*args, **options)

    def get_absolute_url(self) -> str:
        return reverse("judge:rubric", args=[self.pk])

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        if Rubric.objects.fixed().filter(pk=self.pk).exists():
            raise RubricFixedError(self)
        return super().delete(*args, **options)

    @property
    def is_draft(self) -> bool:
        return self.version == 0


class Criterion(models.Model):
    """One question of a rubric, with the labels that answer it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    rubric = models.ForeignKey(Rubric, on_delete=models.CASCADE, related_name="criteria")
    position = models.PositiveIntegerField()
    name = models.SlugField(max_length=40)
    title = models.CharField(max_length=100)
    question = models.TextField()
    guideline = models.TextField(blank=True)
    labels = models.JSONField(help_text="[{value, title, passes, help}], in the order of their keys.")
    examples = models.JSONField(
        default=list,
        blank=True,
        help_text="[{text, label, reason, output, shopper}]: what judges are shown; the last two are ids.",
    )

    objects = CriterionRows.as_manager()

    class Meta:
        ordering = ["rubric_id", "position"]
        verbose_name_plural = "criteria"
        constraints = [models.UniqueConstraint(fields=["rubric", "name"], name="criterion_once")]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **options: Any) -> None:
        self._check_draft()
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        self._check_draft()
        return super().delete(*args, **options)

    def _check_draft(self) -> None:
        """Raises RubricFixedError for a criterion of a fixed rubric, or one that was moved out of one."""
        theirs = models.Q(pk=self.rubric_id) | models.Q(criteria=self.pk)
        if fixed := Rubric.objects.fixed().filter(theirs).first():
            raise RubricFixedError(fixed)


class Rater(models.Model):
    """Who rates: a person, a judge model with its prompt, or a panel of these. The statistics know no difference."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    user = models.OneToOneField(User, null=True, blank=True, on_delete=models.PROTECT, related_name="rater")
    language_model = models.ForeignKey(LanguageModel, null=True, blank=True, on_delete=models.PROTECT)
    prompt_version = models.CharField(max_length=40, blank=True)
    panel = models.OneToOneField("Panel", null=True, blank=True, on_delete=models.PROTECT, related_name="rater")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, language_model__isnull=True, panel__isnull=True)
                | models.Q(user__isnull=True, language_model__isnull=False, panel__isnull=True)
                | models.Q(user__isnull=True, language_model__isnull=True, panel__isnull=False),
                name="rater_is_person_model_or_panel",
            ),
            models.UniqueConstraint(fields=["language_model", "prompt_version"], name="rater_model_prompt_once"),
        ]

    def __str__(self) -> str:
        if self.user is not None:
            return self.user.get_username()
        if self.panel is not None:
            return f"{self.panel} (panel)"
        return f"{self.language_model} (prompt {self.prompt_version})"

    @property
    def is_person(self) -> bool:
        return self.user_id is not None

    @property
    def models(self) -> list[LanguageModel]:
        """The judge model that is asked, or those of a panel's members; none for a person."""
        if self.panel is not None:
            members = self.panel.members.select_related("rater__language_model")
            return [one.rater.language_model for one in members if one.rater.language_model is not None]
        return [] if self.language_model is None else [self.language_model]


class Panel(models.Model):
    """A judge made of several, whose labels are their vote; it never changes, so another one is another judge."""

    class Vote(models.TextChoices):
        MAJORITY = "majority", "Majority: every member counts the same"
        WEIGHTED = "weighted", "Weighted: as given for each member"
        MEASURED = "measured", "Weighted by the members' passports"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    name = models.CharField(max_length=100, unique=True)
    vote = models.CharField(max_length=10, choices=Vote, default=Vote.MAJORITY)
    is_serving = models.BooleanField(default=False, help_text="It judges what is made, in the place of the model.")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_serving"], condition=models.Q(is_serving=True), name="panel_one_serves_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return self.name


class PanelMember(models.Model):
    """A judge model, asked in one way, in a panel."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    panel = models.ForeignKey(Panel, on_delete=models.CASCADE, related_name="members")
    position = models.PositiveIntegerField()
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="seats")
    weight = models.FloatField(default=1.0, help_text="What its vote counts where nothing is measured.")
    measured = models.JSONField(
        default=dict, blank=True, help_text="{kind: {criterion: [of a vote to pass, to fail]}} from its passports."
    )

    class Meta:
        ordering = ["panel_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["panel", "rater"], name="panel_member_once"),
            models.CheckConstraint(condition=models.Q(weight__gt=0), name="panel_member_weight_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.panel}: {self.rater}"


class JudgeProfile(models.Model):
    """How a judge model is asked; one without a profile is asked in the usual way, the first choice of each."""

    class Rationale(models.TextChoices):
        AFTER = "after", "After the labels"
        BEFORE = "before", "Before the labels"

    class Calls(models.TextChoices):
        OUTPUT = "output", "One call for each output"
        GENERATION = "generation", "One call for all outputs of a generation"
        CRITERION = "criterion", "One call for each criterion, then a senior reviewer"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    language_model = models.OneToOneField(
        LanguageModel,
        on_delete=models.CASCADE,
        related_name="judge_profile",
        limit_choices_to={"role": LanguageModel.Role.JUDGE},
    )
    rationale = models.CharField(max_length=10, choices=Rationale, default=Rationale.AFTER)
    calls = models.CharField(max_length=12, choices=Calls, default=Calls.OUTPUT)

    def __str__(self) -> str:
        return f"{self.language_model}: {self.get_calls_display()}"

    @property
    def way(self) -> Way:
        """The way that it comes to; its prompt version is the rater's."""
        return Way(self.rationale == self.Rationale.BEFORE, self.calls)  # type: ignore[arg-type]  # the choices


class Campaign(models.Model):
    """What is reviewed by people: a sample of generations, under one rubric."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        CLOSED = "closed", "Closed"

    class Plan(models.TextChoices):
        UNIFORM = "uniform", "Uniform"
        STRATIFIED = "stratified", "Stratified"
        UNCERTAINTY = "uncertainty", "Uncertainty first"

    class StrataBy(models.TextChoices):
        MODEL = "model", "By model"
        ACTIVITY = "activity", "By shopper activity"

    class Allocation(models.TextChoices):
        PROPORTIONAL = "proportional", "In proportion"
        EQUAL = "equal", "The same from each"

    class Uncertainty(models.TextChoices):
        MARGIN = "margin", "1 − its highest label probability"
        ENTROPY = "entropy", "Entropy of its label probabilities"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    name = models.CharField(max_length=200, unique=True)
    stage = models.CharField(max_length=12, choices=Stage)
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, limit_choices_to={"version__gt": 0})
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    sampling_rate = models.FloatField(
        default=1.0, help_text="Share of finished generations drawn, each independently: its inclusion probability."
    )
    plan = models.CharField(max_length=12, choices=Plan, default=Plan.UNIFORM)
    strata_by = models.CharField(max_length=12, choices=StrataBy, blank=True)
    allocation = models.CharField(max_length=12, choices=Allocation, default=Allocation.PROPORTIONAL)
    uncertainty = models.CharField(max_length=12, choices=Uncertainty, default=Uncertainty.MARGIN)
    uniform_floor = models.FloatField(
        default=0.2, help_text="Share of the probability that does not depend on the judge's uncertainty."
    )
    size = models.PositiveIntegerField(null=True, blank=True, help_text="Generations asked for; empty: by rate.")
    precision = models.FloatField(null=True, blank=True, help_text="The size was asked for as ± this, as a share.")
    population_models = models.ManyToManyField(
        LanguageModel, blank=True, related_name="+", help_text="Whose generations are drawn from. Empty: every model's."
    )
    prompt_versions = ArrayField(models.CharField(max_length=40), default=list, blank=True, help_text="Empty: every.")
    created_from = models.DateField(null=True, blank=True, help_text="First day of the generations drawn from.")
    created_until = models.DateField(null=True, blank=True, help_text="Last day of the generations drawn from.")
    design = models.JSONField(
        default=dict, blank=True, editable=False, help_text="The plan's thresholds, as `sampling.Design` keeps them."
    )
    guidelines = models.TextField(
        blank=True, help_text="Markdown; shown beside the work, before the rubric's guideline."
    )
    overlap = models.PositiveIntegerField(default=1, help_text="People per generation.")
    blind = models.BooleanField(default=True, help_text="The judge's labels appear only after submitting.")
    lease_s = models.PositiveIntegerField(default=900, help_text="Seconds without a sign of life before work returns.")
    members = models.ManyToManyField(User, blank=True, help_text="Empty: every annotator.")
    gold_share = models.FloatField(default=0.0, help_text="Share of a person's screens that are gold units, 0 to 0.5.")
    gold_bar = models.FloatField(
        null=True, blank=True, help_text="Gold accuracy asked of annotators, 0 to 1. Empty: the site's."
    )
    deadline = models.DateField(null=True, blank=True)
    follows = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="followers",
        editable=False,
        help_text="Whose units are queued again here, under another version of the rubric.",
    )
    drawn_as = models.UUIDField(
        null=True, blank=True, editable=False, help_text="The first campaign of those that follow each other: its draw."
    )
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sampling_rate__gt=0, sampling_rate__lte=1), name="campaign_rate_0_to_1"
            ),
            models.CheckConstraint(condition=models.Q(overlap__gte=1), name="campaign_overlap_positive"),
            models.CheckConstraint(
                condition=models.Q(uniform_floor__gt=0, uniform_floor__lte=1), name="campaign_floor_0_to_1"
            ),
            models.CheckConstraint(
                condition=models.Q(gold_share__gte=0, gold_share__lte=0.5), name="campaign_gold_share_to_half"
            ),
            models.CheckConstraint(
                condition=models.Q(gold_bar__isnull=True) | models.Q(gold_bar__gt=0, gold_bar__lte=1),
                name="campaign_gold_bar_0_to_1",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("judge:campaign-next", args=[self.pk])

    @property
    def draw(self) -> UUID:
        """What the lots of its generations are drawn with: one that follows another draws the same ones."""
        return self.drawn_as or self.pk


class CampaignUnitQuerySet(models.QuerySet["CampaignUnit"]):
    def sampled(self) -> CampaignUnitQuerySet:
        """What the plan drew: all that may be counted and estimated from."""
        return self.filter(is_gold=False)

    def gold(self) -> CampaignUnitQuerySet:
        """What a lead chose since its labels are known, mixed in to see how well people label."""
        return self.filter(is_gold=True)


class CampaignUnit(models.Model):
    """One generation of a campaign: drawn by the plan, with the probability of that, or a gold unit, without any."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="units")
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="campaign_units")
    is_gold = models.BooleanField(default=False, db_default=False)
    inclusion_probability = models.FloatField(null=True, blank=True, help_text="Empty for a gold unit: nobody drew it.")
    stratum = models.CharField(max_length=100, blank=True, help_text="As the plan names it; empty in a uniform one.")
    n_taken = models.PositiveIntegerField(
        default=0, help_text="Places leased or submitted: at most the overlap, of a gold unit any number."
    )
    n_submitted = models.PositiveIntegerField(default=0)

    objects = CampaignUnitQuerySet.as_manager()

    class Meta:
        constraints = [
            # A gold unit must not keep the plan from drawing the same generation: the sample would be biased.
            models.UniqueConstraint(fields=["campaign", "generation", "is_gold"], name="campaign_unit_once"),
            models.CheckConstraint(
                condition=models.Q(is_gold=True, inclusion_probability__isnull=True)
                | models.Q(
                    is_gold=False,
                    inclusion_probability__isnull=False,
                    inclusion_probability__gt=0,
                    inclusion_probability__lte=1,
                ),
                name="campaign_unit_probability_0_to_1",
            ),
        ]
        indexes = [models.Index(fields=["campaign", "n_taken", "created_at"], name="campaign_unit_queue")]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.generation}"


class Assignment(models.Model):
    """One screen of work: a unit in the hands of one annotator."""

    class State(models.TextChoices):
        LEASED = "leased", "In work"
        SUBMITTED = "submitted", "Submitted"
        SKIPPED = "skipped", "Skipped"
        EXPIRED = "expired", "Lease expired"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    unit = models.ForeignKey(CampaignUnit, on_delete=models.CASCADE, related_name="assignments")
    annotator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="assignments")
    state = models.CharField(max_length=10, choices=State, default=State.LEASED)
    lease_until = models.DateTimeField()
    draft = models.JSONField(default=dict, blank=True, help_text="{output id: {labels, comment}} not yet submitted.")
    draft_version = models.PositiveIntegerField(default=0, help_text="Rises with every save; a stale save is refused.")
    skip_reason = models.TextField(blank=True)
    flag = models.TextField(blank=True, help_text="What the annotator wants a lead to see.")
    seconds = models.FloatField(default=0.0, help_text="Time at work, by the browser's clock.")
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["unit", "annotator"], name="assignment_once_per_person")]
        indexes = [
            models.Index(fields=["annotator", "state"], name="assignment_annotator_state"),
            models.Index(fields=["annotator", "-created_at"], name="assignment_latest"),
            models.Index(
                fields=["annotator", "-submitted_at"], condition=models.Q(state="submitted"), name="assignment_submits"
            ),
            models.Index(fields=["lease_until"], condition=models.Q(state="leased"), name="assignment_leases"),
        ]

    def __str__(self) -> str:
        return f"{self.unit} / {self.annotator}"

    def get_absolute_url(self) -> str:
        return reverse("judge:assignment", args=[self.pk])

    @cached_property
    def kept_outputs(self) -> list[Output]:
        """What is rated: the outputs that no rule rejected, in their order. Those of a generation never change."""
        return list(Output.objects.kept().filter(generation=self.unit.generation_id).order_by("position"))


class Tally(models.Model):
    """How much one person has submitted in a campaign; moved by the statements that submit and take back."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="tallies")
    annotator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    n_submitted = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [models.UniqueConstraint(fields=["campaign", "annotator"], name="tally_once")]

    def __str__(self) -> str:
        return f"{self.campaign}, {self.annotator}: {self.n_submitted}"


class AssessmentQuerySet(models.QuerySet["Assessment"]):
    def verdicts(self) -> AssessmentQuerySet:
        """Of judges in their own right: a panel's vote, but not what each member said for it."""
        return self.filter(rater__user__isnull=True, as_member=False)


class Assessment(models.Model):
    """A rater's labels for one output; a correction is a new revision, never an overwrite."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="assessments")
    output = models.ForeignKey(Output, on_delete=models.CASCADE, related_name="assessments")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT)
    assignment = models.ForeignKey(
        Assignment, null=True, blank=True, on_delete=models.PROTECT, related_name="assessments"
    )
    revision = models.PositiveIntegerField(default=1, help_text="1 is the first, blind one: the one that counts.")
    labels = models.JSONField(help_text="{criterion name: label value}; empty where the judge gave no usable answer.")
    passed = models.BooleanField(null=True, help_text="Every criterion passed; empty where there are no labels.")
    rationale = models.TextField(blank=True, help_text="The judge's reason, or the person's comment.")
    probabilities = models.JSONField(
        default=dict,
        blank=True,
        help_text="{criterion: {label: probability}} where the engine gives log-probabilities.",
    )
    seconds = models.FloatField(default=0.0)
    blind = models.BooleanField(default=True, help_text="Given before the other side's labels were seen.")
    raw_text = models.TextField(blank=True)
    error = models.TextField(blank=True)
    grade = models.CharField(
        max_length=1, blank=True, db_default="", help_text="S, A or B from a judge with a senior reviewer; B fails."
    )
    prompt_tokens = models.PositiveIntegerField(default=0, db_default=0, help_text="Its share of what was read for it.")
    completion_tokens = models.PositiveIntegerField(default=0, db_default=0)
    as_member = models.BooleanField(default=False, db_default=False, help_text="Asked for the vote of a panel.")

    objects = AssessmentQuerySet.as_manager()

    class Meta:
        ordering = ["output_id", "created_at"]
        constraints = [
            models.UniqueConstraint(fields=["rater", "output", "rubric", "revision"], name="assessment_once")
        ]
        indexes = [models.Index(fields=["output", "rubric", "revision"], name="assessment_output")]

    def __str__(self) -> str:
        return f"{self.rater}: {self.output}"


class JudgeCheckQuerySet(models.QuerySet["JudgeCheck"]):
    def with_progress(self) -> JudgeCheckQuerySet:
        """Add `n_questions` and `n_answered`, and read whose check it is along."""
        return self.select_related("rater__language_model", "rater__panel", "rater__user", "rubric").annotate(
            n_questions=models.Count("cases"),
            n_answered=models.Count("cases", filter=models.Q(cases__answered_at__isnull=False)),
        )


class JudgeCheck(models.Model):
    """One automatic check of a judge under a rubric: planted defects and probes, each a question to the judge."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="checks")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="checks")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    budget = models.PositiveIntegerField(help_text="Most questions that the judge is asked.")
    seed = models.PositiveIntegerField(default=0, help_text="Of the sample and of what is planted.")
    version = models.JSONField(help_text="Model, adapter and prompt of the judge when the check began.")
    injections_planned = models.BooleanField(default=False, help_text="They build on answers, so they come last.")
    error = models.TextField(blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="A worker holds the check until then.")
    lease_token = models.UUIDField(null=True, blank=True)
    sent_at = models.DateTimeField(default=timezone.now, help_text="When a task was last sent for it.")
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JudgeCheckQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["rater", "rubric"],
                condition=models.Q(state__in=["queued", "running"]),
                name="judge_check_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.rater}, {self.rubric}, {self.created_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        return reverse("judge:check", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES


class CheckCase(models.Model):
    """One question of a check and the judge's answer, stored once."""

    class Probe(models.TextChoices):
        BASE = "base", "As it is"
        PLANTED = "planted", "Planted defect"
        REPEAT = "repeat", "Asked again"
        WARM = "warm", "Asked again at a small temperature"
        REVERSED = "reversed", "Criteria in reversed order"
        LONGER = "longer", "Said twice"
        INJECTED_OUTPUT = "injected_output", "Order to the judge in the output"
        INJECTED_EVIDENCE = "injected_evidence", "Order to the judge in an item title"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    judge_check = models.ForeignKey(JudgeCheck, on_delete=models.CASCADE, related_name="cases")
    key = models.CharField(max_length=120, help_text="Names the question within its check.")
    probe = models.CharField(max_length=20, choices=Probe)
    defect = models.CharField(max_length=40, blank=True)
    criterion = models.CharField(max_length=40, blank=True, help_text="The one that the defect breaks.")
    output = models.ForeignKey(Output, on_delete=models.CASCADE, related_name="check_cases")
    compared_with = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, help_text="The question that this one is a variant of."
    )
    question = models.JSONField(help_text="What the judge reads, and in which order it is asked.")
    temperature = models.FloatField(default=0.0)
    answered_at = models.DateTimeField(null=True, blank=True)
    labels = models.JSONField(default=dict, help_text="{criterion: label}; empty where the answer was of no use.")
    passed = models.BooleanField(null=True, help_text="Every criterion passed; empty without labels.")
    rationale = models.TextField(blank=True)
    probabilities = models.JSONField(default=dict, blank=True)
    seconds = models.FloatField(default=0.0)
    raw_text = models.TextField(blank=True)
    error = models.TextField(blank=True)
    grade = models.CharField(max_length=1, blank=True, db_default="")
    prompt_tokens = models.PositiveIntegerField(default=0, db_default=0)
    completion_tokens = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        ordering = ["judge_check_id", "id"]
        constraints = [models.UniqueConstraint(fields=["judge_check", "key"], name="check_case_once")]

    def __str__(self) -> str:
        return self.key


class Passport(models.Model):
    """What a check and people's labels said of a judge on one day; whether it still holds: `judge.passports`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    judge_check = models.OneToOneField(JudgeCheck, on_delete=models.PROTECT, related_name="passport")
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="passports")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="passports")
    version = models.JSONField(help_text="Model, adapter and prompt of the judge.")
    figures = models.JSONField(help_text="Estimates by criterion, defect and check, with interval and n.")
    measured_on = models.JSONField(help_text="Outputs, shoppers, generating models, campaigns, and their dates.")

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["rater", "rubric", "-created_at"], name="passport_newest")]

    def __str__(self) -> str:
        return f"{self.rater}, {self.rubric}, {self.created_at:%Y-%m-%d}"


class Alert(models.Model):
    """Something is wrong with a judge: open until a lead has taken notice."""

    class Signal(models.TextChoices):
        DRIFT = "drift", "Drift"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    signal = models.CharField(max_length=10, choices=Signal)
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="alerts")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="alerts")
    about = models.DateField(help_text="The Monday of the week that gave rise to it.")
    message = models.TextField()
    facts = models.JSONField(help_text="The figures behind the message.")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    note = models.TextField(blank=True, help_text="What the lead found or did.")

    class Meta:
        ordering = ["-about", "-created_at"]
        constraints = [models.UniqueConstraint(fields=["signal", "rater", "rubric", "about"], name="alert_once")]

    def __str__(self) -> str:
        return f"{self.get_signal_display()} of {self.rater} on {self.rubric.kind}s, {self.about:%Y-%m-%d}"


class Resolution(models.Model):
    """The labels that a lead decided on where raters differ, beside theirs; a correction is a new revision."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    output = models.ForeignKey(Output, on_delete=models.CASCADE, related_name="resolutions")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT)
    revision = models.PositiveIntegerField(default=1, help_text="The highest one is in force.")
    labels = models.JSONField(help_text="{criterion name: label value}")
    passed = models.BooleanField(help_text="Every criterion passed.")
    reason = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    by_rater = models.BooleanField(default=False, help_text="Whoever decided had labelled the output themselves.")

    class Meta:
        ordering = ["output_id", "-revision"]
        constraints = [
            models.UniqueConstraint(fields=["output", "rubric", "revision"], name="resolution_revision_once"),
            models.CheckConstraint(condition=~models.Q(reason=""), name="resolution_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.output}: revision {self.revision}"


class GoldQuerySet(models.QuerySet["Gold"]):
    def in_force(self) -> GoldQuerySet:
        """Those that were not withdrawn: what raters are measured by."""
        return self.filter(withdrawn_at__isnull=True)


class Gold(models.Model):
    """A generation whose right labels are known under one rubric: what shows how well somebody labels."""

    class Source(models.TextChoices):
        RESOLVED = "resolved", "From resolutions"
        REVIEW = "review", "From a review"
        HAND = "hand", "By hand"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, related_name="gold")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="+")
    labels = models.JSONField(help_text="{output id: {criterion name: label value}} for every kept output.")
    source = models.CharField(max_length=10, choices=Source)
    reason = models.TextField(blank=True, help_text="Why these labels are right.")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = GoldQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "gold"
        constraints = [
            models.UniqueConstraint(
                fields=["generation", "rubric"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="gold_in_force_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.generation}, {self.rubric}"
