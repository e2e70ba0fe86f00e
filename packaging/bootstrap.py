#!/usr/bin/env python3
"""Set MedRegA Desktop up, then run it or its tests. Needs Python 3.11 or newer and nothing else.

    python3 packaging/bootstrap.py run              # the window, on the demo worklist
    python3 packaging/bootstrap.py run -- SCAN      # the window, on your scan
    python3 packaging/bootstrap.py test             # linters, types, import rules, the whole test suite
    python3 packaging/bootstrap.py test -- -k box   # the same, with your arguments for pytest
    python3 packaging/bootstrap.py install --cuda   # the engine for NVIDIA GPUs; starts nothing

Everything goes into `.venv` in the project's folder; the compiled engine is kept in
`~/.cache/medrega-desktop` (or `$MEDREGA_CACHE`).
"""

from __future__ import annotations

import sys

# Before the other imports: they do not even parse on an older Python.
if sys.version_info < (3, 11):  # noqa: UP036 - the person may start this with any Python
    sys.exit(f"MedRegA Desktop needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}.")

import argparse
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from console import SetupError, say
from cuda_toolkit import find_toolkit, gpu_architectures
from debian import OTHER_LINUX, ensure_packages, on_debian, wanted_packages
from engine_plan import EnginePlan, key_variant, key_version, plan_engine
from engine_wheel import build_wheel, cache_folder, find_wheel
from project_env import ProjectEnvironment
from wayland import has_weston, headless_weston

