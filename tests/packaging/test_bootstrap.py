"""One script sets everything up, and the second time it finds nothing to do."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import bootstrap
import pytest
from project_env import ProjectEnvironment, Stamp

ROOT = Path(__file__).resolve().parents[2]
ENGINE = "0.3.36-linux-x86_64-glibc2.36-cuda-0123456789"


@pytest.fixture
def environment(tmp_path: Path) -> ProjectEnvironment:
    """A project folder of its own, with an environment that looks installed."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    environment = ProjectEnvironment(tmp_path)
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    return environment


def write_stamp(environment: ProjectEnvironment, stamp: Stamp) -> None:
    fields = {name: getattr(stamp, name) for name in Stamp.__dataclass_fields__}
    (environment.folder / "medrega-setup.json").write_text(json.dumps(fields))


def test_help_shows_every_command_and_needs_nothing_installed() -> None:
    script = ROOT / "packaging" / "bootstrap.py"
    # -S: without the packages of this environment.
    done = subprocess.run([sys.executable, "-S", str(script), "--help"], capture_output=True, text=True, check=True)
    for word in ("run", "test", "check", "install", "--cuda", "--native", "--skip-system"):
        assert word in done.stdout


def test_words_after_two_dashes_go_to_the_program_started() -> None:
    options = bootstrap.parse_arguments(["test", "--cuda", "--", "-k", "box", "--cuda"])
    assert (options.command, options.variant, options.rest) == ("test", "cuda", ["-k", "box", "--cuda"])
    assert bootstrap.parse_arguments(["run"]).rest == []


def test_the_engine_version_is_the_pin_of_pyproject(environment: ProjectEnvironment) -> None:
    assert f'"llama-cpp-python=={environment.engine_version()}"' in (ROOT / "pyproject.toml").read_text()


def test_a_stamp_covers_the_same_and_fewer_extras() -> None:
    full = Stamp("/project", "3.11", "hash", ("test", "train"), ENGINE)
    assert full.covers(full)
    assert full.covers(replace(full, extras=()))
    assert not replace(full, extras=()).covers(full)


@pytest.mark.parametrize(
    "change", [{"root": "/moved"}, {"python": "3.12"}, {"project": "edited"}, {"engine": "0.3.36-rebuilt"}]
)
def test_a_stamp_covers_nothing_else_once_something_changed(change: dict[str, str]) -> None:
    full = Stamp("/project", "3.11", "hash", ("test", "train"), ENGINE)
    assert not full.covers(replace(full, **change))


def test_a_stamp_is_read_back_as_it_was_written(environment: ProjectEnvironment) -> None:
    stamp = environment.stamp_for(("train", "test"), ENGINE)
    write_stamp(environment, stamp)
    assert environment.stamp() == stamp


@pytest.mark.parametrize("text", ["", "{", "[]", '{"root": "/"}', '{"extras": [], "other": 1}'])
def test_a_damaged_stamp_means_not_installed(environment: ProjectEnvironment, text: str) -> None:
    (environment.folder / "medrega-setup.json").write_text(text)
    assert environment.stamp() is None


def test_a_second_start_runs_neither_pip_nor_a_build(
    environment: ProjectEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stamp(environment, environment.stamp_for(("test", "train"), ENGINE))
    # Any program started would be missing here.
    monkeypatch.setenv("PATH", "")
    before = sorted(environment.folder.rglob("*"))
    for command in ("run", "test", "install", "check"):
        bootstrap.set_up(environment, command, None, skip_system=True)
    assert sorted(environment.folder.rglob("*")) == before


def test_a_new_dependency_makes_the_set_up_install_again(environment: ProjectEnvironment) -> None:
    before = environment.stamp_for((), ENGINE)
    project = environment.root / "pyproject.toml"
    project.write_text(project.read_text() + "\n# edited\n")
    assert not before.covers(environment.stamp_for((), ENGINE))


@pytest.mark.slow
def test_a_real_environment_is_made_once_and_made_anew_when_broken(tmp_path: Path) -> None:
    environment = ProjectEnvironment(tmp_path / "here")
    environment.root.mkdir()
    environment.create()
    marker = environment.folder / "marker"
    marker.touch()
    environment.create()
    assert marker.exists()
    (environment.folder / "pyvenv.cfg").unlink()
    environment.create()
    assert not marker.exists()
