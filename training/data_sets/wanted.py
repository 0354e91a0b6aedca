"""What is asked of a data set: the query that makes it, checked before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recommend.languages import LANGUAGES

MAX_ROWS = 500_000
RULES, PEOPLE_ALONE = "rules", "people"


Stage = Literal["curriculum", "self-training", "pre-alignment", "judge", "preferences", "rewards", "incremental"]
# Those that read what was generated.
_OF_OUTPUTS: tuple[Stage, ...] = ("self-training", "pre-alignment", "judge", "preferences", "rewards")
# Values that only some stages read: what is not read must not be set, lest somebody takes it to count.
OF_STAGES: dict[str, tuple[Stage, ...]] = {
    **dict.fromkeys(("models", "prompt_versions", "created_from", "created_until", "languages"), _OF_OUTPUTS),
    "curation": ("self-training", "pre-alignment"),
    "judge": ("self-training", "pre-alignment", "preferences", "rewards"),
    "criteria": ("judge",),
    "half_life_days": ("judge",),
    "tasks": ("curriculum",),
    "per_task": ("curriculum",),
    "until": ("curriculum", "incremental"),
    "days": ("incremental",),
    "tag_text": ("incremental",),
    "relevance": ("incremental",),
    "max_tags": ("incremental",),
    "per_category": ("incremental",),
}


class DataSetError(ValueError):
    """A data set that cannot be; `field` names the value at fault, "" where it is none."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Wanted(BaseModel):
    """The query of a data set. Defaults are ours: the reports name none of these numbers.

    kind                of outputs that the rows are made from; curriculum: of no account
    tasks, per_task     curriculum: which tasks, none: all; most rows of each
    models              whose generations, by id; none: every model's
    judge               id of the rater whose labels count where people said nothing; none: the one that serves
    curation            self-training, pre-alignment: what accepts an output: rules alone, labels, or people's alone
    criteria            judge: those that it is trained on; none: every
    half_life_days      judge: age at which a label of the majority is half as likely to stay
    until               incremental, curriculum: only behaviours before this day; none: before today
    days                incremental: how many days up to it
    tag_text            incremental: what is the tag, the item's title, as in the report, or its narrowest category
    relevance           incremental: least cosine of an item's text and an interest that explains it
    max_tags            incremental: most tags of one shopper, drawn before per_category; 80 in the report
    per_category        incremental: most of these in one category; 2 in the report
    languages           of the answers; none: every
    max_tokens          most of prompt and answer together, estimated
    near                Jaccard similarity from which two rows are the same; 1: only exact duplicates
    per_shopper         most rows of one shopper in training, the newest
    most                most rows that are read, the newest
    validation_share    of shoppers, held out to follow training by
    split_at            training looks from days before it, validation from it on; none: split by shopper alone
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: Stage
    kind: Literal["interest", "tag", "explanation"] = "tag"
    models: tuple[UUID, ...] = ()
    prompt_versions: tuple[str, ...] = ()
    created_from: date | None = None
    created_until: date | None = None
    judge: UUID | None = None
    curation: Literal["rules", "labels", "people"] = "labels"
    criteria: tuple[str, ...] = ()
    half_life_days: float = Field(default=90, gt=0, le=36_500)
    tasks: tuple[str, ...] = ()
    per_task: int = Field(default=300, ge=1, le=MAX_ROWS)
    until: date | None = None
    days: int = Field(default=14, ge=1, le=365)
    tag_text: Literal["title", "category"] = "title"
    relevance: float = Field(default=0.3, ge=-1.0, le=1.0)
    max_tags: int = Field(default=80, ge=1, le=1_000)
    per_category: int = Field(default=2, ge=1, le=1_000)
    languages: tuple[str, ...] = ()
    max_tokens: int = Field(default=8_192, ge=64, le=1_000_000)
    near: float = Field(default=0.8, ge=0.5, le=1.0)
    per_shopper: int = Field(default=20, ge=1, le=10_000)
    most: int = Field(default=100_000, ge=1, le=MAX_ROWS)
    validation_share: float = Field(default=0.05, ge=0.0, le=0.5)
    split_at: date | None = None
    seed: int = Field(default=0, ge=0, le=2**31 - 1)

    def as_json(self) -> dict[str, Any]:
        """As it is stored: without what its stage does not read."""
        unread = {name for name, stages in OF_STAGES.items() if self.stage not in stages}
        return self.model_dump(mode="json", exclude=unread)


_DEFAULTS = {name: field.get_default() for name, field in Wanted.model_fields.items() if name in OF_STAGES}


def read(given: Mapping[str, Any]) -> Wanted:
    """The query that was given. Raises DataSetError, naming the value and the remedy."""
    try:
        wanted = Wanted.model_validate(given)
    except ValidationError as invalid:
        problem = invalid.errors()[0]
        name = str(problem["loc"][0]) if problem["loc"] else ""
        raise DataSetError(f"{name}: {problem['msg']}. Given: {problem['input']!r}.", name) from invalid
    for name, stages in OF_STAGES.items():
        if wanted.stage not in stages and getattr(wanted, name) != _DEFAULTS[name]:
            raise DataSetError(f"{name} is read for {', '.join(stages)} alone. Leave it out.", name)
    if unknown := [code for code in wanted.languages if code not in LANGUAGES]:
        raise DataSetError(f"“{unknown[0]}” is no language of ours. There is {', '.join(LANGUAGES)}.", "languages")
    if wanted.created_from and wanted.created_until and wanted.created_until < wanted.created_from:
        raise DataSetError(f"{wanted.created_until} is before {wanted.created_from}, the first day.", "created_until")
    if wanted.stage == "pre-alignment" and not wanted.models:
        raise DataSetError("Pre-alignment learns from a teacher. Name the model or models that are one.", "models")
    if wanted.stage == "self-training" and wanted.curation == RULES:
        raise DataSetError("Self-training takes only what labels accepted. Use curation labels or people.", "curation")
    return wanted
