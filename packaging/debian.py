"""The Debian packages that wheels cannot bring: OpenGL, X11 and Wayland libraries, fonts, a compiler."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from console import SetupError, at_terminal, confirm, say

# Qt loads most of these with dlopen, so a missing one shows only when the first window opens.
WINDOW_PACKAGES = (
    "libgl1",
    "libegl1",
    "libglib2.0-0",
    "libxkbcommon-x11-0",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-keysyms1",
    "libxcb-shape0",
    "libxcb-xkb1",
    "libxcb-render-util0",
    "libxcb-image0",
    "libdbus-1-3",
    "libxrender1",
    "libfontconfig1",
    "fonts-noto-cjk",
)
# xauth is only recommended by xvfb, yet xvfb-run does not start without it.
TEST_PACKAGES = ("xvfb", "xauth", "xdotool", "weston")

OTHER_LINUX = (
    "This is not Debian or Ubuntu, so nothing was installed for the system. If the window does not open, "
    "install OpenGL and EGL (Mesa), libxkbcommon-x11, xcb-util-cursor, xcb-util-wm, xcb-util-keysyms, "
    "xcb-util-image, xcb-util-renderutil, D-Bus, fontconfig and the Noto CJK fonts; "
    "to build the engine, a C++17 compiler."
)


def wanted_packages(*, tests: bool, compiler: bool) -> tuple[str, ...]:
    """List the Debian packages for what is about to be done.

    Parameters
    ----------
    tests : bool
        Whether the test suite is to run (it opens real windows on a virtual screen).
    compiler : bool
        Whether llama.cpp is about to be compiled.
    """
    names = list(WINDOW_PACKAGES)
    if tests:
        names += TEST_PACKAGES
    if compiler and not (shutil.which("cc") and shutil.which("c++")):
        names.append("build-essential")
    if importlib.util.find_spec("ensurepip") is None:
        # Debian's own Python leaves out what `python -m venv` needs.
        names.append(f"python{sys.version_info.major}.{sys.version_info.minor}-venv")
    return tuple(names)


def missing_packages(wanted: Sequence[str], dpkg_report: str) -> tuple[str, ...]:
    """Tell which wanted packages are not installed.

    Parameters
    ----------
    wanted : sequence of str
        Package names.
    dpkg_report : str
        Output of `dpkg-query -W -f '${Package} ${db:Status-Status}\\n' NAME...`. A package that dpkg has
        never heard of has no line; one removed but not purged says `config-files`.
    """
    installed = {line.split()[0] for line in dpkg_report.splitlines() if line.endswith(" installed")}
    return tuple(name for name in wanted if name not in installed)


def ensure_packages(wanted: Sequence[str]) -> None:
    """Install what is missing of `wanted`; asks before it uses sudo on a person's machine.

    Raises
    ------
    SetupError
        If something is missing and may not or could not be installed.
    """
    missing = missing_packages(wanted, _dpkg_report(wanted))
    if not missing:
        return
    by_hand = f"apt-get install --no-install-recommends {' '.join(missing)}"
    say(f"System packages to install: {' '.join(missing)}")
    prefix = _become_root(by_hand)
    # A third-party source that cannot be reached fails the update, not our packages: install decides.
    if _apt(prefix, "update", "-qq") != 0:
        say("apt-get update reported a problem; going on with the package lists there are.")
    if _apt(prefix, "install", "-qq", "-y", "--no-install-recommends", *missing) != 0:
        raise SetupError(
            f"apt-get could not install {' '.join(missing)} (its message is above). "
            f"Install them by hand, then start again:\n  {by_hand}"
        )


def on_debian() -> bool:
    """Tell whether this system has dpkg and apt."""
    return bool(shutil.which("dpkg-query") and shutil.which("apt-get"))


def _dpkg_report(names: Sequence[str]) -> str:
    command = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names]
    # Exit status 1 only says that some name is unknown, which is what we ask.
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _become_root(by_hand: str) -> list[str]:
    """Return the words to put before apt-get."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and at_terminal() and confirm("Install them now with sudo?"):
        return ["sudo"]
    raise SetupError(
        f"Nothing was installed. As root, run\n  {by_hand}\nthen start again (or add --skip-system to go on without)."
    )


def _apt(prefix: list[str], *arguments: str) -> int:
    # `env` and not the process environment: sudo would drop it.
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1"]
    options = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3", "-o", "Dpkg::Use-Pty=0"]
    # A person's sudo needs the terminal for its password; nobody else may be asked anything.
    stdin = None if prefix else subprocess.DEVNULL
    command = [*prefix, *quiet, "apt-get", *options, *arguments]
    return subprocess.run(command, stdin=stdin, check=False).returncode
