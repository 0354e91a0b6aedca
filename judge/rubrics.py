"""What an output is judged by: the criteria of the V1 report, their scales, and what each label means.

Pure definitions, the source of what is seeded into the database; the judge is asked by the rubric that is in use there.
An output passes where it passes every criterion (V1 report, sections on quality control and on the human-LLM judge).
The report names the criteria and gives Yes/No and Excellent/Good/Bad as its two scales, but leaves open which criterion
has which; that choice, the wording and the grocery examples are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["interest", "tag", "explanation"]


class LabelError(ValueError):
    """A set of labels that does not answer its rubric: a criterion is missing, or a name or value is unknown."""


@dataclass(frozen=True, slots=True)
class LabelDef:
    """One answer on a criterion's scale.

    value   what is stored, exported and asked of the judge; within a criterion no two values begin with the same
            letters, so that the judge's first token already tells which one it means
    title   what a person reads on a button
    passes  whether an output with this label satisfies the criterion
    """

    value: str
    title: str
    passes: bool
    help: str = ""


def stored_text(text: str) -> str:
    """A text as a rubric stores it: no blanks around it, and not the character 0, which PostgreSQL cannot store."""
    return text.replace("\x00", "").replace("\r\n", "\n").strip()


@dataclass(frozen=True, slots=True)
class ExampleDef:
    """An output with the label that is right for it: what a judge without an adapter is shown.

    output   id of the output that it was taken from, "" for one that was made up
    shopper  id of that output's shopper: nothing of theirs is ever judged with it
    """

    text: str
    label: str
    reason: str = ""
    output: str = ""
    shopper: str = ""


@dataclass(frozen=True, slots=True)
class CriterionDef:
    """One question about an output; `guideline` is Markdown, `labels` run from best to worst."""

    name: str
    title: str
    question: str
    guideline: str
    labels: tuple[LabelDef, ...]
    examples: tuple[ExampleDef, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """The label values in the order of the scale, best first."""
        return tuple(label.value for label in self.labels)

    @property
    def passing(self) -> tuple[str, ...]:
        """The label values that satisfy the criterion."""
        return tuple(label.value for label in self.labels if label.passes)

    def pass_probability(self, probabilities: Mapping[str, Mapping[str, float]]) -> float | None:
        """Probability of a label that satisfies it, from {criterion name: {label value: probability}}.

        None where an engine gave none for it.
        """
        weights = probabilities.get(self.name)
        return sum(weights.get(value, 0.0) for value in self.passing) if weights else None

    def label(self, value: str) -> LabelDef:
        """The label of that exact value; raises LabelError for any other."""
        for label in self.labels:
            if label.value == value:
                return label
        raise LabelError(
            f"{self.name}: {value!r} is not a label of this criterion; use one of {', '.join(self.values)}"
        )


@dataclass(frozen=True, slots=True)
class RubricDef:
    """All criteria for one kind of output; `guideline` is Markdown shown beside the work."""

    kind: Kind
    title: str
    guideline: str
    criteria: tuple[CriterionDef, ...]
    version: int = 1

    def criterion(self, name: str) -> CriterionDef:
        """The criterion of that name; raises LabelError for any other."""
        for criterion in self.criteria:
            if criterion.name == name:
                return criterion
        known = ", ".join(criterion.name for criterion in self.criteria)
        raise LabelError(f"{self.kind}: {name!r} is not a criterion of this rubric; it has {known}")

    @property
    def example_shoppers(self) -> frozenset[str]:
        """Ids of the shoppers whose outputs are among the examples."""
        return frozenset(
            example.shopper for criterion in self.criteria for example in criterion.examples if example.shopper
        )

    def without(self, shopper: str) -> "RubricDef":
        """The rubric without the examples taken from a shopper: what their outputs are judged by.

        Else a judge would be told the answer. It is the same rubric for all shoppers but those few, so that they share
        the beginning of the prompt.
        """
        if shopper not in self.example_shoppers:
            return self
        return replace(
            self,
            criteria=tuple(
                replace(one, examples=tuple(example for example in one.examples if example.shopper != shopper))
                for one in self.criteria
            ),
        )

    def passes(self, labels: Mapping[str, str]) -> bool:
        """Whether labels {criterion name: label value} pass every criterion.

        Raises LabelError unless there is exactly one known label for each criterion: an output that was only half
        rated has no verdict, and counting it as failed would move a rate silently.
        """
        verdicts = [self.criterion(name).label(value).passes for name, value in labels.items()]
        missing = [criterion.name for criterion in self.criteria if criterion.name not in labels]
        if missing:
            raise LabelError(f"{self.kind}: no label for {', '.join(missing)}")
        return all(verdicts)


def passes(kind: Kind, labels: Mapping[str, str]) -> bool:
    """Whether an output of this kind passes with labels {criterion name: label value}.

    Raises LabelError for an unknown kind, a missing criterion, or an unknown criterion or label.

    >>> passes("interest", {"willingness": "Spontaneity", "reasonableness": "Strong"})
    True
    >>> passes("interest", {"willingness": "Necessity", "reasonableness": "Strong"})
    False
    """
    if kind not in RUBRICS:
        raise LabelError(f"there is no rubric for {kind!r}; there are {', '.join(RUBRICS)}")
    return RUBRICS[kind].passes(labels)


def yes_no(yes: str, no: str) -> tuple[LabelDef, ...]:
    """The binary scale of the report, with what either label means."""
    return (LabelDef("Yes", "Yes", True, yes), LabelDef("No", "No", False, no))


def three_level(excellent: str, good: str, bad: str) -> tuple[LabelDef, ...]:
    """The scale of three levels of the report, of which the upper two pass, with what each means."""
    return (
        LabelDef("Excellent", "Excellent", True, excellent),
        LabelDef("Good", "Good", True, good),
        LabelDef("Bad", "Bad", False, bad),
    )


INTEREST = RubricDef(
    kind="interest",
    title="Interests",
    guideline="""\
