"""A build for NVIDIA GPUs is refused in a second where it must fail after minutes."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import bootstrap
import cuda_toolkit
import pytest
from console import SetupError
from cuda_toolkit import find_toolkit, gpu_architectures
from engine_plan import plan_engine
from project_env import ProjectEnvironment

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for nvcc are shell scripts")


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def toolkit(root: Path, release: str = "13.0", *, cublas: bool = True) -> Path:
    """A folder laid out like NVIDIA's; returns its nvcc."""
    nvcc = program(
        root / "bin" / "nvcc",
        f'case "$*" in *--version*) echo "Cuda compilation tools, release {release}, V{release}.88";;'
        f' *--dryrun*) echo "#\\$ _HERE_={root}/bin"; echo "#\\$ TOP={root}/bin/.." >&2;; esac',
    )
    if cublas:
        for file in (root / "include" / "cublas_v2.h", root / "lib64" / "libcublas.so"):
            file.parent.mkdir(exist_ok=True)
            file.touch()
    return nvcc


def test_a_whole_toolkit_is_found_by_each_of_its_names(tmp_path: Path) -> None:
    nvcc = toolkit(tmp_path / "cuda")
    elsewhere = {"PATH": os.environ["PATH"]}
    for named in ({"CUDACXX": str(nvcc)}, {"CUDA_PATH": str(tmp_path / "cuda")}, {"CUDA_HOME": str(tmp_path / "cuda")}):
        found = find_toolkit(elsewhere | named)
        assert (found.nvcc, found.version, found.root) == (nvcc, (13, 0), tmp_path / "cuda")
    assert find_toolkit({"PATH": f"{nvcc.parent}:{os.environ['PATH']}"}).nvcc == nvcc


def test_a_script_that_calls_nvcc_leads_to_the_toolkit(tmp_path: Path) -> None:
    nvcc = toolkit(tmp_path / "cuda")
    wrapper = program(tmp_path / "bin" / "nvcc", f'exec {nvcc} "$@"')
    assert find_toolkit({"CUDACXX": str(wrapper), "PATH": os.environ["PATH"]}).root == tmp_path / "cuda"


def test_without_nvcc_the_message_says_how_to_get_it_and_how_to_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_toolkit, "_USUAL", ())
    with pytest.raises(SetupError, match="no nvcc") as raised:
        find_toolkit({"PATH": str(tmp_path)})
    assert "CUDACXX" in str(raised.value)
    assert "CPU" in str(raised.value)


def test_a_wrong_cudacxx_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no/such/nvcc"):
        find_toolkit({"CUDACXX": "/no/such/nvcc", "PATH": str(tmp_path)})


def test_an_old_toolkit_is_refused(tmp_path: Path) -> None:
    nvcc = toolkit(tmp_path / "cuda", "10.2")
    with pytest.raises(SetupError, match=re.escape("CUDA 10.2; the engine needs 11.7")):
        find_toolkit({"CUDACXX": str(nvcc), "PATH": os.environ["PATH"]})


def test_an_nvcc_that_does_not_run_is_refused(tmp_path: Path) -> None:
    nvcc = program(tmp_path / "nvcc", "exit 127")
    with pytest.raises(SetupError, match="does not work"):
        find_toolkit({"CUDACXX": str(nvcc), "PATH": os.environ["PATH"]})


def test_a_toolkit_without_cublas_is_refused_unless_it_is_said_where_it_lies(tmp_path: Path) -> None:
    nvcc = toolkit(tmp_path / "cuda", cublas=False)
    named = {"CUDACXX": str(nvcc), "PATH": os.environ["PATH"]}
    with pytest.raises(SetupError, match="no cuBLAS") as raised:
        find_toolkit(named)
    assert "libcublas-dev-13-0" in str(raised.value)
    assert find_toolkit(named, "-DCMAKE_LIBRARY_PATH=/elsewhere/lib").version == (13, 0)


def test_kernels_are_compiled_for_the_gpus_that_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "nvidia-smi", "printf '9.0\\n8.6\\n9.0\\n'")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_architectures() == ("86", "90")
    assert "-DCMAKE_CUDA_ARCHITECTURES=86;90" in plan_engine("0.3.36", "cuda", "", gpu_architectures()).cmake_args


def test_without_a_gpu_llama_cpp_chooses_what_to_compile_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "nvidia-smi", "echo 'NVIDIA-SMI has failed'; exit 9")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_architectures() == ()


def test_the_engine_for_gpus_is_not_linked_to_the_driver() -> None:
    # It must load, and run on the CPU, where there is none.
    assert "-DGGML_CUDA_NO_VMM=ON" in plan_engine("0.3.36", "cuda").cmake_args


def test_nothing_is_installed_when_the_toolkit_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(cuda_toolkit, "_USUAL", ())
    for name in ("CUDACXX", "CUDA_PATH", "CUDA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("MEDREGA_CACHE", str(tmp_path / "cache"))
    environment = ProjectEnvironment(tmp_path)
    with pytest.raises(SetupError, match="no nvcc"):
        bootstrap.set_up(environment, "run", "cuda", skip_system=True)
    assert not environment.folder.exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(("given", "flag"), [("CUDA=1", True), ("CUDA=0", False), ("CUDA=", False)])
def test_make_run_takes_the_engine_for_gpus_when_told(given: str, flag: bool) -> None:
    done = subprocess.run(["make", "-n", "run", given], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ("bootstrap.py run --cuda" in done.stdout) is flag
