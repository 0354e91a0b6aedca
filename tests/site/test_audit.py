"""The audit log: what is in it, that nobody changes it, and who may read it."""

import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from judge import campaigns, queue
from judge.models import Campaign
from recommend import audit, months
from recommend.audit import Verb
from recommend.models import AuditEntry
from recommend.roles import ADMIN, ANNOTATOR, LEAD
from tests.judge.factories import PASSING, CampaignFactory, UserFactory
from tests.recommend.factories import GenerationFactory
from tests.site.api import clients
from tests.support.review_data import kept

pytestmark = pytest.mark.django_db


def entries(**wanted: Any) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(**wanted).order_by("id"))


def one(**wanted: Any) -> AuditEntry:
    (found,) = entries(**wanted)
    return found


def test_the_documentation_names_every_verb():
    docs = (settings.BASE_DIR / "docs/audit.md").read_text()

    missing = [verb for verb in Verb.values if f"`{verb}`" not in docs and f"`.{verb.partition('.')[2]}`" not in docs]

    assert missing == []


# Append-only ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE recommend_auditentry SET actor = 'somebody else'",
        "DELETE FROM recommend_auditentry",
        "TRUNCATE recommend_auditentry",
        "TRUNCATE recommend_auditentry_rest",
        "DO $$ BEGIN EXECUTE 'UPDATE recommend_auditentry_' || to_char(now(), 'YYYY_MM') || ' SET verb = '''''; END $$",
        "DO $$ BEGIN EXECUTE 'TRUNCATE recommend_auditentry_' || to_char(now(), 'YYYY_MM'); END $$",
    ],
)
def test_postgresql_refuses_to_change_or_empty_the_log(attempt: str):
    audit.record(Verb.SIGNED_IN, by=UserFactory.create())
    before = AuditEntry.objects.count()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attempt)

    assert AuditEntry.objects.count() == before


def test_django_cannot_change_an_entry_either():
    audit.record(Verb.SIGNED_IN, by=UserFactory.create())
    entry = AuditEntry.objects.latest("id")

    for attempt in (entry.save, entry.delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            attempt()


def test_an_act_that_is_rolled_back_leaves_no_entry():
    made = CampaignFactory.create()

    with transaction.atomic():
        campaigns.set_state(made, Campaign.State.PAUSED)
        transaction.set_rollback(True)

    assert entries(object_id=str(made.pk), verb=Verb.CAMPAIGN_STATE_CHANGED) == []


# Months ---------------------------------------------------------------------------------------------------------------


def test_entries_without_a_month_move_into_theirs_once_it_is_made():
    late = AuditEntry.objects.create(verb="test.late", via="command", created_at=datetime(2031, 5, 17, tzinfo=UTC))
    other = AuditEntry.objects.create(verb="test.other", via="command", created_at=datetime(2032, 1, 1, tzinfo=UTC))

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT recommend_make_months('recommend_auditentry', '2031-04-20', 2), "
            "recommend_make_months('recommend_auditentry', '2031-05-01', 1)"
        )
        made = cursor.fetchone()
        cursor.execute(
            "SELECT tableoid::regclass::text FROM recommend_auditentry WHERE id IN (%s, %s) ORDER BY id",
            [late.pk, other.pk],
        )
        parts = [row[0] for row in cursor.fetchall()]

    assert made == (2, 0)
    assert parts == ["recommend_auditentry_2031_05", "recommend_auditentry_rest"]
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        late.delete()


def test_the_command_drops_whole_old_months_and_says_so_in_the_log(capsys):
    today = datetime.now(UTC).date()
    with connection.cursor() as cursor:
        cursor.execute("SELECT recommend_make_months('recommend_auditentry', '2021-01-01', 2)")
    old = AuditEntry.objects.create(verb="test.old", via="command", created_at=datetime(2021, 2, 3, tzinfo=UTC))

    call_command("audit_months", keep=12)

    assert entries(pk=old.pk) == []
    assert one(verb=Verb.AUDIT_DROPPED).detail == {"months": ["2021-01", "2021-02"]}
    assert date(today.year, today.month, 1) in months.held("recommend_auditentry")
    assert "Dropped: 2021-01, 2021-02." in capsys.readouterr().out