ROOT = Path(__file__).resolve().parent.parent
# `train` and `test` because the tests hold the trainer against the engine.
EXTRAS = {"run": (), "install": (), "check": ("test", "train"), "test": ("test", "train")}
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports", "--no-logo"),
)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; what stands after `--` is for the program that is started."""
    parser = argparse.ArgumentParser(
        prog="bootstrap.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=tuple(EXTRAS), help="what to do once everything is installed")
    engine = parser.add_mutually_exclusive_group()
    for variant, meaning in (
        ("portable", "build the engine for every processor of this kind (the default the first time)"),
        ("native", "build the engine for this very processor"),
        ("cuda", "build the engine for NVIDIA GPUs; needs the CUDA toolkit"),
    ):
        engine.add_argument(f"--{variant}", dest="variant", action="store_const", const=variant, help=meaning)
    parser.add_argument("--skip-system", action="store_true", help="do not look for system packages")
    # argparse itself loses what stands after `--` when an option comes before it.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return parser.parse_args(arguments[:end], argparse.Namespace(rest=list(arguments[end + 1 :])))


def set_up(environment: ProjectEnvironment, command: str, variant: str | None, *, skip_system: bool) -> None:
    """Install whatever is missing for `command`; a second call finds nothing to do.

    Raises
    ------
    SetupError
        If a step fails.
    """
    installed = environment.stamp()
    version, cache = environment.engine_version(), cache_folder()
    if variant is None and installed is not None and key_version(installed.engine) == version:
        # Nobody asked for another build: a CUDA engine stays when `run` follows `install --cuda`.
        engine, variant = installed.engine, key_variant(installed.engine)
    else:
        variant = variant or "portable"
        engine = _plan(version, variant).key
    wanted = environment.stamp_for(EXTRAS[command], engine)
    ready = installed is not None and installed.covers(wanted)
    wheel = find_wheel(engine, cache)
    if not skip_system and sys.platform == "linux":
        if on_debian():
            compiler = not ready and wheel is None
            ensure_packages(wanted_packages(tests="test" in wanted.extras, compiler=compiler))
        elif not ready:
            say(OTHER_LINUX)
    if ready:
        return
    if wheel is None and variant == "cuda":
        toolkit = find_toolkit(os.environ, os.environ.get("CMAKE_ARGS", ""))
        say(f"CUDA {toolkit.version[0]}.{toolkit.version[1]} in {toolkit.root}.")
        os.environ.setdefault("CUDACXX", str(toolkit.nvcc))
    environment.create()
    if wheel is None:
        plan = _plan(version, variant)
        wheel = build_wheel(plan, environment.python, cache)
        wanted = environment.stamp_for(EXTRAS[command], plan.key)
    say("Installing Python packages" + (" (with torch, for the trainer)." if wanted.extras else "."))
    environment.install(wanted, wheel)
    say("Set-up is complete.")


def _plan(version: str, variant: str) -> EnginePlan:
    architectures = gpu_architectures() if variant == "cuda" else ()
    return plan_engine(version, variant, os.environ.get("CMAKE_ARGS", ""), architectures)


def run(environment: ProjectEnvironment, rest: Sequence[str]) -> int:
    """Open the window; without a screen show the same on the command line."""
    medrega = str(environment.program("medrega"))
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return _call([medrega, "open", *(rest or ["--demo"])])
    say("Neither DISPLAY nor WAYLAND_DISPLAY is set, so there is no screen: demonstration without a window.")
    return _call([medrega, "demo"])


def check(environment: ProjectEnvironment) -> list[str]:
    """Run linter, formatter, type checker and import rules; return those that complain."""
    failed = []
    for words in CHECKS:
        say(f"== {' '.join(words)}")
        if _call([str(environment.program(words[0])), *words[1:]]) != 0:
            failed.append(" ".join(words))
    return failed


def test(environment: ProjectEnvironment, rest: Sequence[str]) -> list[str]:
    """Run all checks, the user stories on X and one on Wayland, then the whole suite; return what failed.

    The suite comes last, so that the closing line is the count of everything.
    """
    failed = check(environment)
    pytest = [str(environment.python), "-m", "pytest"]
    if not rest and sys.platform == "linux" and shutil.which("xvfb-run"):
        say("== user stories in a real window (Xvfb)")
        screen = ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24 -nolisten tcp"]
        if _call([*screen, *pytest, "tests/stories"], QT_QPA_PLATFORM="xcb", WAYLAND_DISPLAY="") != 0:
            failed.append("user stories in a real window")
    if not rest and sys.platform == "linux":
        failed += _test_on_wayland(pytest)
    say("== test suite")
    if _call([*pytest, *_side_by_side(), *rest], QT_QPA_PLATFORM=os.environ.get("QT_QPA_PLATFORM", "offscreen")) != 0:
        failed.append("test suite")
    return failed


def _side_by_side() -> list[str]:
    """Options of pytest-xdist for this many processors, a test file staying in one process as its fixtures do.

    Not more than four processes: each holds a model, windows and, in the trainer's tests, torch.
    """
    workers = min(os.cpu_count() or 1, 4)
    return ["-n", str(workers), "--dist", "loadfile"] if workers > 1 else []


def _test_on_wayland(pytest: Sequence[str]) -> list[str]:
    """Run the first user story on headless Wayland, or say that it is left out."""
    if not has_weston():
        say("== user story on Wayland: SKIPPED, weston is not installed")
        return []
    say("== user story on Wayland (headless weston)")
    story = ["tests/stories/test_first_suggestion.py", "-k", "accepts_one_suggestion"]
    with headless_weston() as variables:
        passed = _call([*pytest, *story], **variables) == 0
    return [] if passed else ["user story on Wayland"]


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; returns the exit status."""
    options = parse_arguments(arguments)
    environment = ProjectEnvironment(ROOT)
    try:
        set_up(environment, options.command, options.variant, skip_system=options.skip_system)
        if options.command == "install":
            say(f"Start it with {environment.program('medrega')}")
            if options.variant == "cuda":
                say(f"What it makes of your GPU: {environment.program('medrega')} doctor")
            return 0
        if options.command == "run":
            return run(environment, options.rest)
        failed = check(environment) if options.command == "check" else test(environment, options.rest)
    except SetupError as error:
        say(f"\n{error}")
        return 1
    except KeyboardInterrupt:
        say("\nStopped. Start again to go on.")
        return 130
    if failed:
        say(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


def _call(command: list[str], **variables: str) -> int:
    return subprocess.run(command, cwd=ROOT, env=os.environ | variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
