"""The README says what is true: its settings are those that the code reads."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_settings_table_names_every_variable_that_the_settings_read() -> None:
    code = (ROOT / "recgpt_site" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', code))

    table = README.split("## Settings")[1].split("## More")[0]
    documented = set(re.findall(r"`([A-Z][A-Z_]+)`", table))

    assert read
    assert read <= documented, f"not in the README: {sorted(read - documented)}"
    code_of_services = "".join(path.read_text() for path in (ROOT / "recgpt_site").rglob("*.py"))
    unknown = {name for name in documented if f'"{name}"' not in code_of_services}
    assert not unknown, f"in the README, but nothing reads it: {sorted(unknown)}"


def test_every_file_that_the_readme_points_at_is_there() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README)

    missing = [target for target in targets if not (ROOT / target).exists()]

    assert targets
    assert not missing


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)

    assert {"demo", "test", "check", "adapter"} <= set(targets)
