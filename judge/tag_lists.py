"""How far raters agree on whole lists of tags: the set that each would keep of what one generation made.

A tag stands in its set by its place in the list. So all lists are sets of the same things, and what chance would give
is known: raters who keep nearly everything agree much by chance, whatever the tags are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from judge.comparison import Review, Verdict
from judge.statistics.intervals import Estimate
from judge.statistics.rates import inverse_weights
from judge.statistics.sets import SetAgreement, set_agreement
from judge.statistics.wording import UNWEIGHTED, coefficient, coefficient_range, percent, percent_range
from recommend.models import Output

# Ours: the newest lists, so that the page does not wait for those of years.
MAX_LISTS = 1_000


@dataclass(frozen=True, slots=True)
class TagLists:
    """People among themselves, on lists that two or more labelled; the judge with each person, on every list.

    scope_warning  what to bear in mind where it is not known how probable a list was to be drawn
    """

    people: SetAgreement
    judge: SetAgreement
    scope_warning: str
    sentence: str


@dataclass(frozen=True, slots=True)
class _List:
    """One list: the shopper, what each person kept, what the judge did (None: not all of it judged), the chances."""

    shopper: UUID
    people: tuple[frozenset[int], ...]
    judge: frozenset[int] | None
    drawn: float
    shared: float | None


def tag_lists(reviews: Sequence[Review], verdicts: Mapping[UUID, Verdict]) -> TagLists:
    """Agreement on the lists of tags that people reviewed, newest first, at most MAX_LISTS; one query."""
    lists = list(_lists(reviews, verdicts))
    several = [one for one in lists if len(one.people) > 1]
    judged = [one for one in lists if one.judge is not None]
    by_two = inverse_weights([one.shared for one in several])
    by_one = inverse_weights([one.drawn for one in judged])
    width = max((len(one.people) for one in several), default=0)
    people = set_agreement(
        [[*one.people, *[None] * (width - len(one.people))] for one in several],
        [one.shopper for one in several],
        weights=by_two,
    )
    # A list weighs the same however many people labelled it: its pairs share its weight.
    pairs = [(one, person) for one in judged for person in one.people]
    weight_of = dict(zip(map(id, judged), by_one or [1.0] * len(judged), strict=True))
    judge = set_agreement(
        [[person, one.judge] for one, person in pairs],
        [one.shopper for one, _ in pairs],
        weights=[weight_of[id(one)] / len(one.people) for one, _ in pairs],
    )
    unknown = (several and by_two is None) or (judged and by_one is None)
    return TagLists(people, judge, UNWEIGHTED if unknown else "", _sentence(people, judge))


def _lists(reviews: Sequence[Review], verdicts: Mapping[UUID, Verdict]) -> Iterator[_List]:
    by_generation: defaultdict[UUID, list[Review]] = defaultdict(list)
    for review in reviews:
        by_generation[review.generation].append(review)
    newest = list(by_generation.values())[-MAX_LISTS:]
    outputs = [review.output for found in newest for review in found]
    places = dict(Output.objects.filter(pk__in=outputs).order_by().values_list("pk", "position"))
    for found in newest:
        said: defaultdict[UUID, dict[UUID, bool]] = defaultdict(dict)
        for review in found:
            if review.passed is not None:
                said[review.rater][review.output] = review.passed
        asked = {review.output for review in found}
        complete = [labels for labels in said.values() if labels.keys() == asked]
        if not complete:
            continue
        by_judge = {output: verdicts[output].passed for output in asked if output in verdicts}
        yield _List(
            shopper=found[0].shopper,
            people=tuple(_kept(labels, places) for labels in complete),
            judge=_kept(by_judge, places) if len(by_judge) == len(asked) else None,
            drawn=found[0].inclusion_probability,
            shared=found[0].sharing_probability,
        )


def _kept(labels: Mapping[UUID, bool | None], places: Mapping[UUID, int]) -> frozenset[int]:
    return frozenset(places[output] for output, passed in labels.items() if passed)


def _sentence(people: SetAgreement, judge: SetAgreement) -> str:
    if not people.n_units and not judge.n_units:
        return "No list of tags has been labelled by two raters yet."
    said = []
    if people.n_units:
        said.append(
            f"Two people keep {percent(people.overlap.value or 0.0)} of the tags that either would keep"
            f"{_brackets(percent_range(people.overlap))}, on {people.n_units:,} lists that several labelled"
            f"{_alpha(people.masi)}."
        )
    if judge.n_units:
        said.append(
            f"Judge and person keep {percent(judge.overlap.value or 0.0)}{_brackets(percent_range(judge.overlap))}"
            f"{_alpha(judge.masi)}."
        )
    return " ".join(said)


def _alpha(masi: Estimate) -> str:
    if masi.value is None:
        return f"; beyond chance nothing can be said: {masi.note}"
    return f"; beyond chance alpha is {coefficient(masi.value)}{_brackets(coefficient_range(masi))}"


def _brackets(text: str) -> str:
    return f" ({text})" if text else ""
