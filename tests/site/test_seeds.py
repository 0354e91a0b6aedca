"""What a fresh installation gets, and what a second seeding leaves alone."""

import stat
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User

from judge.models import Campaign, Rubric
from recgpt_site import seeds
from recgpt_site.embedded import llama
from recommend.models import LanguageModel
from recommend.roles import ADMIN, LEAD, roles_of
from training.adapter.examples import PROMPT_VERSION

pytestmark = pytest.mark.django_db


def test_seeding_twice_makes_everything_once() -> None:
    seeds.seed()
    counts = (Rubric.objects.count(), Campaign.objects.count(), LanguageModel.objects.count())

    seeds.seed()

    assert counts == (4, 3, 4)
    assert (Rubric.objects.count(), Campaign.objects.count(), LanguageModel.objects.count()) == counts


def test_what_an_admin_changed_in_a_model_stays() -> None:
    seeds.seed()
    LanguageModel.objects.update(n_tags=3)

    seeds.seed()

    assert set(LanguageModel.objects.values_list("n_tags", flat=True)) == {3}


@pytest.fixture
def adapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """An adapter for generating and one for judging, instead of those that are shipped."""
    generator, judge = tmp_path / "generator.gguf", tmp_path / "judge.gguf"
    generator.write_bytes(b"first")
    judge.write_bytes(b"first")
    monkeypatch.setattr(llama, "GENERATOR", generator)
    monkeypatch.setattr(llama, "JUDGE", judge)
    monkeypatch.setattr(llama, "ADAPTERS", (generator, judge))
    return generator, judge


def test_another_adapter_under_the_same_name_is_told_apart(adapters: tuple[Path, Path]) -> None:
    _, judge = adapters
    seeds.seed()
    judge.write_bytes(b"second")
    seeds.seed()

    # sha256 of "second"
    assert LanguageModel.objects.serving("judge").adapter == "judge.gguf@16367aacb67a"
    assert LanguageModel.objects.serving("tags").adapter.startswith("generator.gguf@")
    judge.unlink()
    assert llama.adapter_version(judge) == ""


@pytest.mark.usefixtures("adapters")
def test_the_embedded_judge_asks_for_its_own_adapter_also_where_it_was_stored_without() -> None:
    seeds.seed()
    LanguageModel.objects.update(request_options={"seed": 7})

    seeds.seed()

    own = {"lora": [{"id": 1, "scale": 1.0}]}
    assert LanguageModel.objects.serving("judge").request_options == {"seed": 7, **own}
    assert LanguageModel.objects.serving("tags").request_options == {"seed": 7, "lora": [{"id": 0, "scale": 1.0}]}


def test_without_an_adapter_of_its_own_nothing_is_asked_for(adapters: tuple[Path, Path]) -> None:
    _, judge = adapters
    judge.unlink()

    seeds.seed()

    assert LanguageModel.objects.serving("judge").request_options == {}


def test_another_model_takes_over_and_the_old_one_is_retired(settings) -> None:
    seeds.seed()
    settings.LLM_EMBEDDED, settings.LLM_MODEL = False, "Qwen/Qwen3-14B"
    settings.LLM_REQUEST_OPTIONS = {"chat_template_kwargs": {"enable_thinking": False}}

    seeds.seed()

    assert LanguageModel.objects.serving("judge").request_options == settings.LLM_REQUEST_OPTIONS
    assert LanguageModel.objects.serving("tags").name == "Qwen/Qwen3-14B"
    assert LanguageModel.objects.filter(state=LanguageModel.State.RETIRED).count() == 4


def test_the_log_ins_work_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    seeds.seed()

    logins = seeds.demo_logins(tmp_path)

    assert [login.role for login in logins] == ["admin", "lead", "annotator"]
    assert all(authenticate(username=login.username, password=login.password) for login in logins)
    assert stat.S_IMODE((tmp_path / seeds.LOGINS_FILE).stat().st_mode) == 0o600


def test_a_second_start_shows_the_same_passwords_and_a_changed_one_is_taken_back(tmp_path: Path) -> None:
    seeds.seed()
    first = seeds.demo_logins(tmp_path)
    lead = User.objects.get(username="lead")
    lead.set_password("another one entirely")
    lead.save()

    second = seeds.demo_logins(tmp_path)

    assert second == first
    assert all(authenticate(username=login.username, password=login.password) for login in second)


def test_only_the_admin_is_an_admin(tmp_path: Path) -> None:
    seeds.seed()
    seeds.demo_logins(tmp_path)

    roles = {user.username: roles_of(user) for user in User.objects.all()}

    assert roles["admin"] >= {ADMIN, LEAD}
    assert ADMIN not in roles["lead"] | roles["annotator"]


def test_the_embedded_model_is_asked_with_the_prompts_that_its_adapter_learned() -> None:
    assert seeds.EMBEDDED_PROMPT_VERSION == PROMPT_VERSION
