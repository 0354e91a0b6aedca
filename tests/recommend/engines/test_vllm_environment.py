"""The rules of the vLLM environment that need no installation."""

import os
import subprocess
import sys

import pytest

from recgpt_site.embedded.progress import Silent
from tests.support import vllm_environment


def test_only_a_complete_environment_of_the_same_recipe_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("RECGPT_VLLM_VENV", str(tmp_path / "venv"))
    assert not vllm_environment._is_complete()
    vllm_environment.folder().mkdir()
    assert not vllm_environment._is_complete()

    vllm_environment._marker().write_text(vllm_environment._recipe())
    assert vllm_environment._is_complete()

    pins = tmp_path / "pins.txt"
    pins.write_text(vllm_environment.PINS.read_text() + "\n# changed\n")
    monkeypatch.setattr(vllm_environment, "PINS", pins)
    assert not vllm_environment._is_complete()


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("meow")
    monkeypatch.setenv("RECGPT_VLLM_VENV", str(tmp_path / "photos"))

    with pytest.raises(vllm_environment.VllmMissingError, match="no virtual environment of ours"):
        vllm_environment.ensure(Silent())

    assert (tmp_path / "photos" / "cat.jpg").exists()


@pytest.mark.parametrize(
    ("version", "index", "arguments"),
    [
        ("2.13.0+cpu", "", ["torch==2.13.0"]),
        ("2.13.0", "", ["--index-url", vllm_environment.TORCH_CPU_INDEX, "torch==2.13.0"]),
        ("2.13.0", "https://mirror.example/cpu", ["--index-url", "https://mirror.example/cpu", "torch==2.13.0"]),
    ],
)
def test_torch_comes_from_pytorchs_index_only_where_pip_finds_no_cpu_build(monkeypatch, version, index, arguments):
    report = f'{{"install": [{{"metadata": {{"version": "{version}"}}}}]}}'
    monkeypatch.setattr(vllm_environment, "_pip", lambda *arguments: report)
    monkeypatch.setenv("RECGPT_TORCH_CPU_INDEX", index)

    assert vllm_environment._torch() == arguments


@pytest.mark.parametrize(("variables", "status"), [({}, 0), ({"CI": "true"}, 1), ({"RECGPT_REQUIRE_VLLM": "1"}, 1)])
def test_an_installation_that_fails_is_loud_and_fails_where_vllm_is_required(tmp_path, variables, status):
    (tmp_path / "file").write_text("no folder can be made below a file")
    others = {name: value for name, value in os.environ.items() if name not in {"CI", "RECGPT_REQUIRE_VLLM"}}
    environment = {**others, "RECGPT_VLLM_VENV": str(tmp_path / "file" / "venv"), **variables}

    done = subprocess.run(
        [sys.executable, "-m", "tests.support.vllm_server", "--ensure"],
        cwd=vllm_environment.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status, done.stderr
    assert "! vLLM cannot be installed here" in done.stdout
