"""The browser of the tests: Debian's chromium. `python -m tests.support.chromium --ensure` installs it where it may."""

import os
import shutil
import subprocess
import sys

_PATH = "/usr/bin/chromium"
_INSTALL = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")


def executable() -> str:
    """The path of the browser: CHROMIUM, else Debian's. FileNotFoundError says what to install."""
    path = os.environ.get("CHROMIUM", _PATH)
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(
            f"The browser tests need Chromium at {path}: apt-get install chromium, or set CHROMIUM to another's path."
        )
    return path


def ensure() -> None:
    """Install the Debian package where it is missing and we may; else end with what to do."""
    try:
        executable()
    except FileNotFoundError as missing:
        if os.geteuid() != 0 or shutil.which("apt-get") is None or "CHROMIUM" in os.environ:
            sys.exit(str(missing))
        print("Installing the Debian package chromium …", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
        subprocess.run(_INSTALL, check=True, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    if sys.argv[1:] != ["--ensure"]:
        sys.exit(__doc__)
    ensure()