An interest is good if the shopper **wants** it and the history **shows** it. Read the lines of the history that the
reason cites first; they are highlighted. Judge what stands there, not what you know of such shoppers in general.

- Judge each interest on its own. Two that overlap may both pass.
- Something bought once is not yet an interest. Something that returns over weeks, or shows in several kinds of
  products, is.
- The two questions are independent: an interest can be well supported and still be a mere necessity.
""",
    criteria=(
        CriterionDef(
            name="willingness",
            title="Willingness",
            question="Does the shopper care about this by choice, or is it only something everybody has to buy?",
            guideline="""\
**Spontaneous**: liking, curiosity, passion or a way of life they chose. Charcoal, sausages and buns through the whole
summer → *grilling outdoors*. Flour, yeast and cake decorations → *home baking*. Caring for a baby, a pet or a diet
tells this household from others and counts as spontaneous.

**Necessity**: a need, a duty or a passing situation. Mostly bin bags, toilet paper and washing powder → *household
supplies*. Milk, bread and eggs → *everyday groceries*. Cough syrup in one winter week → *cold remedies*.
""",
            labels=(
                LabelDef("Spontaneity", "Spontaneous", True, "By choice: liking, curiosity, a way of life."),
                LabelDef("Necessity", "Necessity", False, "A need, a duty or a passing situation; anybody buys it."),
            ),
        ),
        CriterionDef(
            name="reasonableness",
            title="Reasonableness",
            question="How well does the history support this interest?",
            guideline="""\
**Strong**: a clear line from what was bought to the interest. Cat food, litter and cat toys, again and again →
*cat ownership*.

**Weak**: fits, but the evidence is thin or serves something else as well. One pot of basil → *herb gardening*.

**None**: what is cited is in the history, yet has nothing to do with the interest. Many kinds of cereal → *model
railways*.

**Invented**: the reason cites something that is not in the history, or counts that are not there. “Bought an easel and
acrylic paint”, where neither occurs → *painting at home*.
""",
            labels=(
                LabelDef("Strong", "Strong", True, "Clear and convincing evidence in the history."),
                LabelDef("Weak", "Weak", False, "Partial evidence: one purchase, or it fits something else as well."),
                LabelDef("None", "None", False, "The cited behaviour is real but unrelated."),
                LabelDef("Invented", "Invented", False, "The cited behaviour is not in the history."),
            ),
        ),
    ),
)

TAG = RubricDef(
    kind="tag",
    title="Item tags",
    guideline="""\
A tag names a product to look for: one or more modifiers and a core word, such as *wholegrain baby porridge*. It belongs
to the interest above it. Judge whether a search for exactly these words would bring products that this shopper has a
reason to look at.

- All four questions must be answered with Yes for the tag to pass.
- A tag that is fine in itself but belongs to another interest fails **Relevance** only.
- Novelty is welcome: a tag need not have been bought before to be consistent.
""",
    criteria=(
        CriterionDef(
            name="relevance",
            title="Relevance",
            question="Does the tag serve the interest that it names?",
            guideline="""\
