"""Prompt files: their versions stay readable, and what was asked with is never edited."""

from importlib.resources import files
from pathlib import Path

import pytest

from recommend.prompts import UnknownPromptError, changes, fence, load, load_from, versions

NAMES = ("interests", "tags", "explanations", "short_forms", "planner", "experts", "arbiter")
PROMPT = "---\nversion: {}\n---\n## system\nSay {{what}}.\n## user\n{{who}}\n"
# A generation keeps the hash of what it was asked: a version that was edited would be another one under its name.
SHA256 = {
    ("short_forms", "1"): "c9949aae145206935d4a4ad57215207d4127eba5d5eb41ff0a829730248a73ba",
    ("interests", "1"): "ec22ced698a13a24c520f64df8ee10914b6ef17be2fd44a8dc3af4e84e39ecd9",
    ("interests", "2"): "a0c076b5a31257db095f333ee1c0ddf206457b6bfcde5012b477e42856ed5824",
    ("tags", "1"): "6edbde8424b4618b781f0230c2121e14ac439ade7b24d65880ce34c69315d250",
    ("tags", "2"): "bed8126dbcf262537a0b36ced6c76167639296ee3e23c2b4838c1ba030aa788c",
    ("explanations", "1"): "3914562c3826348743a6e8daeec2da2a1daab23db56f65518d71156ce51bc86b",
    ("explanations", "3"): "8d10101177f3ac3157411909a5274ab57d51528103e1e0e4dc21c695b96c0282",
    ("explanations", "2"): "fc504bc9c6850f9f0debf86776623fb89f2b9ede943ccad20d806f45b8d1895e",
    ("tags", "3"): "ea32978a37302cc348e8414faca93736f3b4042b8ce0a2cda0e00df4a69ac609",
    ("planner", "1-planner"): "053248ab5d70c79d601668fec3c2a302debaf5f56aa523a28e4a768814014b69",
    ("experts", "1-expert"): "9e2e4e0371bef5107cf69cb029223011cb8e06f65426786ce2a9d45d64643a60",
    ("arbiter", "1-arbiter"): "8b2f9e17e5af90616ed7823ab92b17a6258436c27bec09fb161df0b28194c48e",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the prompt `odd` in a package that is called as the folder's parent."""
    folder = tmp_path / f"prompts_of_{tmp_path.name}" / "odd"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_prompt_has_a_version_and_a_hash_of_its_file() -> None:
    prompt = load("interests", "1")

    assert prompt.version == "1"
    assert len(prompt.sha256) == 64
    assert load("tags", "1").sha256 != prompt.sha256


@pytest.mark.parametrize(("name", "version"), SHA256)
def test_a_version_that_was_asked_with_is_as_it_was(name: str, version: str) -> None:
    assert load(name, version).sha256 == SHA256[name, version]


def test_without_a_version_it_is_the_newest_by_number(package: Path) -> None:
    for version in ("2", "10", "9-before"):
        (package / f"v{version}.md").write_text(PROMPT.format(version))

    assert load_from(package.parent.name, "odd").version == "10"
    assert load_from(package.parent.name, "odd", "9-before").version == "9-before"


@pytest.mark.parametrize("name", NAMES)
def test_every_version_can_be_read_and_its_changelog_says_what_changed(name: str) -> None:
    assert [load(name, version).version for version in versions(name)] == versions(name)
    assert list(changes(name)) == versions(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_a_prompt_is_a_version_or_its_changelog(name: str) -> None:
    expected = {f"v{version}.md" for version in versions(name)} | {"CHANGELOG.md"}

    assert {file.name for file in files("recommend.prompts").joinpath(name).iterdir()} == expected


def test_a_prompt_says_what_it_is_filled_with() -> None:
    assert load("interests", "1").places == {"date", "n", "profile", "pool", "history"}
    assert "language" in load("interests", "2").places


def test_an_unknown_prompt_is_not_found() -> None:
    with pytest.raises(UnknownPromptError, match="No prompt is called poems"):
        load("poems")


def test_an_unknown_version_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownPromptError, match=r"interests has no version 99; it has .*2, 1"):
        load("interests", "99")


def test_a_file_of_another_form_is_no_prompt(package: Path) -> None:
    (package / "v1.md").write_text("Just text.")

    with pytest.raises(ValueError, match="needs a version"):
        load_from(package.parent.name, "odd")


def test_a_file_says_the_version_that_it_is(package: Path) -> None:
    (package / "v3.md").write_text(PROMPT.format("2"))

    with pytest.raises(ValueError, match=r"v3\.md says that it is version 2"):
        load_from(package.parent.name, "odd")


def test_a_value_that_a_prompt_asks_for_must_be_given() -> None:
    with pytest.raises(KeyError, match="date"):
        load("interests").messages({})


def test_a_fence_holds_what_it_is_given() -> None:
    assert fence("item", "soup") == "<item>\nsoup\n</item>"
