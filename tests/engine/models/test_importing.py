"""A checkpoint in MedRegA's released layout, imported, against torch."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sentencepiece")

import sentencepiece

from engine.models.importing.checkpoint import ReleasedCheckpoint
from engine.models.importing.importer import import_checkpoint
from engine.models.importing.reference import reference_embedding
from engine.models.shapes import RMS_LAYERS, RMS_WIDTH
from engine.progress import Cancelled, NoProgress
from engine.protocol import Language, Question, Task, render_prompt
from engine.regions import Box
from engine.runtime import ModelError, ModelManifest, Session, find_model, verify_files
from engine.runtime.llama import LlamaModel
from engine.runtime.offload import IN_32_BITS
from engine.runtime.vision import swap_axes
from tests.engine.models.released import Reference, write_checkpoint

QUESTION = Question(Task.REGION_TO_TEXT, Language.EN, 112, 112, box=Box(10, 10, 60, 60))


def off(found, expected):
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.fixture
def pixels():
    return np.random.default_rng(4).integers(0, 256, (112, 112, 3), dtype=np.uint8)


@pytest.fixture
def exact(released, parents):
    imported = import_checkpoint(released, "medrega-test", NoProgress(), text_type="f32", vision_type="f32")
    model = LlamaModel(imported.manifest, threads=1, offload=IN_32_BITS)
    yield model
    model.close()


class TestAgainstTorch:
    def test_the_image_embedding_is_torchs_in_the_released_token_order(self, exact, released, pixels):
        expected = Reference(released).image(pixels).numpy()
        found = exact.embed_image(pixels)
        assert off(found, expected) < 3e-3
        # The order matters: read by rows it would be another image.
        assert off(swap_axes(found), expected) > 0.3

    def test_the_next_tokens_scores_are_torchs(self, exact, released, pixels):
        prompt = render_prompt(QUESTION)
        before = [t for part in prompt.parts[:2] for t in exact.tokenize(part.text, special=part.kind == "template")]
        after = [t for part in prompt.parts[3:] for t in exact.tokenize(part.text, special=part.kind == "template")]
        start, end = (exact.tokenize(text, special=True) for text in ("<img>", "</img>"))
        reference = Reference(released)
        expected = reference.logits([*before, *start], reference.image(pixels), [*end, *after])
        assert off(exact.next_logits(prompt, pixels), expected) < 1e-2

    def test_the_numpy_reference_is_torchs(self, released, pixels):
        found = reference_embedding(ReleasedCheckpoint.read(released), pixels, NoProgress())
        assert off(found, Reference(released).image(pixels).numpy()) < 1e-4

    def test_pixel_shuffle_v2_is_read_by_rows(self, released, parents, tmp_path, pixels):
        other = tmp_path / "v2"
        shutil.copytree(released, other)
        change(other, ps_version="v2")
        imported = import_checkpoint(other, "v2", NoProgress(), text_type="f16", vision_type="f16")
        assert imported.manifest.token_order == "rows"
        model = LlamaModel(imported.manifest, threads=1)
        try:
            assert off(model.embed_image(pixels), Reference(other).image(pixels).numpy()) < 1e-2
        finally:
            model.close()


class TestTokenizer:
    @pytest.mark.parametrize(
        "text", ["Please locate the liver in this CT scan.", "请定位左肾，12 mm²", " a  b\n🫀", "x"]
    )
    def test_words_become_the_pieces_that_sentencepiece_makes(self, exact, released, text):
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(released / "tokenizer.model"))
        assert exact.tokenize(text, special=False) == pieces.encode(text)

    def test_tags_are_tokens_of_their_own_and_turns_only_in_the_template(self, exact):
        assert exact.tokenize("<ref>", special=False) == [405]
        assert exact.tokenize("</box>", special=False) == [408]
        assert len(exact.tokenize("<|im_end|>", special=False)) > 1
        assert len(exact.tokenize("<|im_end|>", special=True)) == 1
        assert len(exact.tokenize("<img>", special=False)) > 1


class TestImport:
    def test_a_quantized_model_is_registered_verified_and_answers(self, released, parents, pixels):
        imported = import_checkpoint(released, "medrega-q", NoProgress(), licence="MIT")
        assert imported.self_test
        assert 0 < imported.worst_row < 0.2
        manifest = find_model("medrega-q")
        assert manifest.folder == parents[0] / "medrega-q"
        assert (manifest.token_order, manifest.licence, manifest.dialect) == ("columns", "MIT", "medrega")
        assert sorted(path.name for path in manifest.folder.iterdir()) == [
            *("golden.npy", "golden.png", "labels.json", "manifest.json"),
            *("mmproj-q8_0.gguf", "text-q4_k_m.gguf"),
        ]
        verify_files(manifest)
        with Session(manifest, threads=1) as session:
            session.start()

    def test_a_cancelled_import_leaves_nothing(self, released, parents):
        class Stop(NoProgress):
            def cancelled(self):
                return True

        with pytest.raises(Cancelled):
            import_checkpoint(released, "gone", Stop())
        assert list(parents[0].iterdir()) == []

    def test_an_id_that_is_taken_is_refused_before_anything_is_read(self, released, parents):
        import_checkpoint(released, "twice", NoProgress(), text_type="f16", vision_type="f16")
        with pytest.raises(ModelError, match="already"):
            import_checkpoint(released, "twice", NoProgress())

    def test_a_wrong_conversion_is_found_by_the_self_test(self, released, parents, monkeypatch):
        # As if the class token's position row had been left where it was.
        monkeypatch.setattr("engine.models.importing.conversion.np.roll", lambda array, *_, **__: array)
        with pytest.raises(ModelError, match="self-test"):
            import_checkpoint(released, "unrolled", NoProgress(), text_type="f16", vision_type="f16")
        assert list(parents[0].iterdir()) == []


def change(folder, **fields):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for key, value in fields.items():
        group, _, name = key.rpartition("__")
        (config[group] if group else config)[name] = value
    path.write_text(json.dumps(config))


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"architectures": ["LlavaForConditionalGeneration"]}, "architecture"),
            ({"dynamic_image_size": True}, "tiles"),
            ({"downsample_ratio": 0.25}, "pixel shuffle"),
            ({"select_layer": -9}, "names no block"),
            ({"vision_config__norm_type": "rms_norm"}, "3200 x 45"),
            ({"vision_config__qk_normalization": True}, "normalises queries"),
            ({"vision_config__hidden_size": 132}, "configuration says"),
            ({"llm_config__rope_scaling": {"type": "linear"}}, "rope_scaling"),
            ({"llm_config__architectures": ["InternLM2ForCausalLM"]}, "text model"),
            ({"llm_config__num_hidden_layers": 9}, "lacks the tensor"),
        ],
    )
    def test_what_cannot_be_run_is_refused_with_the_reason(self, released, parents, tmp_path, fields, words):
        folder = tmp_path / "other"
        shutil.copytree(released, folder)
        change(folder, **fields)
        with pytest.raises(ModelError, match=words):
            import_checkpoint(folder, "other", NoProgress())
        assert list(parents[0].iterdir()) == []

    @pytest.mark.parametrize(
        "name", ["config.json", "tokenizer.model", "added_tokens.json", "model-00002-of-00003.safetensors"]
    )
    def test_a_missing_file_is_named(self, released, parents, tmp_path, name):
        folder = tmp_path / "other"
        shutil.copytree(released, folder)
        (folder / name).unlink()
        with pytest.raises(ModelError, match=name.split(".")[0]):
            import_checkpoint(folder, "other", NoProgress())

    @pytest.mark.parametrize("at", [0, 4, 200, -1])
    def test_a_damaged_shard_is_named(self, released, parents, tmp_path, at):
        folder = tmp_path / "other"
        shutil.copytree(released, folder)
        shard = folder / "model-00001-of-00003.safetensors"
        content = shard.read_bytes()
        shard.write_bytes(content[: len(content) // 2] if at < 0 else content[:at] + b"\xff" * 4 + content[at + 4 :])
        with pytest.raises(ModelError, match=r"model-00001|lacks the tensor"):
            import_checkpoint(folder, "other", NoProgress())

    def test_a_list_of_shards_never_leads_out_of_the_folder(self, released, parents, tmp_path):
        folder = tmp_path / "other"
        shutil.copytree(released, folder)
        index = {"weight_map": {"x": "../checkpoint/model-00001-of-00003.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        with pytest.raises(ModelError, match="leaves the checkpoint"):
            import_checkpoint(folder, "other", NoProgress())


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("MEDREGA_FULL_TOWER"), reason="set MEDREGA_FULL_TOWER=1: 15 GB of disk and 6 GB of memory"
)
def test_a_tower_of_medregas_width_and_depth_with_rmsnorm_and_qk_norm_is_torchs(tmp_path):
    """3200 x 45 with 25 heads, as InternViT-6B; only its feed-forward layers and its image are small."""
    folder = tmp_path / "full"
    write_checkpoint(
        folder, width=RMS_WIDTH, layers=RMS_LAYERS, heads=25, feed=64, size=56, rms=True, ps_version="v1", shards=8
    )
    pixels = np.random.default_rng(4).integers(0, 256, (56, 56, 3), dtype=np.uint8)
    expected = Reference(folder).image(pixels).numpy()
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path / "data")}
    for ftype, most in (("q8_0", 0.05), ("f16", 0.005)):
        command = ["model", "import", str(folder), "--id", f"full-{ftype}", "--vision", ftype]
        # In a process of its own, whose memory can be measured: torch has had more than it in this one.
        subprocess.run(
            [sys.executable, "-c", "from engine.cli import main; main()", *command], check=True, env=environment
        )
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        manifest = ModelManifest.read(tmp_path / "data" / "medrega-desktop" / "models" / f"full-{ftype}")
        model = LlamaModel(manifest, threads=2, offload=IN_32_BITS)
        try:
            found = model.embed_image(pixels)
        finally:
            model.close()
        by_rows = off(swap_axes(found), expected)
        print(f"{ftype}: off {off(found, expected):.5f}, by rows {by_rows:.3f}, at most {memory:.2f} GB")  # noqa: T201
        assert off(found, expected) < most
        assert by_rows > 0.3
        shutil.rmtree(manifest.folder)