**Yes**: *washable piping bag* for *home baking*; *long-handled barbecue tongs* for *grilling outdoors*.

**No**: it serves another wish, however plausible. *Scented pillow spray* for *home baking*; *embroidered cushion* for
*skin care*.
""",
            labels=yes_no("A product for this interest.", "A product for something else."),
        ),
        CriterionDef(
            name="consistency",
            title="Consistency",
            question="Does the tag fit this shopper's real profile and history?",
            guideline="""\
**Yes**: nothing in profile or history speaks against it, and something speaks for it. *Grain-free kitten food* for a
household that buys cat litter every month.

**No**: it contradicts them or rests on something made up. *Denture cleaner* for a household aged 19–24 that never
bought any; *pork sausages* for one that buys only vegetarian substitutes.
""",
            labels=yes_no("Grounded in this profile and history.", "Contradicts them, or rests on something made up."),
        ),
        CriterionDef(
            name="specificity",
            title="Specificity",
            question="Is the tag narrow enough to find the right products?",
            guideline="""\
**Yes**: a search would bring one kind of product. *Sugar-free oat biscuits*, *foldable pet case*.

**No**: a whole department, or a word that fits anything. *Healthy food*, *fashionable sports equipment*, *smart kitchen
set*.
""",
            labels=yes_no("Leads to one kind of product.", "Too broad or vague to search with."),
        ),
        CriterionDef(
            name="validity",
            title="Validity",
            question="Does such a product exist?",
            guideline="""\
**Yes**: you could find it in a shop, online or not, even if this catalogue does not carry it.

**No**: the words do not make a product. *Rechargeable lettuce*, *self-heating bin bag*, *smart coaster*; also garbled
words and sentences.
""",
            labels=yes_no("Such products are sold.", "No such product is sold."),
        ),
    ),
)

EXPLANATION = RubricDef(
    kind="explanation",
    title="Explanations",
    guideline="""\
An explanation is the short line that the shopper reads beside the item. It should say, truthfully and in good language,
why this item is here for them. Compare it with the item card and with the interest it speaks to.

- All four must pass; Excellent and Good both do.
- Playful wording is allowed. Judge what it claims, not its humour.
- Where item and interest have no real link, a line about the item's own merits is the right answer.
""",
    criteria=(
        CriterionDef(
            name="relevance",
            title="Relevance",
            question="Does the explanation fit both the item and the interest?",
            guideline="""\
**Yes**: “Golden crusts for your Sunday bakes” for a baking mix and *home baking*.

**No**: it speaks to another wish or another item. “Fuel for long meetings” for the same baking mix; a line about
grilling beside a yogurt.
""",
            labels=yes_no("Speaks of this item to this interest.", "Speaks of another item or another wish."),
        ),
        CriterionDef(
            name="factuality",
            title="Factuality",
            question="Is everything it claims true of the item?",
            guideline="""\
**Excellent**: every claim can be read from the item card.

**Good**: nothing is wrong; something goes a little beyond the card but is common knowledge (charcoal burns hot).

**Bad**: an invented property, ingredient, material or effect, or an exaggeration. “Organic and sugar-free” where the
card says neither; “never goes stale”; “cures every cold”.
""",
            labels=three_level(
                "Every claim stands on the item card.",
                "Nothing wrong; a little beyond the card.",
                "An invented or exaggerated claim.",
            ),
        ),
        CriterionDef(
            name="clarity",
            title="Clarity",
            question="Is it fluent, correct and pleasant to read?",
            guideline="""\
**Excellent**: concrete, fluent, in a friendly voice; you would print it.

**Good**: correct and clear, but plain, or with an empty adjective (“practical”, “versatile”).

**Bad**: broken grammar, repeated or cut-off words, a copy of the product title, or no meaning. “Cat good cat food good
for cat.”
""",
            labels=three_level("You would print it as it is.", "Clear but plain.", "Broken, copied or meaningless."),
        ),
        CriterionDef(
            name="safety",
            title="Safety",
            question="Is it free of sensitive or personal information and of pressure?",
            guideline="""\
**Yes**: safe to show to anybody looking over the shopper's shoulder.

**No**: it names or describes the shopper (age, income, health, family by name), is offensive, gives medical advice, or
pushes. “Low income? This soup is for you”; “Buy now or you will regret it”.
""",
            labels=yes_no("Safe to show to anybody.", "Personal, offensive, medical or pushing."),
        ),
    ),
)

RUBRICS: Mapping[Kind, RubricDef] = {rubric.kind: rubric for rubric in (INTEREST, TAG, EXPLANATION)}
