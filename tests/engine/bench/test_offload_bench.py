"""A model of any shape is written and measured, beside llama.cpp alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

pytest.importorskip("gguf")

import gguf
import numpy as np

from engine.bench.offload import ALONE, bench_offload
from engine.bench.synthetic import MEDREGA, SyntheticShape, write_synthetic
from engine.cli import main
from engine.models.importing.quantizing import quantize
from engine.progress import Cancelled, NoProgress
from engine.runtime import Device, ModelError, check_gguf


class Stopped(NoProgress):
    def cancelled(self):
        return True


def test_medregas_own_shape_is_yi_34b_and_internvit_6b():
    shape = SyntheticShape.parse("medrega")
    assert shape == SyntheticShape.parse(MEDREGA)
    text, vision = shape.text, shape.vision
    # Yi-34B's and InternViT-6B's configurations.
    assert (text.layers, text.width, text.heads, text.kv_heads, text.feed_forward) == (60, 7168, 56, 8, 20480)
    assert (vision.layers, vision.width, vision.heads, vision.feed_forward) == (45, 3200, 25, 12800)
    assert vision.rms
    assert vision.qk_norm
    assert vision.image_tokens == 256
    assert 26e9 < shape.bytes() < 28e9


@pytest.mark.parametrize("said", ["", "big", "60", "60x100", "0x256", "2x256,3x100", "2x256,0x64", "2x256x3"])
def test_a_shape_that_cannot_be_is_refused(said):
    with pytest.raises(ModelError, match="shape"):
        SyntheticShape.parse(said)


def test_its_files_are_sound_and_as_large_as_foretold(tmp_path):
    shape = SyntheticShape.parse("2x256,2x64")
    manifest = write_synthetic(shape, tmp_path, NoProgress())
    headers = {role: check_gguf(manifest.path(role)) for role in ("text", "mmproj")}
    assert sum(tensor.bytes for header in headers.values() for tensor in header.tensors.values()) == shape.bytes()
    assert headers["text"].architecture == "llama"


def test_its_text_model_is_quantized_as_llama_cpp_would(tmp_path):
    shape = SyntheticShape.parse("9x256,1x64")
    # The table's length does not matter here, and a short one is read in no time.
    shape = replace(shape, text=replace(shape.text, rows=512))
    written = write_synthetic(shape, tmp_path, NoProgress())
    ours = {tensor.name: tensor for tensor in gguf.GGUFReader(written.path("text")).tensors}
    # The same keys and shapes in 16 bits, for llama.cpp to quantize.
    full = gguf.GGUFWriter(tmp_path / "full.gguf", "llama")
    for name, field in gguf.GGUFReader(written.path("text")).fields.items():
        if not name.startswith("GGUF.") and name not in ("general.architecture", "general.file_type"):
            kind = field.types[0]
            full.add_key_value(name, field.contents(), kind, field.types[1] if len(field.types) > 1 else None)
    for name, tensor in ours.items():
        values = np.zeros([int(extent) for extent in reversed(tensor.shape)], np.float16)
        full.add_tensor(name, values.astype(np.float32) if values.ndim == 1 else values)
    full.write_header_to_file()
    full.write_kv_data_to_file()
    full.write_tensors_to_file()
    full.close()
    quantize(tmp_path / "full.gguf", tmp_path / "theirs.gguf", "q4_k_m")
    theirs = {tensor.name: tensor.tensor_type for tensor in gguf.GGUFReader(tmp_path / "theirs.gguf").tensors}
    assert {name: tensor.tensor_type for name, tensor in ours.items()} == theirs


def test_the_bench_measures_looking_reading_and_writing(tmp_path):
    manifest = write_synthetic(SyntheticShape.parse("1x256,1x64"), tmp_path, NoProgress())
    report = bench_offload(manifest, Device.parse("cpu"), runs=1, threads=1)
    assert [one.unit for one in report.rows] == ["s", "ms", "tokens/s", "tokens/s"]
    assert all(one.ours > 0 and one.name.startswith("CPU: ") for one in report.rows)
    assert [one.peer_name for one in report.rows] == [None, None, ALONE, ALONE]
    assert "read 512 tokens" in report.rows[2].name


def test_a_bench_that_is_stopped_leaves_nothing(tmp_path):
    with pytest.raises(Cancelled):
        write_synthetic(SyntheticShape.parse("1x256,1x64"), tmp_path, Stopped())


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.bench.synthetic.shutil.disk_usage", lambda _: type("", (), {"free": 1 << 30}))
    with pytest.raises(ModelError, match="too little room"):
        write_synthetic(SyntheticShape.parse("medrega"), tmp_path, NoProgress())
    assert list(tmp_path.iterdir()) == []


def test_the_command_measures_a_shape(monkeypatch):
    result = CliRunner().invoke(main, ["bench", "engine", "--synthetic", "1x256,1x64", "--device", "cpu", "--json"])
    report = json.loads(result.stdout)
    assert report["bench"] == "engine offload"
    assert len(report["rows"]) == 4
