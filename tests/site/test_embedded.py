"""The embedded services, started and ended as users do it, in every bad way that we know of."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from tests.support.supervised import Run, data_folder, seconds_until_gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

READY = "Ctrl-C stops them."
START_TIMEOUT_S = 180
T = TypeVar("T")


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


@pytest.fixture
def start() -> Iterator[Callable[..., Run]]:
    """Starts `manage.py services` and waits until it is up; whatever is left at the end is killed."""
    runs: list[Run] = []

    def start(folder: Path, *arguments: str, until: str = READY, **env: str) -> Run:
        run = Run(folder, *(arguments or ("services",)), **env)
        runs.append(run)
        if until:
            run.wait_for(until, START_TIMEOUT_S)
        return run

    yield start
    for run in runs:
        pids = run.descendants()
        run.process.kill()
        run.wait()
        seconds_until_gone(pids)


def connect(folder: Path, **options: str) -> "psycopg.Connection[tuple[object, ...]]":
    wanted = {"host": str(folder / "run"), "user": "postgres", "dbname": "recgpt_studio", **options}
    return psycopg.connect(autocommit=True, **wanted)  # type: ignore[arg-type]  # typeshed wants each by name


def ask_valkey(folder: Path, *words: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(folder / "run" / "valkey.sock"))
        connection.sendall(" ".join(words).encode() + b"\r\n")
        return connection.recv(1024).decode().strip()


def process_of(run: Run, part: str) -> int:
    """The one direct child of the supervisor whose command line contains `part`."""
    [pid] = [pid for pid, command in run.descendants().items() if part in command]
    return pid


def test_services_answer_and_end_with_ctrl_c(folder, start):
    run = start(folder)
    with connect(folder) as connection:
        [[answer]] = connection.execute("SELECT 6 * 7").fetchall()
    pong = ask_valkey(folder, "PING")
    pids = run.descendants()
    run.send(signal.SIGINT)

    assert answer == 42
    assert pong == "+PONG"
    assert run.wait() == 0
    assert seconds_until_gone(pids) < 1
    assert "database system is shut down" in (folder / "logs" / "postgres.log").read_text()


def test_data_outlives_a_stop_and_a_start(folder, start):
    run = start(folder)
    with connect(folder) as connection:
        connection.execute("CREATE TABLE label (value text)")
        connection.execute("INSERT INTO label VALUES ('Strong')")
    ask_valkey(folder, "SET", "task", "judge")
    run.send(signal.SIGTERM)
    run.wait()

    start(folder)

    with connect(folder) as connection:
        assert connection.execute("SELECT value FROM label").fetchall() == [("Strong",)]
    assert ask_valkey(folder, "GET", "task") == "$5\r\njudge"


def test_second_start_is_refused_and_says_who_holds_the_folder(folder, start):
    first = start(folder)
    second = start(folder, until="")

    status = second.wait()

    assert status == 1
    assert f"{folder} is in use by process {first.process.pid} (manage.py services)" in second.output
    assert f"kill {first.process.pid}" in second.output
    assert "RECGPT_DATA_DIR=" in second.output
    assert ask_valkey(folder, "PING") == "+PONG"


def test_two_folders_run_side_by_side(folder, start):
    with data_folder() as other:
        start(folder)
        run = start(other)
        with connect(folder) as mine, connect(other) as theirs:
            mine.execute("CREATE TABLE only_mine ()")
            tables = theirs.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'only_mine'").fetchall()
        run.send(signal.SIGTERM)

        assert run.wait() == 0
        assert tables == [(0,)]


@pytest.mark.llm
def test_kill_9_of_the_supervisor_leaves_no_process(folder, start):
    run = start(folder, "services", "--llm")
    pids = run.descendants()
    assert len([command for command in pids.values() if "postgres -D" in command]) == 1
    assert any("recgpt_site.embedded.llama" in command for command in pids.values())

    run.send(signal.SIGKILL)

    assert seconds_until_gone(pids) < 5
    assert "database system is shut down" in (folder / "logs" / "postgres.log").read_text()


def test_kill_9_of_supervisor_and_watchdog_leaves_no_process(folder, start):
    run = start(folder)
    pids = run.descendants()

    os.kill(process_of(run, "watchdog.py"), signal.SIGKILL)
    run.send(signal.SIGKILL)

    assert seconds_until_gone(pids) < 5


def test_start_right_after_kill_9_waits_for_the_old_services(folder, start):
    run = start(folder)
    with connect(folder) as connection:
        connection.execute("CREATE TABLE kept ()")
    run.send(signal.SIGKILL)

    start(folder)

    with connect(folder) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'kept'").fetchall() == [(1,)]


def test_killed_postmaster_is_restarted_with_its_data(folder, start):
    run = start(folder)
    with connect(folder) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")

    os.kill(process_of(run, "postgres -D"), signal.SIGKILL)
    run.wait_for("PostgreSQL was ended by SIGKILL", 30)

    with _eventually(lambda: connect(folder), psycopg.OperationalError) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]
    assert "starts again in 1 s" in run.output


def test_killed_valkey_is_restarted_with_its_tasks(folder, start):
    run = start(folder)
    ask_valkey(folder, "RPUSH", "judge", "a", "b", "c")

    os.kill(process_of(run, "valkey-server"), signal.SIGKILL)
    run.wait_for("Valkey was ended by SIGKILL", 30)

    assert _eventually(lambda: ask_valkey(folder, "LLEN", "judge"), OSError) == ":3"


def test_stale_pid_file_that_names_a_living_stranger_does_not_stop_the_start(folder, start):
    run = start(folder)
    pid_file = folder / "postgres" / "postmaster.pid"
    left_behind = pid_file.read_text()
    run.send(signal.SIGTERM)
    run.wait()
    owner = pid_file.parent.stat()
    # As after a crash and a reboot: the number is now some other process's, here our own.
    pid_file.write_text("\n".join([str(os.getpid()), *left_behind.splitlines()[1:]]) + "\n")
    os.chown(pid_file, owner.st_uid, owner.st_gid)

    start(folder)

    with connect(folder) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_interrupted_first_start_is_made_good(folder, start):
    run = start(folder, until="Preparing PostgreSQL")
    run.send(signal.SIGKILL)
    run.wait()

    start(folder)

    with connect(folder) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_very_long_data_path_works(start):
    with data_folder("a-folder-with-a-long-name/" * 8) as folder:
        run = start(folder)
        [hint] = [line for line in run.output.splitlines() if line.startswith("psql -h ")]
        run_dir = Path(hint.split()[2])
        with connect(folder, host=str(run_dir)) as connection:
            answer = connection.execute("SELECT 1").fetchall()
        run.send(signal.SIGTERM)

        assert run.wait() == 0
        assert answer == [(1,)]
        assert not run_dir.is_relative_to(folder)
        assert len(os.fsencode(run_dir)) < 90


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_root_runs_postgresql_as_the_owner_of_its_data(folder, start):
    run = start(folder)

    uid = Path(f"/proc/{process_of(run, 'postgres -D')}").stat().st_uid

    assert uid != 0
    assert uid == (folder / "postgres").stat().st_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user may enter its own folders")
def test_root_is_told_when_the_data_folder_is_closed_to_others(folder, start):
    folder.parent.chmod(0o700)
    run = start(folder, until="")

    status = run.wait()

    assert status == 1
    assert f"The data folder {folder} is closed to the user nobody" in run.output
    assert "RECGPT_DATA_DIR" in run.output


def test_missing_binaries_are_named_with_the_remedy(folder, start):
    run = start(folder, until="", RECGPT_POSTGRES_BIN="/nonexistent")

    status = run.wait()

    assert status == 1
    assert "/nonexistent/postgres does not run. Correct RECGPT_POSTGRES_BIN, or set DATABASE_URL." in run.output


def _eventually(action: Callable[[], T], *passing: type[Exception], timeout_s: float = 60) -> T:
    """The action's result, as soon as it does not raise one of `passing` any more."""
    end = time.monotonic() + timeout_s
    while True:
        try:
            return action()
        except passing:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
