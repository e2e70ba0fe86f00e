"""Every real DICOM file opens, or is refused by a message that names it; mutated ones too.

Both run in child processes: a decoder with a memory fault would end the process that it runs in.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless

from engine.bench.series import write_series

# Of the processor: a busy machine stops every process now and then.
_SECONDS = 10
_MUTANTS = 300

# What a child does with each path that it reads from its input: one line of JSON in answer.
_CHILD = """
import json, sys, time
from pathlib import Path
from engine.scans import ScanError, index_path, read_overlays, read_volume, render_slice
for line in sys.stdin:
    path = Path(json.loads(line))
    began = time.process_time()
    answer = {"opened": 0, "refused": "", "problem": ""}
    try:
        for entry in index_path(path).series:
            volume = read_volume(entry.path, entry.series_uid)
            render_slice(volume, volume.plane, len(volume.voxels) // 2)
            read_overlays(volume, 0)
            answer["opened"] += 1
        if not answer["opened"]:
            read_volume(path)
    except ScanError as error:
        answer["refused"] = str(error)
    except BaseException as error:
        answer["problem"] = f"{type(error).__name__}: {error}"
    answer["seconds"] = time.process_time() - began
    print(json.dumps(answer), flush=True)
"""


class Child:
    """Reads scans for the test, and may die of one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, path: Path) -> dict[str, object]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        self._process.stdin.write(json.dumps(str(path)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        return {"opened": 0, "refused": "", "problem": f"the process died: {self._process.wait()}", "seconds": 0.0}

    def close(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait(timeout=60)


@pytest.fixture(scope="module")
def child() -> Child:
    one = Child()
    yield one
    one.close()


def reason(refusal: str, path: Path) -> str:
    """A refusal without what is particular to its file."""
    for words, short in (
        ("holds no image: it is a ", None),
        ("which is not decoded here", None),
        ("holds no image", "holds no image"),
        ("holds no pixel data", "holds no pixel data"),
        ("truncated", "truncated"),
        ("decode the pixels", "cannot be decoded"),
        ("read the DICOM", "header cannot be read"),
        ("no scan format", "no scan format"),
    ):
        if words in refusal:
            return short or refusal.replace(str(path), "").strip()
    return refusal.replace(str(path), "").strip()[:80]


@pytest.mark.slow
def test_every_real_file_opens_or_is_refused_by_name(shared_data: Path, child: Child):
    table: Counter[str] = Counter()
    for path in sorted(p for p in (shared_data / "dicom").rglob("*") if p.is_file()):
        answer = child.ask(path)
        assert not answer["problem"], (path, answer)
        assert answer["seconds"] < _SECONDS, path
        if answer["refused"]:
            assert path.name in answer["refused"]
            table[f"refused: {reason(answer['refused'], path)}"] += 1
        else:
            table["opened"] += 1
    sys.stdout.write("\n" + "\n".join(f"{count:5}  {what}" for what, count in table.most_common()) + "\n")
    assert table["opened"] >= 350


@pytest.mark.slow
def test_mutated_real_files_end_nothing(shared_data: Path, child: Child, tmp_path: Path):
    rng = random.Random(5)
    files = sorted(p for p in (shared_data / "dicom").rglob("*") if p.is_file() and p.stat().st_size < 600_000)
    for number in range(_MUTANTS):
        source = rng.choice(files)
        path = tmp_path / f"mutant{source.suffix}"
        path.write_bytes(mutate(source.read_bytes(), rng))
        answer = child.ask(path)
        assert not answer["problem"], (number, source, answer)
        assert answer["seconds"] < _SECONDS, (number, source)
        assert not answer["refused"] or path.name in answer["refused"]


@pytest.mark.slow
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEGLSLossless, JPEG2000Lossless])
def test_a_mutated_file_does_not_take_its_series_along(child: Child, tmp_path: Path, syntax: UID):
    rng = random.Random(6)
    folder = write_series(tmp_path / "series", 5, 48, syntax)
    victim = sorted(folder.iterdir())[2]
    whole = victim.read_bytes()
    for number in range(60):
        victim.write_bytes(mutate(whole, rng))
        answer = child.ask(folder)
        assert not answer["problem"], (number, answer)
        assert answer["seconds"] < _SECONDS, number
        assert answer["opened"] >= 1, (number, answer)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Overwrite, cut out or insert bytes; half of the time in the header, where the lies are."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 2, 5, 20])):
        reach = max(1, min(len(data), rng.choice([600, 4000, len(data)])))
        place = rng.randrange(reach)
        match rng.randrange(5):
            case 0:
                data[place : place + 1] = rng.randbytes(1)
            case 1:
                data[place : place + 4] = rng.choice([b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f"])
            case 2:
                del data[place : place + rng.randrange(1, 40)]
            case 3:
                data[place:place] = rng.randbytes(rng.randrange(1, 20))
            case 4:
                data[place : place + 64] = rng.randbytes(64)
    return bytes(data[: rng.randrange(len(data) + 1)] if rng.random() < 0.1 else data)
