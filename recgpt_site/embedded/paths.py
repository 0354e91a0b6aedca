"""Where the embedded services keep their data and where they listen.

The settings import this module, so it needs the standard library only and writes nothing. Everything follows from one
folder, `RECGPT_DATA_DIR`: two checkouts, or a test run beside a demo, share nothing when their folders differ.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

NAME = "recgpt-studio"
LLM_MODEL_NAME = "smollm2-135m-studio"
DATABASE_NAME = os.environ.get("RECGPT_DATABASE_NAME", "recgpt_studio")

# A socket's path may have 107 bytes; the longest name in the folder is ".s.PGSQL.5432.lock".
_LONGEST_RUN_DIR = 85
# Below the range from which Linux takes the ports of outgoing connections.
_FIRST_PORT, _N_PORTS = 20_000, 10_000


def _data_dir() -> Path:
    """The data folder: absolute, symbolic links resolved, perhaps not there yet."""
    if chosen := os.environ.get("RECGPT_DATA_DIR"):
        return Path(chosen).expanduser().resolve()
    if os.geteuid() == 0:
        # Not below /root: PostgreSQL refuses to run as root, and no other account may enter there.
        return Path("/var/lib") / NAME
    return Path.home().resolve() / ".local/share" / NAME


def _run_dir(data_dir: Path) -> Path:
    """The folder of the sockets: inside the data folder, or, where too long, a hashed one in the temp dir."""
    run_dir = data_dir / "run"
    if len(os.fsencode(run_dir)) <= _LONGEST_RUN_DIR:
        return run_dir
    return Path(tempfile.gettempdir()) / f"{NAME}-{os.geteuid()}-{_digest(data_dir)[:8]}"


def instance() -> str:
    """A short name of this data folder, for what must differ between two on one machine."""
    return _digest(DATA_DIR)[:8]


def _digest(data_dir: Path) -> str:
    return hashlib.sha256(os.fsencode(data_dir)).hexdigest()


DATA_DIR = _data_dir()
RUN_DIR = _run_dir(DATA_DIR)
LOG_DIR = DATA_DIR / "logs"
LLM_PORT_FILE = DATA_DIR / "llm-port"
VALKEY_SOCKET = RUN_DIR / "valkey.sock"

BROKER_URL = f"redis+socket://{VALKEY_SOCKET}?virtual_host=0"
CACHE_URL = f"unix://{VALKEY_SOCKET}?db=2"


def llm_port() -> int:
    """The port of the embedded language model: the one kept in the data folder, else one derived from its path.

    The supervisor writes the file when it starts the server, with another port where this one is taken.
    """
    try:
        return int(LLM_PORT_FILE.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _FIRST_PORT + int(_digest(DATA_DIR), 16) % _N_PORTS


def llm_base_url() -> str:
    """The root of the embedded server's OpenAI-compatible API."""
    return f"http://127.0.0.1:{llm_port()}/v1"


LLM_BASE_URL = llm_base_url()


def database_settings() -> dict[str, Any]:
    """`DATABASES["default"]` for the embedded server: its Unix socket, which only the owner can open."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE_NAME,
        "USER": "postgres",
        "HOST": str(RUN_DIR),
        "PORT": "5432",
    }