def test_the_running_and_the_last_whole_month_are_always_kept():
    with pytest.raises(CommandError, match="--keep 0"):
        call_command("audit_months", keep=0)


# What is in it --------------------------------------------------------------------------------------------------------


def test_signing_in_and_out_is_logged_with_the_address(client: Client):
    user = User.objects.create_user("somebody", password="a long passphrase")

    client.post("/login/", {"username": "somebody", "password": "a long passphrase"}, REMOTE_ADDR="192.0.2.7")
    client.post("/logout/", REMOTE_ADDR="192.0.2.7")

    found = entries(actor_id=user.pk)
    assert [entry.verb for entry in found] == [Verb.SIGNED_IN, Verb.SIGNED_OUT]
    assert {(entry.actor, entry.via, entry.address) for entry in found} == {("somebody", "page", "192.0.2.7")}


def test_a_failed_sign_in_is_logged_and_what_was_typed_for_an_unknown_name_is_not(client: Client):
    user = User.objects.create_user("somebody", password="a long passphrase")

    client.post("/login/", {"username": "somebody", "password": "no"})
    client.post("/login/", {"username": "my secret passphrase", "password": "no"})

    known, unknown = entries(verb=Verb.SIGN_IN_FAILED)
    assert (known.object_id, known.actor_id, known.detail) == (str(user.pk), None, {"known_name": True})
    assert (unknown.object_id, unknown.detail) == ("", {"known_name": False})


def test_behind_a_proxy_the_proxy_s_word_counts_and_not_the_client_s(client: Client, settings):
    settings.BEHIND_PROXY = True
    User.objects.create_user("somebody", password="a long passphrase")

    client.post(
        "/login/",
        {"username": "somebody", "password": "no"},
        REMOTE_ADDR="10.0.0.1",
        HTTP_X_FORWARDED_FOR="203.0.113.9, 198.51.100.4",
    )

    assert one(verb=Verb.SIGN_IN_FAILED).address == "198.51.100.4"


@pytest.fixture
def work() -> Any:
    """A screen that an annotator holds."""
    made = CampaignFactory.create()
    campaigns.enrol(GenerationFactory.create(outputs=3).pk)
    found = queue.next_assignment(made, UserFactory.create(role=ANNOTATOR))
    assert found is not None
    return found


def test_a_review_leaves_one_entry_a_step_and_none_of_its_texts(client: Client, work):
    client.force_login(work.annotator)
    page = work.get_absolute_url()
    answers = {
        f"label-{output.pk}-{criterion}": label
        for output in kept(work.unit.generation)
        for criterion, label in PASSING["interest"].items()
    }

    client.get(page)
    client.post(f"{page}flag/", {"flag": "Odd."})
    client.post(f"{page}submit/", answers | {"seconds": "12"})
    client.get(page)

    found = entries(object_id=str(work.pk))
    steps = (Verb.ASSIGNMENT_OPENED, Verb.ASSIGNMENT_FLAGGED, Verb.ASSIGNMENT_SUBMITTED, Verb.LABELS_REVEALED)
    assert [(entry.verb, entry.via, entry.actor) for entry in found] == [
        (verb, "page", work.annotator.username) for verb in steps
    ]
    details = json.dumps([entry.detail for entry in found])
    assert not [text for text in ("Odd.", *PASSING["interest"].values()) if text in details]


def test_a_repeated_submit_is_no_second_entry(work):
    answers = {str(output.pk): {"labels": PASSING["interest"], "comment": ""} for output in kept(work.unit.generation)}

    for _ in range(2):
        queue.submit(work, work.annotator, answers)

    assert one(verb=Verb.ASSIGNMENT_SUBMITTED).detail == {"n_outputs": 3}


