"""The project's own virtual environment, and the stamp that says what is installed in it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from console import SetupError, say

# The exact release whose answers are measured against llama.cpp's. Named beside our own requirements, so
# that pip takes the processor-only build of it where the configured index offers one.
TORCH = "torch==2.13.0"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a finished installation was made from.

    Attributes
    ----------
    root : str
        Folder of the project: a virtual environment does not survive a move.
    python : str
        Version of the interpreter, `3.11`.
    project : str
        SHA-256 of pyproject.toml.
    extras : tuple of str
        Optional dependency groups, sorted.
    engine : str
        Key of the llama-cpp-python wheel.
    """

    root: str
    python: str
    project: str
    extras: tuple[str, ...]
    engine: str

    def covers(self, wanted: Stamp) -> bool:
        """Tell whether an environment with this stamp can be used as it is where `wanted` is asked for."""
        return replace(self, extras=wanted.extras) == wanted and set(wanted.extras) <= set(self.extras)


class ProjectEnvironment:
    """`.venv` in the project's folder.

    Parameters
    ----------
    root : Path
        Folder with pyproject.toml.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self._stamp_file = self.folder / "medrega-setup.json"

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.program("python")

    def program(self, name: str) -> Path:
        """Return the path of a program that the environment installs."""
        if sys.platform == "win32":
            return self.folder / "Scripts" / f"{name}.exe"
        return self.folder / "bin" / name

    def engine_version(self) -> str:
        """Read the pinned version of llama-cpp-python from pyproject.toml.

        Raises
        ------
        SetupError
            If it is not pinned with `==`.
        """
        project = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        for requirement in project["project"]["dependencies"]:
            pinned = re.fullmatch(r"llama-cpp-python\s*==\s*([\w.]+)", requirement.strip())
            if pinned:
                return pinned[1]
        raise SetupError("pyproject.toml does not pin llama-cpp-python with ==; restore the pin.")

    def stamp_for(self, extras: Sequence[str], engine: str) -> Stamp:
        """Describe the installation that these extras and this engine wheel ask for."""
        content = (self.root / "pyproject.toml").read_bytes()
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        return Stamp(str(self.root), python, hashlib.sha256(content).hexdigest(), tuple(sorted(extras)), engine)

    def stamp(self) -> Stamp | None:
        """Return what is installed, or None where an installation never finished."""
        try:
            fields = json.loads(self._stamp_file.read_text(encoding="utf-8"))
            stamp = Stamp(**(fields | {"extras": tuple(fields["extras"])}))
        except (OSError, ValueError, TypeError, KeyError):
            # Absent, cut short or from another version of this script: install again.
            return None
        return stamp if self.python.exists() else None

    def create(self) -> None:
        """Make the virtual environment, anew where the one there is broken, moved or of another Python.

        Raises
        ------
        SetupError
            If Python's venv module fails.
        """
        if self._usable():
            return
        say(f"Creating {self.folder} with Python {sys.version.split()[0]}.")
        command = [sys.executable, "-m", "venv", "--clear", str(self.folder)]
        if subprocess.run(command, check=False).returncode:
            raise SetupError(
                f"python -m venv could not make {self.folder} (its message is above). On Debian: "
                f"apt-get install python{sys.version_info.major}.{sys.version_info.minor}-venv"
            )

    def install(self, wanted: Stamp, engine_wheel: Path) -> None:
        """Install the project and its requirements, then leave the stamp.

        Raises
        ------
        SetupError
            If pip fails; nothing is stamped then, so that the next try installs again.
        """
        before = self.stamp()
        self._stamp_file.unlink(missing_ok=True)
        if before is None or before.engine != wanted.engine:
            # Same version, other flags: to pip the wheel that is there would do.
            self._pip("--force-reinstall", "--no-deps", str(engine_wheel))
        extras = f"[{','.join(wanted.extras)}]" if wanted.extras else ""
        torch = [TORCH] if "train" in wanted.extras else []
        self._pip(*torch, str(engine_wheel), "-e", f"{self.root}{extras}")
        draft = self._stamp_file.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(wanted), indent=1) + "\n", encoding="utf-8")
        draft.replace(self._stamp_file)

    def _pip(self, *requirements: str) -> None:
        # A person sees pip's bars; a log needs no list of what was there already.
        options = ["--disable-pip-version-check", *([] if sys.stdout.isatty() else ["-q"])]
        command = [str(self.python), "-m", "pip", "install", *options, *requirements]
        if subprocess.run(command, stdin=subprocess.DEVNULL, cwd=self.root, check=False).returncode:
            raise SetupError(
                "pip could not install the Python packages (its message is above). Check the network or the "
                "package index in pip's configuration, then start again: what is installed is kept."
            )

    def _usable(self) -> bool:
        stamp = self.stamp()
        if stamp is not None and stamp.root != str(self.root):
            return False
        question = "import sys, pip; print(sys.prefix, sys.version_info[:2], sep='|')"
        try:
            answer = subprocess.run(
                [str(self.python), "-c", question], capture_output=True, text=True, check=False, timeout=60
            )
        except OSError:
            return False
        expected = f"{os.path.realpath(self.folder)}|{sys.version_info[:2]}"
        prefix, _, version = answer.stdout.strip().partition("|")
        return answer.returncode == 0 and f"{os.path.realpath(prefix)}|{version}" == expected
