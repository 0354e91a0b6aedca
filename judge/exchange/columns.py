"""The columns of an export: one row is one assessment, with its output and all that its figures are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Case, F, QuerySet, TextField, Value, When
from django.db.models.functions import Coalesce

from judge.models import Assessment

PERSON, MODEL = "person", "model"

# id: a UUID; text; integer, number, flag, time: what they say; json: an object or list that differs from row to row
Kind = Literal["id", "text", "integer", "number", "flag", "time", "labels", "probabilities", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `source` is an expression over Assessment; None where the model's field has the column's name."""

    name: str
    kind: Kind
    meaning: str
    source: Any = None


COLUMNS: tuple[Column, ...] = (
    Column("assessment", "id", "the row's key", F("pk")),
    Column("rated_at", "time", "when the labels were stored", F("created_at")),
    Column(
        "rater_kind",
        "text",
        f"`{PERSON}` or `{MODEL}`",
        Case(When(rater__user__isnull=False, then=Value(PERSON)), default=Value(MODEL), output_field=TextField()),
    ),
    Column(
        "rater_name",
        "text",
        "the user's, the judge model's or the panel's name",
        Coalesce(
            "rater__user__username", "rater__language_model__name", "rater__panel__name", output_field=TextField()
        ),
    ),
    Column("rater_prompt_version", "text", "of the judge's prompt; empty for people", F("rater__prompt_version")),
    Column("rater_id", "id", "tells raters of one name apart"),
    Column("rubric_version", "integer", "of the rubric for this kind of output", F("rubric__version")),
    Column("revision", "integer", "1 is the first, the one that counts; a correction is the next"),
    Column("blind", "flag", "given before the other side's labels were seen"),
    Column("labels", "labels", "{criterion: label}; none where a judge's answer was unusable"),
    Column("passed", "flag", "every criterion passed; none without labels"),
    Column("rationale", "text", "the judge's reason, or the person's comment"),
    Column("probabilities", "probabilities", "{criterion: {label: probability}} where the judge's engine gives them"),
    Column("seconds", "number", "a person's time at work, or the judge's"),
    Column("error", "text", "why a judge's answer was unusable"),
    Column("output_id", "id", "the output that was rated"),
    Column("output_kind", "text", "`interest`, `tag` or `explanation`", F("output__kind")),
    Column("output_position", "integer", "its place among its generation's outputs, from 0", F("output__position")),
    Column("output_text", "text", "what was rated", F("output__text")),
    Column("output_reason", "text", "the reason that the model gave", F("output__reason")),
    Column("output_stage", "text", "of interests: long-term, emerging or seasonal", F("output__stage")),
    Column("output_evidence", "json", "numbers of the history lines that it cites", F("output__evidence")),
    Column("output_rejected_by", "text", "the rule that rejected it; empty if none", F("output__rejected_by")),
    Column("parent", "id", "a tag's or an explanation's interest", F("output__parent_id")),
    Column("parent_text", "text", "that interest's text", F("output__parent__text")),
    Column("item_sku", "text", "the item that an explanation speaks of", F("output__item__sku")),
    Column("item_title", "text", "its title", F("output__item__title")),
    Column("generation", "id", "the call that made the output", F("output__generation_id")),
    Column("run", "id", "the run that the call belongs to", F("output__generation__run_id")),
    Column("stage", "text", "`interests`, `tags` or `explanations`", F("output__generation__stage")),
    Column("model", "text", "the model that made the output", F("output__generation__model__name")),
    Column("prompt_version", "text", "of its prompt", F("output__generation__prompt_version")),
    Column("generated_at", "time", "when it was made", F("output__generation__finished_at")),
    Column("shopper", "text", "external id; intervals count shoppers", F("output__generation__shopper__external_id")),
    Column("campaign", "text", "where a person reviewed it", F("assignment__unit__campaign__name")),
    Column("campaign_overlap", "integer", "people per generation there", F("assignment__unit__campaign__overlap")),
    Column(
        "inclusion_probability",
        "number",
        "that the campaign's plan drew the generation; empty for a gold unit, which nothing is estimated from",
        F("assignment__unit__inclusion_probability"),
    ),
    Column("assignment_id", "id", "the screen of work that the labels were submitted with"),
)
NAMES = tuple(column.name for column in COLUMNS)


def select(assessments: QuerySet[Assessment]) -> QuerySet[Any, Any]:
    """The assessments as tuples in the order of COLUMNS."""
    named = {column.name: column.source for column in COLUMNS if column.source is not None}
    return assessments.annotate(**named).values_list(*NAMES)
