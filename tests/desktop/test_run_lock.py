"""A training run that another window or a command works on is not deleted under it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("PySide6")

from desktop.error_texts import error_text
from desktop.model.training_folder import RunError, RunOptions, discard_run, new_run

HOLDERS = {
    "window": """
from PySide6.QtCore import QLockFile
lock = QLockFile(sys.argv[1] + "/.lock")
assert lock.tryLock(0)
""",
    "command": """
from engine.locks import only_process
lock = only_process(Path(sys.argv[1]) / ".run.lock", "a run")
lock.__enter__()
""",
}


@contextmanager
def held_by(who: str, folder: Path) -> Iterator[None]:
    """Another process works on a run, and is killed in the end."""
    script = f"import sys\nfrom pathlib import Path\n{HOLDERS[who]}\nprint('held', flush=True)\nsys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.kill()


@pytest.mark.parametrize("who", HOLDERS)
def test_a_run_that_another_works_on_is_kept_until_that_has_ended(home, tmp_path, who):
    folder = new_run(tmp_path / "base", "a" * 64, tmp_path / "a.sqlite", RunOptions())
    with held_by(who, folder):
        with pytest.raises(RunError, match="another window or command is working on") as refused:
            discard_run(folder)
        assert folder.is_dir()
        assert (folder / "plan.json").is_file()
    assert error_text(str(refused.value), "zh_CN").startswith("另一个窗口或命令正在处理")
    discard_run(folder)
    assert list(folder.parent.iterdir()) == []


def test_a_run_that_is_gone_already_is_no_busy_one(home, tmp_path):
    folder = new_run(tmp_path / "base", "a" * 64, tmp_path / "a.sqlite", RunOptions())
    discard_run(folder)
    with pytest.raises(RunError, match="cannot be deleted"):
        discard_run(folder)
