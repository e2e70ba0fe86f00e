"""Rules that hold for the whole tree: the arrows between its folders, its licences, no stray output."""

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("desktop", "engine", "training")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Hold the packages in `folder` against the contracts in its pyproject.toml."""
    script = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    return subprocess.run(
        [sys.executable, "-c", script, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def ruff_prints(folder: Path) -> subprocess.CompletedProcess[str]:
    """Look for print calls with the project's own ruff settings."""
    return subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "T20", *FOLDERS],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """The three folders, empty, under the real rules."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    return tmp_path


def test_imports_follow_the_architecture() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_allowed_arrows_pass(small_tree: Path) -> None:
    (small_tree / "desktop" / "window.py").write_text("import engine\nimport PySide6.QtCore\n")
    (small_tree / "training" / "loop.py").write_text("import engine\nimport torch\n")
    done = lint_imports(small_tree)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("engine", "desktop"),
        ("engine", "training"),
        ("engine", "PySide6.QtCore"),
        ("engine", "torch"),
        ("desktop", "training"),
        ("desktop", "torch"),
        ("training", "desktop"),
        ("training", "PySide6.QtGui"),
    ],
)
def test_a_forbidden_arrow_is_noticed(small_tree: Path, folder: str, forbidden: str) -> None:
    # Inside a function, where it is easily overlooked.
    (small_tree / folder / "wrong.py").write_text(f"def later():\n    import {forbidden}\n")
    done = lint_imports(small_tree)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{folder}.wrong -> {forbidden.partition('.')[0]}" in done.stdout


def test_nothing_prints() -> None:
    done = ruff_prints(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_print_is_noticed(small_tree: Path) -> None:
    (small_tree / "engine" / "wrong.py").write_text('print("patient")\n')
    assert "T201" in ruff_prints(small_tree).stdout


def runtime_closure() -> dict[str, metadata.Distribution]:
    """Every installed distribution that the app needs when it runs, by name."""
    found: dict[str, metadata.Distribution] = {}
    waiting: list[tuple[str, frozenset[str]]] = [("medrega-desktop", frozenset())]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found[name] = metadata.distribution(name)
        for text in found[name].requires or ():
            requirement = Requirement(text)
            environments = [{"extra": extra} for extra in ("", *extras)]
            if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
                waiting.append((requirement.name.lower(), frozenset(requirement.extras)))
    return found


def only_gpl(info: metadata.PackageMetadata) -> bool:
    """Tell whether GPL is the only licence a distribution's metadata offers.

    PySide6 offers a choice that has LGPL in it, which a program under another licence may use.
    """
    # Before License-Expression existed, expressions stood in License, as did whole licence texts, whose
    # name is in their first lines.
    expression = info.get("License-Expression") or (info.get("License") or "")[:200]
    classifiers = [text for text in info.get_all("Classifier") or () if text.startswith("License ::")]
    offered = re.split(r"\s+OR\s+", expression) if expression else classifiers
    return bool(offered) and all(
        re.search(r"(?<!L)GPL|(?<!Lesser )General Public License", licence) for licence in offered
    )


def test_nothing_the_app_needs_is_under_the_gpl_alone() -> None:
    closure = runtime_closure()
    assert {"numpy", "pyside6-essentials", "shiboken6", "llama-cpp-python", "jinja2"} <= set(closure)
    assert "torch" not in closure
    assert [name for name, found in closure.items() if only_gpl(found.metadata)] == []


@pytest.mark.parametrize(
    ("headers", "gpl_only"),
    [
        ({"License-Expression": "LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only"}, False),
        ({"License-Expression": "GPL-3.0-or-later"}, True),
        ({"License-Expression": "AGPL-3.0-only"}, True),
        ({"License-Expression": "MIT AND GPL-2.0-only"}, True),
        ({"Classifier": "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"}, True),
        ({"Classifier": "License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"}, False),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, False),
        ({"License": "LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only"}, False),
        ({"License": "GPLv3"}, True),
        ({"License": "BSD-3-Clause"}, False),
        ({}, False),
    ],
)
def test_a_gpl_licence_is_recognised(headers: dict[str, str], gpl_only: bool, tmp_path: Path) -> None:
    lines = ["Metadata-Version: 2.4", "Name: x", "Version: 1", *(f"{k}: {v}" for k, v in headers.items())]
    (tmp_path / "METADATA").write_text("\n".join(lines) + "\n")
    assert only_gpl(metadata.PathDistribution(tmp_path).metadata) is gpl_only
