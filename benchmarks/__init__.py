"""Programs that measure, each in a data folder of its own: `python -m benchmarks.queue.run`, with `--help` for more.

Models can only be imported once Django is set up, which needs the folder and the settings. Python imports this package
before any program in it, so here is where that is done; nothing but the programs imports it.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import django

WORK = Path(tempfile.mkdtemp(prefix="recgpt-benchmark-"))
WORK.chmod(0o755)  # as root, PostgreSQL runs as `nobody`
atexit.register(shutil.rmtree, WORK, ignore_errors=True)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recgpt_site.settings")
os.environ["RECGPT_DATA_DIR"] = str(WORK)
# Nobody makes a hundred calls a second; the limit is still counted, call by call.
os.environ["API_RATE"] = "100000/min"
django.setup()
