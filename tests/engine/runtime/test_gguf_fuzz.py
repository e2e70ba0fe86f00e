"""Mutated headers by the thousand: none that is unsound comes to llama.cpp, and none that does harms it.

`MEDREGA_FUZZ` sets how many; 100,000 take some minutes.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import shutil
import struct
from collections import Counter
from dataclasses import replace

import gguf
import pytest

from engine.models.probing import Probe, probe_model
from engine.models.registering import self_test_image
from engine.runtime import ModelError, ModelFile, check_gguf, verify_files
from engine.runtime.gguf_header import read_gguf_header

COUNT = int(os.environ.get("MEDREGA_FUZZ", "2000"))
# How many of those that pass are given to llama.cpp itself.
TRIED = int(os.environ.get("MEDREGA_FUZZ_TRIED", "8"))
HOSTILE = (b"\xff" * 8, bytes(8), b"\xff" * 4, struct.pack("<Q", 1 << 63), struct.pack("<Q", 1 << 31), b"\x80")


def mutated(header: bytes, rng: random.Random) -> bytes:
    """A header with one to four edits, of bytes, of numbers, or of its length."""
    content = bytearray(header)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content))
        kind = rng.random()
        if kind < 0.35:
            content[at] ^= 1 << rng.randrange(8)
        elif kind < 0.7:
            new = rng.choice(HOSTILE)
            content[at : at + len(new)] = new
        elif kind < 0.8:
            content[at : at + 1] = rng.randbytes(rng.randint(0, 9))
        elif kind < 0.9:
            other = rng.randrange(len(content))
            content[at : at + 8] = content[other : other + 8]
        else:
            # Just one more or less of some number.
            number = int.from_bytes(content[at : at + 4], "little")
            content[at : at + 4] = ((number + rng.choice((-1, 1))) % (1 << 32)).to_bytes(4, "little")
    return bytes(content)


@pytest.mark.parametrize("role", ["text", "mmproj"])
def test_no_unsound_header_comes_to_llama_cpp(random_model, tmp_path, role):
    sound = random_model.path(role)
    content = sound.read_bytes()
    start = read_gguf_header(sound).data_start
    head, data = content[:start], content[start:]
    rng = random.Random(5)
    path = tmp_path / sound.name
    registered = {**random_model.files, role: ModelFile.of(sound)}
    counts: Counter[str] = Counter()
    passed: list[bytes] = []
    for _ in range(COUNT // 2):
        made = mutated(head, rng)
        if made == head:
            continue
        path.write_bytes(made + data)
        try:
            check_gguf(path)
        except ModelError:
            counts["refused"] += 1
            continue
        counts["passed"] += 1
        # Another reader must agree that what passed is sound: everything lies inside the file, and nothing on another.
        spans = sorted((int(t.data_offset), int(t.n_bytes)) for t in gguf.GGUFReader(path).tensors)
        assert all(offset + size <= len(made) + len(data) for offset, size in spans)
        assert all(a + size <= b for (a, size), (b, _) in itertools.pairwise(spans))
        # A registered model is not even looked at: its hash is another.
        folder = replace(random_model, folder=tmp_path, files={role: registered[role]})
        with pytest.raises(ModelError, match=r"altered|too long|truncated"):
            verify_files(folder)
        passed.append(made)
    print(f"{role}: {dict(counts)}")  # noqa: T201
    assert counts["refused"] > counts["passed"]
    died = []
    for made in rng.sample(passed, min(TRIED // 2, len(passed))):
        path.write_bytes(made + data)
        if (code := tried(random_model, role, path)) != 0:
            died.append((code, made))
    print(f"{role}: {len(died)} of {min(TRIED // 2, len(passed))} ended the process that tried them")  # noqa: T201
    assert not died, [code for code, _ in died]


def tried(model, role, path):
    """The exit code of a process in which llama.cpp loads the files."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    other = "mmproj" if role == "text" else "text"
    shutil.copy(model.path(other), path.parent)
    names = {role: path.name, other: model.path(other).name}
    probe = Probe(path.parent, names["text"], names["mmproj"], self_test_image(model.image_size))
    process = context.Process(target=probe_model, args=(theirs, probe))
    process.start()
    theirs.close()
    try:
        if ours.poll(60):
            ours.recv()
    except EOFError:
        pass
    process.join(20)
    code = process.exitcode
    process.kill()
    process.join()
    return code
