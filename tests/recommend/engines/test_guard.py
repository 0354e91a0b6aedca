"""Helpers of a process that is killed."""

import os
import signal
import subprocess
import sys
import time

from recommend.engines.guard import Guard
from tests.support.vllm_environment import ROOT

PARENT = """
import subprocess, sys, time
from recommend.engines.guard import Guard
helper = subprocess.Popen(["sleep", "600"], start_new_session=True)
guard = Guard([helper.pid])
print(helper.pid, flush=True)
time.sleep(600)
"""


def test_helpers_end_with_a_process_that_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    helper = int(parent.stdout.readline())
    assert is_there(helper)

    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    end = time.perf_counter() + 30
    while is_there(helper):
        assert time.perf_counter() < end, "the helper lives on"
        time.sleep(0.02)


def test_what_is_released_lives_on():
    helper = subprocess.Popen(["sleep", "600"])
    try:
        Guard([helper.pid]).release()

        assert helper.poll() is None
    finally:
        helper.kill()
        helper.wait()


def is_there(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip() not in {"", "Z"}
