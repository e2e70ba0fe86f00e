"""Only what is missing is installed for the system, and never without being allowed to."""

import os
import subprocess
from pathlib import Path

import debian
import pytest
from console import SetupError
from debian import missing_packages, wanted_packages

REPORT = """\
libgl1 installed
libegl1 installed
weston not-installed
xvfb config-files
libxcb-icccm4 half-configured
"""


def test_packages_unknown_removed_or_half_installed_count_as_missing() -> None:
    wanted = ("libgl1", "libegl1", "weston", "xvfb", "libxcb-icccm4", "never-heard-of")
    assert missing_packages(wanted, REPORT) == ("weston", "xvfb", "libxcb-icccm4", "never-heard-of")


@pytest.mark.skipif(not debian.on_debian(), reason="needs dpkg")
def test_dpkg_itself_is_understood() -> None:
    report = debian._dpkg_report(["dpkg", "no-such-package-in-debian"])
    assert missing_packages(("dpkg", "no-such-package-in-debian"), report) == ("no-such-package-in-debian",)


def test_running_needs_no_test_tools_and_a_kept_engine_no_compiler() -> None:
    assert not {"xvfb", "weston", "build-essential"} & set(wanted_packages(tests=False, compiler=False))
    assert {"xvfb", "xauth", "xdotool", "weston"} < set(wanted_packages(tests=True, compiler=False))


def test_a_compiler_is_wanted_only_where_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "build-essential" in wanted_packages(tests=False, compiler=True)
    for name in ("cc", "c++"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert "build-essential" not in wanted_packages(tests=False, compiler=True)


def test_nothing_is_installed_for_a_person_who_was_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _fake_apt(monkeypatch, tmp_path, installed=("libgl1",))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SetupError, match="apt-get install --no-install-recommends libegl1"):
        debian.ensure_packages(("libgl1", "libegl1"))
    assert not (tmp_path / "apt.log").exists()


def test_root_installs_just_the_missing_ones_without_questions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _fake_apt(monkeypatch, tmp_path, installed=("libgl1",))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    debian.ensure_packages(("libgl1", "libegl1"))
    update, install = (tmp_path / "apt.log").read_text().splitlines()
    assert update.startswith("noninteractive")
    assert " update" in update
    assert install.endswith("install -qq -y --no-install-recommends libegl1")


def test_with_everything_there_apt_is_not_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _fake_apt(monkeypatch, tmp_path, installed=("libgl1", "libegl1"))
    debian.ensure_packages(("libgl1", "libegl1"))
    assert not (tmp_path / "apt.log").exists()


def test_a_failing_apt_is_reported_with_the_command_to_run_by_hand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _fake_apt(monkeypatch, tmp_path, installed=(), status=100)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(SetupError, match="by hand"):
        debian.ensure_packages(("libgl1",))


def _fake_apt(monkeypatch: pytest.MonkeyPatch, folder: Path, *, installed: tuple[str, ...], status: int = 0) -> None:
    """Put programs on PATH that say what dpkg would and note what apt-get was told."""
    lines = "".join(f"echo {name} installed\n" for name in installed)
    scripts = {
        "dpkg-query": lines,
        "apt-get": f'echo "$DEBIAN_FRONTEND $*" >> {folder}/apt.log\nexit {status}\n',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert subprocess.run(["dpkg-query"], check=True).returncode == 0
