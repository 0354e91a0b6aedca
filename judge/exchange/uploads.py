"""Handing a file in: it is kept where a worker finds it, and a worker is sent."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.text import get_valid_filename

from judge import tasks
from judge.exchange import mappings
from judge.exchange.file_imports import Wanted, folder, source
from judge.models import FileImport
from recommend import audit
from recommend.audit import Verb
from recommend.imports import elsewhere, outputs
from recommend.imports.problems import ImportStopped


def begin(upload: UploadedFile[Any], wanted: Wanted, *, skips_bad: bool, by: User) -> FileImport:
    """Keep a file and have a worker import it. Raises ImportStopped where file or wishes cannot be read at all."""
    n_bytes = upload.size or 0
    if n_bytes > settings.IMPORT_MAX_BYTES:
        raise ImportStopped(f"{upload.name} has {n_bytes:,} bytes; at most {settings.IMPORT_MAX_BYTES:,} are taken.")
    _check(wanted)
    made = FileImport(
        created_by=by,
        what=wanted.what,
        name=_name(upload.name or ""),
        n_bytes=n_bytes,
        skips_bad=skips_bad,
        options={name: value for name, value in asdict(wanted).items() if value},
    )
    path = folder(made) / made.name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("wb") as file:
            for part in upload.chunks():
                file.write(part)
        source(made)
        with transaction.atomic():
            made.save()
            audit.record(Verb.FILE_UPLOADED, made, {"rows": made.what, "file": made.name, "bytes": n_bytes}, by=by)
            tasks.send_import(made)
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise
    return made


def _check(wanted: Wanted) -> None:
    if wanted.what == FileImport.What.OUTPUTS:
        outputs.check_source(wanted.source)
        elsewhere.places(wanted.mapping)
    else:
        mappings.parsed(wanted.tool, wanted.mapping)
    if wanted.mapping.strip() and not wanted.tool:
        raise ImportStopped("A mapping is for another tool's file: say whose it is.")


def _name(name: str) -> str:
    """A name that is safe as a file's, its suffixes kept."""
    try:
        safe = get_valid_filename(name)
    except SuspiciousFileOperation:
        safe = "file"
    return safe if len(safe) <= 100 else safe[-100:].lstrip(".")