def test_calls_of_the_api_carry_the_token_and_its_user(work):
    client = clients.client_of(work.annotator)

    client.get(f"/api/v1/assignments/{work.pk}/")

    entry = one(verb=Verb.ASSIGNMENT_OPENED)
    assert (entry.via, entry.actor_id) == ("api", work.annotator.pk)
    assert entry.token == work.annotator.auth_token_set.get().token_key


def test_a_write_by_token_that_no_service_speaks_of_is_logged_all_the_same_but_drafts_are_not(work):
    client = clients.client_of(work.annotator)
    path = f"/api/v1/campaigns/{work.unit.campaign.pk}/next/"
    draft = {"draft": {}, "version": work.draft_version, "seconds": 1}

    assert client.put(f"/api/v1/assignments/{work.pk}/draft/", draft).status_code == 200
    assert client.post(f"/api/v1/assignments/{work.pk}/heartbeat/").status_code == 200
    assert entries(via="api") == []
    preview = clients.lead().post("/api/v1/campaigns/preview/", {"stage": "interests", "sampling_rate": 1})
    assert preview.status_code == 200, preview.content
    assert client.post(path).status_code == 200

    written, opened = entries(via="api")
    assert (written.verb, written.detail) == (Verb.API_WRITTEN, {"call": "api:campaign-preview", "method": "POST"})
    assert opened.verb == Verb.ASSIGNMENT_OPENED


def test_a_refused_write_leaves_no_entry(work):
    assert clients.annotator().post(f"/api/v1/campaigns/{work.unit.campaign.pk}/close/").status_code == 403

    assert entries(via="api") == []


def test_what_a_lead_does_to_a_campaign_is_logged(client: Client):
    lead = UserFactory.create(role=LEAD)
    client.force_login(lead)
    made = CampaignFactory.create()

    client.post(f"/campaigns/{made.pk}/state/", {"state": "paused"})
    campaigns.extend(made, overlap=3)
    campaigns.clone(made, "Again", by=lead)

    assert one(verb=Verb.CAMPAIGN_STATE_CHANGED).detail == {"state": "paused"}
    assert one(verb=Verb.CAMPAIGN_EXTENDED).detail == {"overlap": "3"}
    started = one(verb=Verb.CAMPAIGN_STARTED)
    assert (started.actor, started.object_id) == (lead.username, str(Campaign.objects.get(name="Again").pk))


def test_members_and_roles_are_logged_by_id():
    made, user = CampaignFactory.create(), UserFactory.create(role="")

    made.members.add(user)
    made.members.clear()
    user.groups.add(Group.objects.get_or_create(name=LEAD)[0])

    added, cleared = entries(verb=Verb.CAMPAIGN_MEMBERS_CHANGED)
    assert (added.object_id, added.detail, cleared.detail) == (str(made.pk), {"add": [user.pk]}, {"clear": []})
    assert one(verb=Verb.ROLES_CHANGED, object_id=str(user.pk)).detail == {"add": [Group.objects.get(name=LEAD).pk]}


def test_changes_in_the_admin_pages_are_logged_with_the_fields_and_without_the_values(client: Client):
    client.force_login(User.objects.create_superuser("boss"))
    group = Group.objects.create(name="before")

    client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "after"})

    entry = one(verb=Verb.ADMIN_CHANGED)
    assert (entry.actor, entry.via, entry.object_type, entry.object_id) == ("boss", "admin", "group", str(group.pk))
    assert entry.detail == {"fields": ["Name"]}


@pytest.mark.parametrize("n", [1, 3])
def test_each_row_that_is_deleted_in_the_admin_pages_is_one_entry(client: Client, n: int):
    client.force_login(User.objects.create_superuser("boss"))
    groups = [Group.objects.create(name=f"group {number}") for number in range(n)]

    client.post(
        "/admin/auth/group/",
        {"action": "delete_selected", "post": "yes", "_selected_action": [group.pk for group in groups]},
    )

    assert not Group.objects.filter(name__startswith="group ").exists()
    found = entries(verb=Verb.ADMIN_DELETED)
    assert {entry.object_id for entry in found} == {str(group.pk) for group in groups}
    assert len(found) == n


