"""What a backfill would ask and take, before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Avg, Count, QuerySet
from django.utils import timezone

from judge import judging, panels, services, ways
from judge.frames import Population
from judge.models import Assessment, Rater, Rubric
from recommend.models import LanguageModel, Output
from recommend.prices import price

# Answers of a judge from which its next ones are estimated.
RECENT = 200


@dataclass(frozen=True, slots=True)
class Estimate:
    """What there is to ask, and what that takes.

    n_outputs       kept outputs of the population
    n_to_ask        of these, those that the judge has to be asked about
    n_again         of these, those whose earlier answer was of no use
    n_calls         most calls that it takes: with a senior reviewer, what has a defect takes one less
    tokens, money   as the judge's last answers were; None where there are none, or without prices
    affordable      outputs that the budget buys by this; None where that is not known
    """

    n_outputs: int
    n_to_ask: int
    n_again: int
    n_calls: int
    tokens: int | None
    money: Decimal | None
    affordable: int | None

    @property
    def n_judged(self) -> int:
        """Outputs that are skipped, as they are judged already."""
        return self.n_outputs - self.n_to_ask

    @property
    def money_per_call(self) -> Decimal:
        return self.money / self.n_calls if self.money and self.n_calls else Decimal(0)


def outputs_of(population: Population, rubric: Rubric) -> QuerySet[Output]:
    """The kept outputs of a population's finished generations."""
    return Output.objects.kept().filter(kind=rubric.kind, generation__in=population.generations())


def estimate(
    judge: Rater,
    rubric: Rubric,
    population: Population,
    *,
    again: bool = False,
    max_calls: int | None = None,
    max_money: Decimal | None = None,
) -> Estimate:
    """What a backfill would come to now."""
    everything = outputs_of(population, rubric)
    unheard = everything.filter(pk__in=judging.waiting_for(judge, rubric).values("pk"))
    n_unheard, n_outputs = unheard.count(), everything.count()
    wanted = unheard
    if again:
        wanted = everything.filter(pk__in=judging.waiting_for(judge, rubric, timezone.now()).values("pk"))
    counted = wanted.aggregate(outputs=Count("pk"), generations=Count("generation", distinct=True))
    n_to_ask: int = counted["outputs"]
    per_output, per_generation = calls_for(judge, rubric)
    n_calls = per_output * n_to_ask + per_generation * counted["generations"]
    each = _each(judge, rubric)
    tokens = None if each is None else round(n_to_ask * sum(read + written for _, read, written in each))
    money = None if each is None else _money(each, n_to_ask)
    bought = [n_to_ask]
    if max_calls is not None and n_calls:
        bought.append(n_to_ask * max_calls // n_calls)
    if max_money is not None and money:
        bought.append(int(n_to_ask * max_money / money))
    known = max_money is None or money is not None
    return Estimate(n_outputs, n_to_ask, n_to_ask - n_unheard, n_calls, tokens, money, min(bought) if known else None)


def unpriced(judge: Rater) -> list[LanguageModel]:
    """The models of a judge without prices: what asking them costs is not known."""
    return [model for model in judge.models if model.prompt_price is None or model.completion_price is None]


def _members(judge: Rater) -> Sequence[Rater]:
    return [judge] if judge.panel is None else [one.rater for one in panels.members_of(judge.panel)]


def calls_for(judge: Rater, rubric: Rubric) -> tuple[int, int]:
    """The most calls that it takes to ask a judge: for each output, and for each generation."""
    by_output = {"output": 1, "generation": 0, "criterion": len(services.definition(rubric).criteria) + 1}
    calls = [way.calls for way in (ways.of_version(one.prompt_version) for one in _members(judge)) if way is not None]
    return sum(by_output[one] for one in calls), calls.count("generation")


def _each(judge: Rater, rubric: Rubric) -> list[tuple[LanguageModel, float, float]] | None:
    """For each model that is asked, the tokens that it reads and writes for an output; None where one is new."""
    found = []
    for rater in _members(judge):
        recent = Assessment.objects.filter(rater=rater, rubric=rubric, prompt_tokens__gt=0).order_by("-created_at")
        newest = list(recent.values_list("pk", flat=True)[:RECENT])
        if not newest or rater.language_model is None:
            return None
        mean = Assessment.objects.filter(pk__in=newest).aggregate(
            read=Avg("prompt_tokens"), written=Avg("completion_tokens")
        )
        found.append((rater.language_model, mean["read"], mean["written"]))
    return found


def _money(each: Sequence[tuple[LanguageModel, float, float]], n_outputs: int) -> Decimal | None:
    prices = [price(model, round(n_outputs * read), round(n_outputs * written)) for model, read, written in each]
    return None if None in prices else sum((one for one in prices if one is not None), Decimal(0))
