"""The settings of a test run: the project's own, with a data folder of the run's own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "RECGPT_DATA_DIR" not in os.environ or "RECGPT_TEST_RUN" not in os.environ:
    # Before the settings are read, as they say where the embedded services listen. Not pytest's folder: that one is
    # closed to others, and as root PostgreSQL runs as `nobody`.
    _folder = Path(tempfile.mkdtemp(prefix="recgpt-tests-"))
    _folder.chmod(0o755)
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    # The processes that tests start belong to the same run.
    os.environ["RECGPT_TEST_RUN"] = str(os.getpid())
    os.environ["RECGPT_DATA_DIR"] = str(_folder)

from recgpt_site.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the slow one costs 0.2 s for each user
STATIC_ROOT = Path(os.environ["RECGPT_DATA_DIR"]) / "static"
STATIC_ROOT.mkdir(exist_ok=True)
