"""What killed processes leave half made is swept away, what others are at is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from engine.unfinished import unfinished_folder

_KILLED = """
import os, sys
from pathlib import Path
from engine.unfinished import unfinished_folder
with unfinished_folder(Path(sys.argv[1]), ".made-") as folder:
    (folder / "half").write_text("x")
    print(folder.name, flush=True)
    if sys.argv[2] == "die":
        os._exit(9)
    sys.stdin.read()
"""


def _start(parent: Path, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(parent), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_it_is_gone_at_the_end_with_what_is_in_it(tmp_path):
    with unfinished_folder(tmp_path, ".made-") as folder:
        (folder / "set").mkdir()
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_what_another_is_at_is_not(tmp_path):
    with _start(tmp_path, "die") as dead:
        left, _ = dead.communicate(timeout=60)
    assert (tmp_path / left.strip() / "half").is_file()
    with _start(tmp_path, "stay") as busy:
        assert busy.stdout is not None
        own = busy.stdout.readline().strip()
        assert [path.name for path in tmp_path.iterdir()] == [own]
        with unfinished_folder(tmp_path, ".made-"):
            assert (tmp_path / own / "half").is_file()
            assert not (tmp_path / left.strip()).exists()
        busy.communicate("", timeout=60)
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_lock_is_swept_a_day_later(tmp_path):
    old, new, other = (tmp_path / name for name in (".made-old", ".made-new", ".else-old"))
    for folder in (old, new, other):
        folder.mkdir()
    before = time.time() - 25 * 3600
    for folder in (old, other):
        os.utime(folder, (before, before))
    with unfinished_folder(tmp_path, ".made-"):
        assert not old.exists()
        assert new.exists()
        assert other.exists()
