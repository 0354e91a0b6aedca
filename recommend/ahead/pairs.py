"""Which pairs of interest and item are explained ahead, and what is written down of them.

As the V1 report has it: the tags of an interest, their categories by the tag-to-category model, the items of these. Of
the items the most popular ones, since nobody asks for most of the others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, QuerySet
from django.utils import timezone

from recommend import calls, jobs
from recommend.ahead.lookup import key_of
from recommend.categories import categories_of
from recommend.models import (
    ExplanationFill,
    Generation,
    Item,
    JobState,
    LanguageModel,
    Output,
    PipelineRun,
    Stage,
    StoredExplanation,
)
from recommend.populations import members
from recommend.prompts import Prompt, load
from recommend.steps.explanations import item_info

MAX_TAGS = 20  # of an interest, the most common


@dataclass(frozen=True, slots=True)
class Interest:
    """An interest that shoppers share; texts are the ways in which it was written, the most common first."""

    key: str
    texts: tuple[str, ...]
    n_shoppers: int

    def example(self) -> Output:
        """Its newest output: the interest that what is made for the pair belongs to."""
        found = Output.objects.kept().filter(kind=Output.Kind.INTEREST, text__in=self.texts)
        return found.select_related("generation__run__shopper").order_by("-created_at")[0]


def interests(language: str, since: datetime, n: int) -> list[Interest]:
    """The interests of most shoppers, at most `n`, in runs of a language since a moment."""
    rows = (
        Output.objects.kept()
        .filter(kind=Output.Kind.INTEREST, generation__run__language=language, created_at__gte=since)
        .order_by()
        .values_list("text")
        .annotate(n=Count("generation__shopper", distinct=True))
    )
    spelt: dict[str, Counter[str]] = defaultdict(Counter)
    for text, n_shoppers in rows:
        if key := key_of(text):
            spelt[key][text] = n_shoppers
    found = [
        Interest(key, tuple(text for text, _ in texts.most_common()), sum(texts.values()))
        for key, texts in spelt.items()
    ]
    return sorted(found, key=lambda one: (-one.n_shoppers, one.key))[:n]


def items(interest: Interest, n: int) -> list[tuple[Item, str]]:
    """The items that an interest leads to, the most popular first, at most `n`; each with the tag that led there.

    Raises NotFittedError before the first fit of the tag-to-category model.
    """
    tags = (
        Output.objects.kept()
        .filter(kind=Output.Kind.TAG, parent__text__in=interest.texts)
        .order_by()
        .values_list("text", flat=True)
        .annotate(n=Count("pk"))
        .order_by("-n", "text")[:MAX_TAGS]
    )
    reached: dict[tuple[str, ...], str] = {}
    for tag, category in zip(tags, categories_of(list(tags)), strict=True):
        reached.setdefault(category.path, tag)
    found = [(item, tag) for path, tag in reached.items() for item in _popular(path, n)]
    return sorted(found, key=lambda pair: (-pair[0].n_behaviors, pair[0].pk))[:n]


def _popular(path: tuple[str, ...], n: int) -> list[Item]:
    of_category = Item.objects.filter(**{f"category__0_{len(path)}": list(path)})
    return list(of_category.order_by("-n_behaviors", "pk")[:n])


@transaction.atomic
def write_down(fill: ExplanationFill, token: UUID, model: LanguageModel) -> None:
    """Store what the job is to ask: a run for each interest, and a queued generation for each item of it."""
    jobs.renew(fill, token)
    prompt = load(Stage.EXPLANATIONS, model.prompt_version)
    since = fill.created_at - timedelta(days=fill.days)
    n_wanted = 0
    for interest in interests(fill.language, since, fill.n_interests):
        fresh = set(_fresh(fill, interest.key, model, prompt).values_list("item_id", flat=True))
        found = [(item, tag) for item, tag in items(interest, fill.n_items) if item.pk not in fresh]
        if found:
            n_wanted += len(_write_run(fill, interest.example(), found, model, prompt))
        jobs.renew(fill, token)
    ExplanationFill.objects.filter(pk=fill.pk).update(n_wanted=n_wanted)


def _fresh(fill: ExplanationFill, interest: str, model: LanguageModel, prompt: Prompt) -> QuerySet[StoredExplanation]:
    """What is stored for an interest and need not be made anew: by this model and prompt, not too old."""
    return StoredExplanation.objects.filter(
        interest=interest,
        language=fill.language,
        stored_at__gte=fill.created_at - timedelta(days=fill.max_age_days),
        item_version=F("item__version"),
        output__generation__model=model,
        output__generation__prompt_sha256=prompt.sha256,
    )


def _write_run(
    fill: ExplanationFill, interest: Output, found: list[tuple[Item, str]], model: LanguageModel, prompt: Prompt
) -> list[Generation]:
    """The run of an interest is of a shopper who has it: what that one did is the evidence for whoever reviews."""
    shown = interest.generation.run
    run = PipelineRun.objects.create(
        shopper=shown.shopper,
        created_by_id=fill.created_by_id,
        explanation_fill=fill,
        state=JobState.RUNNING,
        step=Stage.EXPLANATIONS,
        steps=[Stage.EXPLANATIONS],
        reference_at=timezone.now(),
        n_items=len(found),
        language=fill.language,
        history=shown.history,
        priority=members.PRIORITY,
        started_at=timezone.now(),
    )
    evidence = {name: interest.generation.input.get(name) for name in ("attributes", "history")}
    made = []
    for position, (item, tag) in enumerate(found, start=1):
        # The price is left out: it changes more often than what there is to say, and the version does not hold it.
        card = replace(item_info(item), price=None)
        snapshot = {
            **evidence,
            "reference": run.reference_at.date().isoformat(),
            "item": {"title": card.title, "category": card.category, "brand": card.brand, "price": None},
            "interest": {"text": interest.text, "stage": "", "reason": ""},
            "tag": tag,
            "ahead": {"item": str(item.pk), "version": item.version, "parent": str(interest.pk)},
        }
        made.append(
            Generation(
                run=run,
                shopper=run.shopper,
                stage=Stage.EXPLANATIONS,
                position=position,
                model=model,
                prompt_version=prompt.version,
                prompt_sha256=prompt.sha256,
                input=snapshot,
                input_sha256=calls.sha256_of(snapshot),
            )
        )
    return Generation.objects.bulk_create(made)
