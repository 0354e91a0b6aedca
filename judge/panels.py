"""Panels: judges made of several, each of which is asked; what they say together is their vote."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from judge import asking, passports, services, voting, ways
from judge.asking import Answer, Question, Reply
from judge.models import Panel, PanelMember, Rater
from judge.rubrics import RubricDef
from judge.statistics.report import OVERALL
from judge.voting import Ballot, Weights
from judge.ways import Way
from recommend.engines.types import Engine
from recommend.models import LanguageModel, Output

MIN_MEMBERS, MAX_MEMBERS = 2, 9


class PanelError(ValueError):
    """A panel that cannot be made; the message names the value and the remedy, `field` where it was given."""

    def __init__(self, message: str, field: str = "members") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Seat:
    """A member that is asked for: a judge model, the way in which it is asked, and what its vote counts."""

    model: LanguageModel
    way: Way
    weight: float = 1.0


@transaction.atomic
def make(name: str, *, vote: str, seats: Sequence[Seat], by: User | None = None) -> Panel:
    """Store a panel, with the rater that it is. It never changes: another one is another judge.

    vote  of `Panel.Vote`; with MEASURED the weights are those of the members' passports as they are now

    Raises PanelError.
    """
    name = name.strip()
    if not name:
        raise PanelError("A panel needs a name.", "name")
    _check_seats(seats)
    try:
        with transaction.atomic():
            panel = Panel.objects.create(name=name, vote=vote, created_by=by)
    except IntegrityError as error:
        raise PanelError(f"There is a panel “{name}” already. Choose another name.", "name") from error
    raters = [services.rater_for_model(one.model, one.way.version) for one in seats]
    measured = _measured(raters) if vote == Panel.Vote.MEASURED else [{} for _ in seats]
    PanelMember.objects.bulk_create(
        PanelMember(
            panel=panel,
            position=position,
            rater=rater,
            weight=seat.weight if vote == Panel.Vote.WEIGHTED else 1.0,
            measured=rates,
        )
        for position, (seat, rater, rates) in enumerate(zip(seats, raters, measured, strict=True))
    )
    Rater.objects.create(panel=panel)
    return panel


@transaction.atomic
def set_serving(panel: Panel, serving: bool) -> Panel:
    """Have a panel judge what is made from now on, in the place of any other and of the model that serves; or not."""
    Panel.objects.filter(is_serving=True).exclude(pk=panel.pk).update(is_serving=False)
    Panel.objects.filter(pk=panel.pk).update(is_serving=serving)
    panel.is_serving = serving
    return panel


def members_of(panel: Panel) -> list[PanelMember]:
    """The members with what asking them takes, in their order."""
    return list(panel.members.select_related("rater__language_model"))


def answer(members: Sequence[PanelMember], said: Mapping[Any, Answer], rules: RubricDef) -> Answer:
    """The panel's answer from its members' {rater id: answer}. The calls are theirs, so it takes nothing itself.

    A member without usable labels abstains; where half of the panel or more does, the panel has no labels either.
    """
    given = [(one, said[one.rater_id]) for one in members]
    usable = [(one, found) for one, found in given if found.labels]
    text = json.dumps({str(one.rater): found.labels for one, found in given}, ensure_ascii=False)
    if 2 * len(usable) <= len(members):
        silent = "; ".join(f"{one.rater}: {found.error}" for one, found in given if not found.labels)
        return Answer(0.0, text, f"{len(usable)} of {len(members)} members gave usable labels. {silent}")
    found = voting.vote([Ballot(found.labels, weights(one, rules)) for one, found in usable], rules)
    return Answer(
        0.0,
        text,
        labels=found.labels,
        passed=rules.passes(found.labels),
        rationale="\n".join(f"{one.rater}: {found.rationale}" for one, found in usable if found.rationale),
        probabilities=found.shares,
    )


def weights(member: PanelMember, rules: RubricDef) -> Weights:
    """How much a member's votes count on each criterion."""
    given = {criterion.name: (member.weight, member.weight) for criterion in rules.criteria}
    return given | {name: (one[0], one[1]) for name, one in member.measured.get(rules.kind, {}).items()}


