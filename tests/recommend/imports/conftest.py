"""Files to import, and commands run on them."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

Write = Callable[..., Path]
Load = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write("b.csv", "text") or write("b.jsonl", rows) -> the file's path."""

    def write(name: str, content: str | bytes | Iterable[Mapping[str, Any]]) -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8", newline="")
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def load(capsys: pytest.CaptureFixture[str]) -> Load:
    """load("import_items", path, skip_bad=True) -> what the command said."""

    def load(command: str, *args: Any, **options: Any) -> str:
        capsys.readouterr()
        call_command(command, *args, **options)
        return capsys.readouterr().out

    return load
