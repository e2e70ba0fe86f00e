"""The engine is built once for each set of flags, for any processor unless asked otherwise."""

import os
import platform
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from console import SetupError
from engine_plan import EnginePlan, key_variant, key_version, plan_engine
from engine_wheel import build_wheel, cache_folder, find_wheel

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
PLAN = EnginePlan("0.3.36", "portable", ("-DGGML_NATIVE=OFF",), "linux-x86_64-glibc2.36")
on_posix = pytest.mark.skipif(os.name != "posix", reason="the stand-in for Python is a shell script")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="flags of x86-64")
def test_the_default_build_asks_for_no_instruction_of_this_very_processor() -> None:
    assert plan_engine("0.3.36").cmake_args == (
        "-DGGML_NATIVE=OFF",
        "-DGGML_AVX2=ON",
        "-DGGML_FMA=ON",
        "-DGGML_F16C=ON",
        "-DGGML_BMI2=ON",
    )


def test_every_choice_that_changes_the_wheel_changes_its_key() -> None:
    plans = [
        plan_engine("0.3.36"),
        plan_engine("0.3.37"),
        plan_engine("0.3.36", "native"),
        plan_engine("0.3.36", "cuda"),
        plan_engine("0.3.36", "cuda", "-DCMAKE_CUDA_ARCHITECTURES=90"),
        plan_engine("0.3.36", "cuda", "-DCMAKE_CUDA_ARCHITECTURES=80"),
        EnginePlan("0.3.36", "portable", plan_engine("0.3.36").cmake_args, "linux-aarch64-glibc2.36"),
    ]
    assert len({plan.key for plan in plans}) == len(plans)
    assert plan_engine("0.3.36").key == plan_engine("0.3.36").key


@pytest.mark.parametrize("variant", ["portable", "native", "cuda"])
def test_a_key_tells_version_and_variant(variant: str) -> None:
    key = plan_engine("0.3.36", variant).key
    assert (key_version(key), key_variant(key)) == ("0.3.36", variant)


def test_the_cache_can_be_put_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDREGA_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path / "wheels"
    monkeypatch.delenv("MEDREGA_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "medrega-desktop" / "wheels"


def test_a_wheel_cut_short_is_not_taken(tmp_path: Path) -> None:
    whole = _wheel(tmp_path / PLAN.key)
    assert find_wheel(PLAN.key, tmp_path) == whole
    whole.write_bytes(whole.read_bytes()[:-30])
    assert find_wheel(PLAN.key, tmp_path) is None
    assert find_wheel("another key", tmp_path) is None


@on_posix
def test_a_build_is_kept_under_its_key_and_found_again(tmp_path: Path) -> None:
    ready = _wheel(tmp_path / "ready")
    # Does what pip does at the end: makes the folder it is told and puts the wheel there.
    script = f'for a; do case $a in --wheel-dir=*) mkdir "${{a#*=}}" && cp {ready} "${{a#*=}}";; esac; done'
    python = _program(tmp_path, script)
    wheel = build_wheel(PLAN, python, tmp_path / "cache")
    assert find_wheel(PLAN.key, tmp_path / "cache") == wheel
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == [PLAN.key]


@on_posix
def test_a_build_gets_the_flags_and_is_told_where_pip_may_litter(tmp_path: Path) -> None:
    python = _program(tmp_path, f'echo "$CMAKE_ARGS|$TMPDIR|$*" > {tmp_path}/seen; exit 1')
    with pytest.raises(SetupError):
        build_wheel(PLAN, python, tmp_path / "cache")
    flags, scratch, arguments = (tmp_path / "seen").read_text().strip().split("|")
    assert flags == "-DGGML_NATIVE=OFF"
    assert scratch.startswith(str(tmp_path / "cache" / ".building-"))
    for option in ("--no-cache-dir", "--no-binary=llama-cpp-python", "llama-cpp-python==0.3.36"):
        assert option in arguments


@on_posix
def test_a_failed_build_says_why_and_leaves_only_its_log(tmp_path: Path) -> None:
    python = _program(tmp_path, "echo 'fatal error: no such header'; exit 1")
    with pytest.raises(SetupError, match="no such header") as raised:
        build_wheel(PLAN, python, tmp_path / "cache")
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == [f"{PLAN.key}.log"]
    assert f"{PLAN.key}.log" in str(raised.value)


@on_posix
def test_an_interrupted_build_leaves_neither_files_nor_compilers(tmp_path: Path) -> None:
    # The compiler is a grandchild, as under pip; it must not outlive the build.
    python = _program(tmp_path, f"echo '[1/9] cc'; sleep 300 & echo $! > {tmp_path}/compiler; wait")
    build = (
        "import sys; from pathlib import Path\n"
        "from engine_plan import EnginePlan; from engine_wheel import build_wheel\n"
        "plan = EnginePlan('0.3.36', 'portable', (), 'here')\n"
        "build_wheel(plan, Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", build, str(python), str(tmp_path / "cache")],
        env=os.environ | {"PYTHONPATH": str(PACKAGING)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A shell starts background jobs with the interrupt ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    while "1/9" not in process.stdout.readline():
        assert process.poll() is None
    compiler = int(_wait_for_text(tmp_path / "compiler"))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert list((tmp_path / "cache").iterdir()) == []
    assert not _runs(compiler)


def _wheel(folder: Path) -> Path:
    folder.mkdir(parents=True)
    path = folder / "llama_cpp_python-0.3.36-py3-none-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("llama_cpp/__init__.py", "")
    return path


def _program(folder: Path, script: str) -> Path:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _wait_for_text(path: Path) -> str:
    deadline = time.monotonic() + 30
    while not (path.is_file() and path.read_text().strip()):
        assert time.monotonic() < deadline, f"{path} never appeared"
        time.sleep(0.02)
    return path.read_text()


def _runs(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    # A zombie that nobody has collected yet has ended all the same.
    return state.is_file() and state.read_text().rpartition(")")[2].split()[0] != "Z"
