"""What a draft of a rubric is typed into: its texts, and a card for each criterion with its labels and examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import forms

from judge import rubric_editing as editing
from judge.rubrics import CriterionDef, ExampleDef, LabelDef, RubricDef

SPARE_EXAMPLES = 2  # empty places behind those that are there; each save brings new ones


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class LabelForm(forms.Form):
    value = forms.CharField(required=False, max_length=30)
    title = forms.CharField(label="On the button", required=False, max_length=40)
    passes = forms.BooleanField(required=False)
    help = forms.CharField(label="What it means", required=False, max_length=300)

    def content(self) -> LabelDef | None:
        """The label; None for an empty row."""
        given = self.cleaned_data
        if not (given["value"] or given["title"] or given["help"]):
            return None
        return LabelDef(given["value"], given["title"], given["passes"], given["help"])


class ExampleForm(forms.Form):
    text = forms.CharField(label="Output", required=False, max_length=editing.MAX_EXAMPLE, widget=_area(2))
    label = forms.CharField(required=False, max_length=30)
    reason = forms.CharField(label="Why", required=False, max_length=editing.MAX_EXAMPLE)

    def content(self) -> ExampleDef | None:
        """The example; None for an empty row."""
        given = self.cleaned_data
        if not any(given.values()):
            return None
        return ExampleDef(given["text"], given["label"], given["reason"])


LabelForms = forms.formset_factory(LabelForm, extra=0, max_num=editing.MAX_LABELS, absolute_max=20)
ExampleForms = forms.formset_factory(ExampleForm, extra=SPARE_EXAMPLES, max_num=editing.MAX_EXAMPLES, absolute_max=50)


class CriterionForm(forms.Form):
    place = forms.IntegerField(label="Order", min_value=1, max_value=99)
    name = forms.CharField(max_length=40)
    title = forms.CharField(max_length=100, required=False)
    question = forms.CharField(required=False, max_length=1_000, widget=_area(2))
    guideline = forms.CharField(required=False, max_length=editing.MAX_TEXT, widget=_area(6))
    remove = forms.BooleanField(label="Leave this criterion out", required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, *args: Any, **options: Any) -> None:
        rows: Mapping[str, Any] = options.get("initial") or {}
        super().__init__(data, *args, **options)
        labels = [*rows.get("labels", ()), *[{}] * editing.MAX_LABELS][: editing.MAX_LABELS]
        self.labels = LabelForms(data, initial=labels, prefix=f"{self.prefix}-labels")
        self.examples = ExampleForms(data, initial=rows.get("examples", ()), prefix=f"{self.prefix}-examples")

    def is_valid(self) -> bool:
        return all([super().is_valid(), self.labels.is_valid(), self.examples.is_valid()])

    @property
    def n_errors(self) -> int:
        """How many values of it need another look."""
        sets = (self.labels, self.examples)
        rows = [one for formset in sets for one in formset]
        return sum(len(one.errors) for one in (self, *rows)) + sum(len(one.non_form_errors()) for one in sets)

    @property
    def is_unfinished(self) -> bool:
        """Whether its card wants to be seen at once: something in it is refused, or it is new."""
        return bool(self.n_errors) or not self["question"].value()

    def content(self) -> CriterionDef:
        """The criterion; the form must be valid."""
        given = self.cleaned_data
        return CriterionDef(
            name=given["name"],
            title=given["title"],
            question=given["question"],
            guideline=given["guideline"],
            labels=tuple(label for one in self.labels if (label := one.content())),
            examples=tuple(example for one in self.examples if (example := one.content())),
        )


CriterionForms = forms.formset_factory(CriterionForm, extra=0, max_num=editing.MAX_CRITERIA, absolute_max=30)


class RubricForm(forms.Form):
    """A whole draft; `edition` is the one that is changed."""

    title = forms.CharField(max_length=200)
    guideline = forms.CharField(required=False, max_length=editing.MAX_TEXT, widget=_area(10))
    edition = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    add = forms.ChoiceField(
        label="Another criterion",
        required=False,
        choices=[("", "none"), *((name, f"with {title}") for name, title in editing.SCALE_TITLES.items())],
    )

    def __init__(self, data: Mapping[str, Any] | None = None, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.criteria = CriterionForms(data, initial=(initial or {}).get("criteria", ()), prefix="criteria")

    @classmethod
    def of(cls, rubric: RubricDef, edition: int) -> RubricForm:
        """The form filled in with what a draft says."""
        criteria = [asdict(one) | {"place": place} for place, one in enumerate(rubric.criteria, start=1)]
        return cls(
            initial={
                "title": rubric.title,
                "guideline": rubric.guideline,
                "edition": edition,
                "criteria": criteria,
            }
        )

    def is_valid(self) -> bool:
        return all([super().is_valid(), self.criteria.is_valid()])

    @property
    def n_errors(self) -> int:
        """How many values need another look."""
        return len(self.errors) + sum(one.n_errors for one in self.criteria)

    def content(self, kind: str) -> RubricDef:
        """What the draft is to say, in the order of its places, with an empty criterion more where one is wanted."""
        cards = sorted((one for one in self.criteria if not one.cleaned_data["remove"]), key=_place)
        criteria = [one.content() for one in cards]
        if scale := self.cleaned_data["add"]:
            taken = {one.name for one in criteria}
            name = next(free for n in range(1, 100) if (free := f"criterion_{n}") not in taken)
            criteria.append(CriterionDef(name, "", "", "", editing.SCALES[scale]))
        given = self.cleaned_data
        return RubricDef(kind, given["title"], given["guideline"], tuple(criteria))  # type: ignore[arg-type]  # the draft's own

    def refuse(self, error: editing.RubricError) -> None:
        """Show a refusal at the criterion that it is about, else at the top."""
        at = [one for one in self.criteria if one.cleaned_data.get("name") == error.where] if error.where else []
        if at:
            at[-1].add_error("name", str(error))
        else:
            self.add_error(None, str(error))


def _place(card: CriterionForm) -> int:
    place: int = card.cleaned_data["place"]
    return place
