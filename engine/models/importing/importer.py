"""`medrega model import`: a released checkpoint becomes a registered model."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from engine.labels import LabelSet
from engine.models.importing.checkpoint import ReleasedCheckpoint
from engine.models.importing.conversion import Precision, planned_by_name, write_mmproj, write_text
from engine.models.importing.quantizing import FTYPES, compare_rows, quantize
from engine.models.importing.reference import reference_embedding
from engine.models.importing.tokenizer import read_vocabulary
from engine.models.registering import default_labels, new_model_folder, self_test_image, write_labels
from engine.progress import Progress
from engine.protocol import Task
from engine.runtime import ModelFile, ModelManifest, Session, check_gguf
from engine.runtime.registry import find_model

TEXT_TYPES = ("q4_k_m", "q5_k_m", "q6_k", "q8_0", "f16", "f32")
VISION_TYPES = ("q8_0", "f16", "f32")
_TOLERANCES = {"q8_0": 0.05, "f16": 0.01, "f32": 0.005}
_MORE_THAN_FILES = 1.15


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it. worst_row : the largest relative distance of a tensor's rows from the checkpoint's.

    self_test : whether the model was loaded and its embedding held against the numpy reference's; False where there is
    too little memory for that, and it is done when the model is first used.
    """

    manifest: ModelManifest
    worst_row: float
    self_test: bool


def import_checkpoint(
    folder: Path,
    model_id: str,
    progress: Progress,
    *,
    name: str = "",
    text_type: str = "q4_k_m",
    vision_type: str = "q8_0",
    labels: LabelSet | None = None,
    licence: str = "",
) -> Imported:
    """Convert, quantize, verify and register a checkpoint folder.

    text_type, vision_type : one of `TEXT_TYPES`, `VISION_TYPES`. labels : the names to choose among, all that ship
    when None. Raises `ModelError` that says what cannot be imported and why, `Cancelled`; nothing is left behind then.
    """
    checkpoint = ReleasedCheckpoint.read(folder)
    vocabulary = read_vocabulary(folder, checkpoint.text.rows)
    stored = sum(path.stat().st_size for path in {tensor.path for tensor in checkpoint.tensors.values()})
    with new_model_folder(model_id, 2 * stored) as out:
        files = {"text": out / f"text-{text_type}.gguf", "mmproj": out / f"mmproj-{vision_type}.gguf"}
        planned = planned_by_name(checkpoint)
        worst = 0.0
        for role, ftype in (("text", text_type), ("mmproj", vision_type)):
            full = out / "full.gguf" if ftype in FTYPES else files[role]
            precision: Precision = "stored" if ftype in FTYPES else "f16" if ftype == "f16" else "f32"
            if role == "text":
                write_text(checkpoint, vocabulary, full, precision, progress)
            else:
                write_mmproj(checkpoint, full, precision, progress)
            if ftype in FTYPES:
                progress.report(0, 0, f"{files[role].name}: quantizing")
                quantize(full, files[role], ftype)
                full.unlink()
            check_gguf(files[role])
            worst = max(worst, compare_rows(files[role], planned, progress))
        image = self_test_image(checkpoint.vision.size)
        files |= {
            "labels": out / "labels.json",
            "golden_image": out / "golden.png",
            "golden_embedding": out / "golden.npy",
        }
        Image.fromarray(image).save(files["golden_image"])
        np.save(files["golden_embedding"], reference_embedding(checkpoint, image, progress))
        write_labels(labels if labels is not None else default_labels(), files["labels"])
        manifest = ModelManifest(
            id=model_id,
            name=name or f"MedRegA ({folder.name})",
            version=f"{text_type}+{vision_type}",
            dialect="medrega",
            folder=out,
            files={role: ModelFile.of(path) for role, path in files.items()},
            image_size=checkpoint.vision.size,
            image_tokens=checkpoint.vision.image_tokens,
            context_length=checkpoint.text.context_length,
            golden_tolerance=_TOLERANCES[vision_type],
            abstain_below=0.0,
            tasks=tuple(task.value for task in Task),
            licence=licence,
            token_order="columns" if checkpoint.vision.by_columns else "rows",
        )
        manifest.write()
        weights = manifest.files["text"].bytes + manifest.files["mmproj"].bytes
        tested = _free_memory() > weights * _MORE_THAN_FILES
        if tested:
            progress.report(0, 0, "self-test")
            with Session(manifest) as session:
                session.start(progress.cancelled)
    return Imported(find_model(model_id), worst, tested)


def _free_memory() -> int:
    """Bytes that can be had without swapping; none where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
