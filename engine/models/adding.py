"""`medrega model add`: two GGUF files of any family become a registered model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from engine.labels import LabelSet
from engine.models.dialects import make_dialect
from engine.models.probing import Probe, ProbeResult, probe_model
from engine.models.registering import default_labels, new_model_folder, self_test_image, write_labels
from engine.progress import Progress
from engine.protocol import Task
from engine.runtime import ModelFile, ModelManifest, Session, check_gguf, find_model
from engine.runtime.child_job import ChildDied, run_in_child
from engine.runtime.errors import ModelError
from engine.runtime.gguf_header import GgufHeader
from engine.runtime.manifest import CARD_FILE, HashMeter

_TOLERANCE = 0.02
_BLOCK = 4 << 20
_MOST_CONTEXT = 1 << 20
_VISION = "clip"
# Towers that take an image of any size: theirs is chosen here. A multiple of 28 (14 x 2) and of 32 (16 x 2).
_ANY_SIZE = {"qwen2vl_merger": "1000", "qwen2.5vl_merger": "pixels", "qwen3vl_merger": "1000"}
_CHOSEN_SIZE = 448
_PROBE_TIMEOUT_S = 900.0


def add_model(
    text: Path,
    mmproj: Path,
    dialect: str,
    model_id: str,
    progress: Progress,
    *,
    name: str = "",
    version: str = "",
    licence: str = "",
    labels: LabelSet | None = None,
    card: Path | None = None,
    image_size: int | None = None,
    box_unit: str | None = None,
) -> ModelManifest:
    """Check, copy, try out and register a model.

    dialect : one of `engine.runtime.manifest.DIALECTS`. image_size : side of the image given to the tower, its own when
    None. box_unit : one of `engine.runtime.manifest.BOX_UNITS`, told from the projector when None. labels : the names
    to choose among, all that ship when None. card : Markdown about the model. Raises `ModelError` that says what is
    wrong with the files, `Cancelled`; nothing is left behind then.
    """
    headers = {"text": check_gguf(text), "mmproj": check_gguf(mmproj)}
    _require_roles(headers, text, mmproj)
    values = headers["mmproj"].values
    projector = str(values.get("clip.vision.projector_type") or values.get("clip.projector_type"))
    size = image_size or (_CHOSEN_SIZE if projector in _ANY_SIZE else values.get("clip.vision.image_size"))
    if not isinstance(size, int):
        raise ModelError(f"{mmproj} does not say how large its images are: give --image-size")
    unit = box_unit if box_unit is not None else _ANY_SIZE.get(projector, "") if dialect == "qwen-vl" else ""
    _require_tokens(headers["text"], text, dialect, size)
    context = headers["text"].values.get(f"{headers['text'].architecture}.context_length")
    with new_model_folder(model_id, text.stat().st_size + mmproj.stat().st_size) as out:
        files = {"text": out / "text.gguf", "mmproj": out / "mmproj.gguf"}
        meter = HashMeter(progress, text.stat().st_size + mmproj.stat().st_size, model_id)
        for role, source in (("text", text), ("mmproj", mmproj)):
            _copy(source, files[role], meter)
            # The copy is what llama.cpp reads: the other may have changed meanwhile.
            check_gguf(files[role])
        image = self_test_image(size)
        progress.report(0, 0, "self-test")
        tried = _probe(Probe(out, files["text"].name, files["mmproj"].name, image), progress.cancelled)
        files |= {name: out / file for name, file in _OTHER_FILES.items()}
        Image.fromarray(image).save(files["golden_image"])
        np.save(files["golden_embedding"], tried.embedding)
        write_labels(labels if labels is not None else default_labels(), files["labels"])
        if card is not None:
            (out / CARD_FILE).write_text(card.read_text(encoding="utf-8"), encoding="utf-8")
        manifest = ModelManifest(
            id=model_id,
            name=name or _said(headers["text"], "general.name") or model_id,
            version=version or _said(headers["text"], "general.version") or "1",
            dialect=dialect,
            folder=out,
            files={role: ModelFile.of(path) for role, path in files.items()},
            image_size=size,
            image_tokens=len(tried.embedding),
            context_length=min(context, _MOST_CONTEXT) if isinstance(context, int) else 4096,
            golden_tolerance=_TOLERANCE,
            abstain_below=0.0,
            tasks=tuple(task.value for task in Task),
            licence=licence or _said(headers["text"], "general.license"),
            box_unit=unit,
        )
        manifest.write()
        with Session(manifest) as session:
            session.start(progress.cancelled)
    return find_model(model_id)


_OTHER_FILES = {"labels": "labels.json", "golden_image": "golden.png", "golden_embedding": "golden.npy"}


def _said(header: GgufHeader, key: str) -> str:
    value = header.values.get(key)
    return " ".join(value.split())[:80] if isinstance(value, str) else ""


def _require_roles(headers: dict[str, GgufHeader], text: Path, mmproj: Path) -> None:
    if headers["text"].architecture == _VISION:
        raise ModelError(f"{text} is a vision tower, not a text model: name the text model first")
    if headers["mmproj"].architecture != _VISION or headers["mmproj"].values.get("clip.has_vision_encoder") is not True:
        raise ModelError(f"{mmproj} is no vision tower: name the model's mmproj file second")
    # Of an adapter or a part of a split file.
    if "token_embd.weight" not in headers["text"].tensors or "tokenizer.ggml.tokens" not in headers["text"].values:
        raise ModelError(f"{text} is no whole text model: it has no vocabulary or no weights for it")


def _require_tokens(header: GgufHeader, text: Path, dialect: str, size: int) -> None:
    known = set(header.values["tokenizer.ggml.tokens"])
    missing = [token for token in make_dialect(dialect, size).template.tokens if token not in known]
    if missing:
        raise ModelError(
            f"{text} does not speak the dialect {dialect}: its vocabulary lacks {', '.join(missing)}; "
            "name another dialect"
        )


def _copy(source: Path, target: Path, meter: HashMeter) -> None:
    try:
        with source.open("rb") as stream, target.open("wb") as out:
            while block := stream.read(_BLOCK):
                out.write(block)
                meter.add(len(block))
    except OSError as error:
        raise ModelError(f"cannot copy {source} to {target}: {error.strerror}") from error


def _probe(probe: Probe, cancelled: Callable[[], bool]) -> ProbeResult:
    """Try the files out in a process of their own: what llama.cpp does with them may end it."""
    try:
        result = run_in_child(probe_model, probe, timeout_s=_PROBE_TIMEOUT_S, cancelled=cancelled)
    except ChildDied as death:
        raise ModelError(f"llama.cpp died of {probe.text} or {probe.mmproj} ({death}): they cannot be used") from None
    if isinstance(result, str):
        raise ModelError(result)
    found: ProbeResult = result
    return found
