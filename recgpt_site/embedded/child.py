"""Become a service that ends with its supervisor; run as a file: `child.py PARENT SIGNAL UID:GID COMMAND…`.

A program of its own instead of `preexec_fn`, which may deadlock in a process with threads (a database
pool has some), and because Linux forgets the request below when the user changes. Standard library only, so that
it costs 20 ms.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, stop_signal: int, account: str, command: list[str]) -> None:
    """Change to `account` ("uid:gid", or "" to stay), ask for `stop_signal` when `parent` dies, and run `command`."""
    # Python ignores SIGPIPE, a background shell SIGINT; what is ignored stays so in the next program.
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if account:
        uid, gid = map(int, account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The supervisor ended before its service began.")
    os.execv(command[0], command)  # noqa: S606  # there is no shell to go through


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
