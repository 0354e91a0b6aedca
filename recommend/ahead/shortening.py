"""Short forms of items made by a model: the job that asks for them, where somebody wants that."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone
from pydantic import ValidationError

from recommend import calls, jobs
from recommend.ahead import asking
from recommend.ahead.asking import Question
from recommend.engines import factory
from recommend.engines.errors import UnknownEngineError
from recommend.engines.types import ChatRequest, ChatResult, Sampling
from recommend.models import Item, ItemShortForm, JobState, LanguageModel, ShortFormFill
from recommend.prompts import load
from recommend.rules import check_short_form
from recommend.stages import short_forms

BATCH = 100


def waiting(model: LanguageModel) -> QuerySet[Item]:
    """Items without a short form of their present version by this model and the newest prompt."""
    same = ItemShortForm.objects.filter(
        item=OuterRef("pk"),
        item_version=OuterRef("version"),
        model=model,
        prompt_sha256=load(short_forms.PROMPT).sha256,
    )
    return Item.objects.filter(~Exists(same))


def advance(fill_id: UUID) -> ShortFormFill | None:
    """Do the next piece of a job; see `recommend.jobs.advance`. Raises EngineUnavailableError."""
    return jobs.advance(ShortFormFill.objects.select_related("model"), fill_id, _advance)


def _advance(fill: ShortFormFill, token: UUID) -> None:
    asked: list[UUID] = []
    try:
        asking.ask(fill, token, factory.from_settings(fill.model.engine), _questions(fill, asked))
    except UnknownEngineError as unknown:
        jobs.end(fill, token, JobState.FAILED, str(unknown))
        return
    with transaction.atomic():
        jobs.renew(fill, token)
        if asked:
            # What was of no use is passed over from here on; whoever wants it asked again starts another job.
            ShortFormFill.objects.filter(pk=fill.pk).update(cursor=asked[-1])
            fill.cursor = asked[-1]
        if not _left(fill).exists():
            jobs.end(fill, token, JobState.DONE)


def _left(fill: ShortFormFill) -> QuerySet[Item]:
    found = waiting(fill.model).order_by("pk")
    return found.filter(pk__gt=fill.cursor) if fill.cursor else found


def _questions(fill: ShortFormFill, asked: list[UUID]) -> Iterator[Question]:
    rows = _left(fill)
    while batch := list(rows.filter(pk__gt=asked[-1])[:BATCH] if asked else rows[:BATCH]):
        for item in batch:
            asked.append(item.pk)
            yield _question(fill, item)


def _question(fill: ShortFormFill, item: Item) -> Question:
    prompt, category = load(short_forms.PROMPT), " > ".join(item.category)
    attributes = {name: value for name, value in item.attributes.items() if name != "in_stock"}
    given = short_forms.ShortFormInput(item.title, category, item.brand, attributes)

    def store(result: ChatResult) -> None:
        counted = "n_failed"
        if text := _read(result):
            is_kept = check_short_form(text, title=item.title, brand=item.brand, category=category) is None
            counted = "n_made" if is_kept else "n_rejected"
        if counted == "n_made":
            made = {"text": text, "item_version": item.version, "model": fill.model, "stored_at": timezone.now()}
            of = {"prompt_version": prompt.version, "prompt_sha256": prompt.sha256}
            ItemShortForm.objects.update_or_create(item=item, defaults=made | of)
        ShortFormFill.objects.filter(pk=fill.pk).update(
            prompt_tokens=F("prompt_tokens") + result.prompt_tokens,
            completion_tokens=F("completion_tokens") + result.completion_tokens,
            **{counted: F(counted) + 1},
        )

    request = ChatRequest(
        key=str(item.pk),
        messages=short_forms.messages(given, prompt),
        model=fill.model.name,
        schema=short_forms.schema(),
        sampling=Sampling(max_tokens=min(64, fill.model.max_tokens)),
        priority=calls.POPULATION_PRIORITY,
        options=fill.model.request_options,
    )
    return Question(request, store)


def _read(result: ChatResult) -> str:
    """The short form; "" where the answer is of no use."""
    if result.error is not None:
        return ""
    try:
        return short_forms.parse(result.parsed)
    except ValidationError:
        return ""