def test_a_download_of_labels_is_logged_with_what_was_chosen(client: Client):
    client.force_login(UserFactory.create(role=LEAD))
    made = CampaignFactory.create()

    client.get("/dashboard/export/file/", {"format": "csv", "kind": "interest", "campaign": str(made.pk)})

    expected = {"format": "csv", "kind": "interest", "campaign": str(made.pk), "reviewed_only": False}
    assert one(verb=Verb.LABELS_EXPORTED).detail == expected


# Reading it -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [LEAD, ANNOTATOR])
def test_only_admins_read_the_log(client: Client, role: str):
    user = UserFactory.create(role=role)
    client.force_login(user)

    clients.problem(clients.client_of(user).get("/api/v1/audit-entries/"), 403)
    assert client.get("/admin/recommend/auditentry/").status_code in (302, 403)


def test_an_admin_searches_by_person_verb_object_and_dates():
    client = clients.client_of(UserFactory.create(role=ADMIN))
    user, made = UserFactory.create(), CampaignFactory.create()
    audit.record(Verb.CAMPAIGN_STARTED, made, by=user)
    audit.record(Verb.CAMPAIGN_EXTENDED, made, by=user)
    listing = "/api/v1/audit-entries/"

    for wanted, n in (
        ({"actor": user.username}, 2),
        ({"actor": user.username, "verb": "campaign.extended"}, 1),
        ({"object": str(made.pk)}, 2),
        ({"object": str(uuid4())}, 0),
        ({"actor": user.username, "since": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z"}, 0),
        ({"actor": user.username, "since": "2020-01-01T00:00:00Z"}, 2),
    ):
        found = client.get(listing, wanted).json()["results"]
        assert len(found) == n, wanted
    first = client.get(listing, {"actor": user.username, "page_size": 1}).json()
    rest = client.get(first["next"]).json()
    assert [row["verb"] for page in (first, rest) for row in page["results"]] == [
        "campaign.extended",
        "campaign.started",
    ]
    clients.problem(client.get(listing, {"verb": "nonsense"}), 400)


def test_the_log_is_exported_as_lines_and_as_cells_that_are_no_formulas():
    client = clients.client_of(UserFactory.create(role=ADMIN))
    audit.record(Verb.SIGNED_IN, by=UserFactory.create(username="=1+1"))

    lines = b"".join(client.get("/api/v1/audit-entries/export/", {"actor": "=1+1"}).streaming_content)
    table = b"".join(client.get("/api/v1/audit-entries/export/", {"actor": "=1+1", "format": "csv"}).streaming_content)

    assert json.loads(lines)["actor"] == "=1+1"
    (row,) = csv.DictReader(io.StringIO(table.decode()))
    assert (row["actor"], row["verb"], row["detail"]) == ("'=1+1", "user.signed_in", "{}")
    assert [entry.detail["format"] for entry in entries(verb=Verb.AUDIT_EXPORTED)] == ["jsonl", "csv"]


def test_an_admin_takes_what_a_search_found_as_a_file(client: Client):
    client.force_login(User.objects.create_superuser("boss"))
    audit.record(Verb.CAMPAIGN_STARTED, by=UserFactory.create())
    row = AuditEntry.objects.latest("id")

    answer = client.post(
        "/admin/recommend/auditentry/?verb=campaign.started", {"action": "as_csv", "_selected_action": [str(row.pk)]}
    )

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    (found,) = csv.DictReader(io.StringIO(answer.getvalue().decode()))
    assert found["id"] == str(row.pk)


def test_the_table_of_months_grows_without_being_asked_twice():
    assert months.make("recommend_auditentry", 12) > 0
    assert months.make("recommend_auditentry", 12) == 0