def is_asked_today(judge: Rater) -> bool:
    """Whether there is still a prompt of the version that the judge, or each member of the panel, is asked with."""
    raters = [one.rater for one in members_of(judge.panel)] if judge.panel is not None else [judge]
    return all(ways.of_version(one.prompt_version) is not None for one in raters)


def replies(questions: Sequence[Question], judge: Rater, rules: RubricDef, engine: Engine) -> Generator[Reply]:
    """Ask a judge, a model or a panel, without storing anything: for its checks.

    A panel's replies come when all members have answered, with what the calls took together.
    """
    if judge.panel is None:
        assert judge.language_model is not None  # a person cannot be asked
        way = ways.of_version(judge.prompt_version)
        assert way is not None  # whoever asks has seen that somebody is still asked with this version
        with closing(asking.replies(questions, judge.language_model, way, rules, engine)) as found:
            yield from found
        return
    members = members_of(judge.panel)
    said: defaultdict[str, dict[Any, Reply]] = defaultdict(dict)
    for member in members:
        assert member.rater.language_model is not None  # make() takes judge models
        guidelines = asking.reads_guidelines(member.rater.language_model)
        own = [replace(one, asked=replace(one.asked, guidelines=guidelines)) for one in questions]
        with closing(replies(own, member.rater, rules, engine)) as found:
            for reply in found:
                said[reply.key][member.rater_id] = reply
    for key, by_member in said.items():
        yield _reply(key, by_member, members, rules)


def _reply(key: str, said: Mapping[Any, Reply], members: Sequence[PanelMember], rules: RubricDef) -> Reply:
    answers = {rater: reply.answer for rater, reply in said.items() if reply.answer is not None}
    if len(answers) < len(members):
        return Reply(key, silence=next(reply.silence for reply in said.values() if reply.answer is None))
    return Reply(key, asking.spent_together(answer(members, answers, rules), list(answers.values())))


def _check_seats(seats: Sequence[Seat]) -> None:
    if not MIN_MEMBERS <= len(seats) <= MAX_MEMBERS:
        raise PanelError(f"A panel has {MIN_MEMBERS} to {MAX_MEMBERS} members, not {len(seats)}.")
    for number, one in enumerate(seats):
        if one.model.role != LanguageModel.Role.JUDGE:
            raise PanelError(f"{one.model} is no judge; choose models whose role is “judge”.")
        if one.weight <= 0:
            raise PanelError(f"The weight {one.weight:g} of {one.model} is not above 0. Leave the member out instead.")
        if any((one.model, one.way) == (other.model, other.way) for other in seats[:number]):
            raise PanelError(f"{one.model} is in it twice in the same way. Ask it in another way, or once.")
    if len(engines := {one.model.engine for one in seats}) > 1:
        raise PanelError(f"The members answer through several engines, {', '.join(sorted(engines))}; choose one.")


def _measured(raters: Sequence[Rater]) -> list[dict[str, dict[str, list[float]]]]:
    """For each member {kind: {criterion: [weight of a vote to pass, to fail]}}, where all of them were measured."""
    found = [{kind.value: _weights_of(kind, rater) for kind in Output.Kind} for rater in raters]
    shared = {kind: set.intersection(*(set(one[kind]) for one in found)) for kind in Output.Kind.values}
    if not any(shared.values()):
        missing = ", ".join(str(rater) for rater, one in zip(raters, found, strict=True) if not any(one.values()))
        raise PanelError(
            "No kind of output has a passport of every member with rates against people's labels"
            + (f"; none at all: {missing}" if missing else "")
            + ". Check the members on the passport page, have people review what they judged, or give the weights.",
            "vote",
        )
    return [
        {kind: {name: one[kind][name] for name in one[kind] if name in shared[kind]} for kind in shared if shared[kind]}
        for one in found
    ]


def _weights_of(kind: Output.Kind, rater: Rater) -> dict[str, list[float]]:
    validity = passports.valid_for(kind, rater)
    if not validity.is_valid or validity.passport is None:
        return {}
    rows = {row["name"]: row for row in validity.passport.figures["criteria"] if row["name"] != OVERALL}
    return {
        name: list(voting.weight_of(row["tpr"]["value"], row["tpr"]["n"], row["tnr"]["value"], row["tnr"]["n"]))
        for name, row in rows.items()
        if row["tpr"]["value"] is not None and row["tnr"]["value"] is not None
    }
