"""What is built once and planned once answers as the query set would, whatever the values."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import OuterRef
from django.test.utils import CaptureQueriesContext

from judge.models import Assessment, Assignment
from recommend.prepared import Prepared, execute, insert
from recommend.roles import ANNOTATOR
from tests.judge.factories import AssessmentFactory, AssignmentFactory, UserFactory

pytestmark = pytest.mark.django_db


def held(pk, annotator):
    return Assignment.objects.filter(pk=pk, annotator=annotator).select_related("unit__campaign__rubric")


def test_each_call_finds_the_rows_of_its_own_values_with_what_they_are_read_with():
    one, other = AssignmentFactory.create_batch(2)
    find = Prepared(held, pk=type(one.pk), annotator=int)

    for wanted in (one, other, one):
        (found,) = find(pk=wanted.pk, annotator=wanted.annotator_id)
        with CaptureQueriesContext(connection) as asked:
            assert found == wanted
            assert found.draft == wanted.draft == {}
            assert found.lease_until == wanted.lease_until
            assert found.unit.campaign.rubric == wanted.unit.campaign.rubric
        assert len(asked) == 0
    assert find(pk=one.pk, annotator=other.annotator_id) == []


def test_what_is_joined_by_another_table_and_computed_beside_a_row_comes_too():
    person = UserFactory.create()
    groups = ArraySubquery(Group.objects.filter(user=OuterRef("pk")).values("name"))
    find = Prepared(lambda name: type(person).objects.filter(username=name).annotate(names=groups), name=str)

    (found,) = find(name=person.username)

    assert getattr(found, "names") == [ANNOTATOR]  # noqa: B009  # the annotation
    assert find(name="nobody' OR true --") == []


def test_a_missing_relation_is_none_and_a_deferred_column_is_read_when_it_is_asked_for():
    said = AssessmentFactory.create(raw_text="as it came")
    find = Prepared(
        lambda pk: Assessment.objects.filter(pk=pk).select_related("rater__user").defer("raw_text"), pk=type(said.pk)
    )

    (found,) = find(pk=said.pk)

    assert found.rater.user is None
    with CaptureQueriesContext(connection) as asked:
        assert found.raw_text == "as it came"
    assert len(asked) == 1


def test_a_value_that_is_not_in_the_query_is_a_mistake_that_is_told():
    with pytest.raises(AssertionError, match="not in the query"):
        Prepared(lambda pk: Assignment.objects.all(), pk=int)(pk=1)


def test_the_second_time_the_server_has_the_plan():
    statement = "SELECT count(*) FROM judge_rubric WHERE version = %s"

    for version in (1, 2, 3):
        execute(statement, [version])

    plans = execute(
        "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE %s",
        ["%judge_rubric WHERE version = $1"],
    )
    assert plans == [(2,)]


def test_a_statement_that_gives_nothing_back_gives_no_rows():
    assert execute("UPDATE judge_assignment SET seconds = 1 WHERE id = %s", [uuid4()]) == []


def test_rows_are_stored_as_they_are_with_the_defaults_of_the_database():
    first = AssessmentFactory.create()
    rows = [
        Assessment(
            rater=first.rater,
            output=first.output,
            rubric=first.rubric,
            revision=revision,
            labels={"a": 'It\'s "quoted"\n\\ and ×2 😀'},
            passed=None,
            rationale="%s; DROP TABLE judge_assessment; -- {}",
            seconds=0.1,
            raw_text="null",
        )
        for revision in (7, 8)
    ]

    with CaptureQueriesContext(connection) as asked:
        insert(rows)

    assert len(asked) == 1
    for row in rows:
        stored = Assessment.objects.get(pk=row.pk)
        for name in ("created_at", "rater_id", "output_id", "revision", "labels", "passed", "rationale", "seconds"):
            assert getattr(stored, name) == getattr(row, name)
        assert (stored.grade, stored.probabilities, stored.raw_text, stored.assignment_id) == ("", {}, "null", None)


def test_no_rows_are_no_statement():
    with CaptureQueriesContext(connection) as asked:
        insert([])

    assert len(asked) == 0
