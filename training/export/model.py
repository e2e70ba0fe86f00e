"""A checkpoint made into a model folder that the engine opens: GGUF, manifest, labels, self-test, what was done."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine.files import whole_file
from engine.models.registering import self_test_image, write_labels
from engine.regions import LabelSet
from engine.runtime.manifest import ModelFile, ModelManifest
from training.export.checkpoint import Checkpoint, is_adapter, load_checkpoint, require_exportable, weights_sha256
from training.export.importance import ImportanceMatrix
from training.export.quantize import Quantization, is_quantized, quantize
from training.export.text import write_text
from training.export.tokens import CORPUS_SIZE, TokenCheck, check_tokens, token_corpus
from training.export.vision import POSITION_ORDER, write_mmproj
from training.export.writer import FileType
from training.model import CheckpointError, image_embeddings, image_tensor

EXPORT_FILE = "export.json"


@dataclass(frozen=True, slots=True)
class ExportedAs:
    """What a model folder says of itself. abstain_below, golden_tolerance, licence : see `ModelManifest`."""

    id: str
    name: str
    version: str
    golden_tolerance: float = 0.02
    abstain_below: float = 0.4
    tasks: tuple[str, ...] = ()
    licence: str = ""


def export_model(
    folder: Path,
    out: Path,
    labels: LabelSet,
    *,
    model_id: str,
    name: str,
    version: str,
    ftype: Quantization = "q8_0",
    golden_tolerance: float = 0.02,
    abstain_below: float = 0.4,
    tasks: Sequence[str] = (),
    licence: str = "",
    importance: ImportanceMatrix | None = None,
) -> ModelManifest:
    """Export a checkpoint folder, an adapter merged, into a model folder that the engine can open.

    ftype : of the text model; the vision tower is never cut below 8 bits, of which it loses more than the text does.
    tasks, licence : what it was trained on and what its weights are under, for the manifest.
    importance : for quantizations below 8 bits.
    Raises `CheckpointError` for a folder that is no checkpoint, or whose tokenizer llama.cpp does not follow.
    """
    learnt = tuple(str(task) for task in tasks)
    said = ExportedAs(model_id, name, version, golden_tolerance, abstain_below, learnt, licence)
    checkpoint = Checkpoint.read(folder)
    require_exportable(checkpoint.config, folder)
    out.mkdir(parents=True, exist_ok=True)
    vision: Quantization = ftype if ftype in ("f32", "f16") else "q8_0"
    names = {"text": f"text-{ftype}.gguf", "mmproj": f"mmproj-{vision}.gguf"}
    _write(lambda path, half: write_text(checkpoint, path, half), out / names["text"], ftype, importance)
    _write(lambda path, half: write_mmproj(checkpoint, path, half), out / names["mmproj"], vision, None)
    tokens = check_tokens(folder, out / names["text"], token_corpus())
    if tokens.mismatches:
        raise CheckpointError(
            f"llama.cpp cuts {len(tokens.mismatches)} of {CORPUS_SIZE} texts unlike the tokenizer of {folder}, "
            f"first {tokens.mismatches[0]!r:.80}: the tokenizer must be one of training.tokenizer"
        )
    manifest = _describe(folder, out, labels, checkpoint, names, said)
    _write_facts(out, folder, ftype, tokens, importance)
    return manifest


def _write(
    write: Callable[[Path, FileType], None], out: Path, kind: Quantization, importance: ImportanceMatrix | None
) -> None:
    with whole_file(out) as target:
        if not is_quantized(kind):
            write(target, "f16" if kind == "f16" else "f32")
            return
        with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
            full = Path(scratch) / "f32.gguf"
            write(full, "f32")
            quantize(full, target, kind, importance.values if importance is not None else None)


def _describe(
    folder: Path, out: Path, labels: LabelSet, checkpoint: Checkpoint, names: dict[str, str], said: ExportedAs
) -> ModelManifest:
    """Write the self-test, the labels and the manifest."""
    config = checkpoint.config
    size = int(config["vision_config"]["image_size"][0])
    image = self_test_image(size)
    Image.fromarray(image).save(out / "golden.png")
    with torch.no_grad():
        model = load_checkpoint(folder).eval()
        embedding = image_embeddings(model, image_tensor(torch.from_numpy(image)[None]))[0]
    np.save(out / "golden.npy", embedding.numpy().astype(np.float32))
    write_labels(labels, out / "labels.json")
    files = {**names, "labels": "labels.json", "golden_image": "golden.png", "golden_embedding": "golden.npy"}
    manifest = ModelManifest(
        id=said.id,
        name=said.name,
        version=said.version,
        dialect="medrega",
        folder=out,
        files={role: ModelFile.of(out / file) for role, file in files.items()},
        image_size=size,
        image_tokens=config["image_seq_length"],
        context_length=config["text_config"]["max_position_embeddings"],
        golden_tolerance=said.golden_tolerance,
        abstain_below=said.abstain_below,
        tasks=said.tasks,
        licence=said.licence,
    )
    manifest.write()
    return manifest


def _write_facts(
    out: Path, folder: Path, kind: Quantization, tokens: TokenCheck, importance: ImportanceMatrix | None
) -> None:
    used = importance is not None and is_quantized(kind)
    facts = {
        "checkpoint": {"sha256": weights_sha256(folder), "adapter_merged": is_adapter(folder)},
        "quantization": kind,
        "importance_matrix": {"records": importance.records, "tokens": importance.tokens}
        if used and importance is not None
        else None,
        "position_order": POSITION_ORDER,
        "tokenizer": {"strings": tokens.strings, "mismatches": len(tokens.mismatches)},
    }
    with whole_file(out / EXPORT_FILE) as target:
        target.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
