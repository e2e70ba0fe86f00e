"""The manifest of a model folder: which files it has, their hashes, and what they can do."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.files import whole_file
from engine.progress import Cancelled, NoProgress, Progress
from engine.regions import LabelSet
from engine.runtime.calibration import UNCALIBRATED, Calibration
from engine.runtime.errors import ModelError

MANIFEST_FILE = "manifest.json"
CARD_FILE = "MODEL_CARD.md"
FORMAT = 1
_ROLES = ("text", "mmproj", "labels", "golden_image", "golden_embedding")
_OPTIONAL_ROLES = ("latents",)
DIALECTS = ("medrega", "qwen-vl", "gemma", "internvl", "medmo")
"""How models are asked and write boxes; `engine.models.dialects` speaks them."""
BOX_UNITS = ("", "1000", "pixels")
"""What a dialect's numbers count where models of one family differ: thousandths, or pixels of the model's image."""
TOKEN_ORDERS = ("rows", "columns")
"""How a tower trained with InternVL's pixel shuffle v2 (rows) or v1 (columns) lays out its image tokens."""

_HASH_BLOCK = 4 << 20

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TASK = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OPTIONAL_TEXTS = ("licence", "box_unit", "token_order")
_REMEDY = "restore the file, or install the model again"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model: its name in the folder, SHA-256 in hex, and size in bytes."""

    name: str
    sha256: str
    bytes: int

    @classmethod
    def of(cls, path: Path, meter: HashMeter | None = None) -> ModelFile:
        """Measure a file. Raises `Cancelled` when the meter's progress says so."""
        return cls(path.name, file_sha256(path, meter), path.stat().st_size)


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """What a model folder holds.

    files : by role: ``text`` and ``mmproj`` GGUF, ``labels`` (the names the model knows), ``golden_image`` (PNG)
        and ``golden_embedding`` (npy, float32, image tokens x embedding width, made by torch before export);
        ``latents`` if the model brings along what it remembers of its training (`training.feedback.latents`).
    image_size : side of the square image the tower takes. context_length : tokens.
    golden_tolerance : largest relative L2 distance of the self-test's embedding from the golden one.
    abstain_below : a best candidate whose calibrated probability is below this is answered with "not sure".
    scores : figures written by the evaluation, for people to see.
    tasks : the tasks it was trained on (`engine.protocol.Task` values); empty where nobody wrote them down.
    licence : as its publisher says, an SPDX name where there is one; "" where nobody wrote it down.
    box_unit : one of `BOX_UNITS`, "" for the dialect's own. token_order : one of `TOKEN_ORDERS`; llama.cpp makes rows.
    calibration : what makes its probabilities shares of right answers.
    """

    id: str
    name: str
    version: str
    dialect: str
    folder: Path
    files: dict[str, ModelFile]
    image_size: int
    image_tokens: int
    context_length: int
    golden_tolerance: float
    abstain_below: float
    scores: dict[str, Any] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    licence: str = ""
    box_unit: str = ""
    token_order: str = "rows"
    calibration: Calibration = UNCALIBRATED

    @property
    def bytes(self) -> int:
        """Of all its files together."""
        return sum(file.bytes for file in self.files.values())

    @property
    def card(self) -> Path:
        """Where its model card lies, if it has one."""
        return self.folder / CARD_FILE

    @property
    def sha256(self) -> str:
        """The model's own hash: over the hashes of its weights, text first."""
        joined = self.files["text"].sha256 + self.files["mmproj"].sha256
        return hashlib.sha256(joined.encode()).hexdigest()

    def knows(self, task: str) -> bool:
        """Whether it was trained on a task, as far as the manifest says."""
        return not self.tasks or task in self.tasks

    def path(self, role: str) -> Path:
        """Where the file of a role lies."""
        return self.folder / self.files[role].name

    def labels(self) -> LabelSet:
        """The names the model was trained on."""
        return LabelSet.from_file(self.path("labels"))

    @classmethod
    def read(cls, folder: Path) -> ModelManifest:
        """Read and check ``folder/manifest.json``. Raises `ModelError` naming the file and the field."""
        path = folder / MANIFEST_FILE
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError(f"{folder} is not a model: it has no {MANIFEST_FILE}") from None
        except (OSError, ValueError) as error:
            raise ModelError(f"cannot read the model manifest {path}: {error}") from error
        try:
            manifest = cls._from_json(data, folder)
            manifest._require_sound()
        except KeyError as error:
            raise ModelError(f"the model manifest {path} lacks the field {error}: {_REMEDY}") from None
        except (TypeError, ValueError) as error:
            raise ModelError(f"the model manifest {path} is not valid: {error}: {_REMEDY}") from None
        if "sha256" in data and data["sha256"] != manifest.sha256:
            raise ModelError(f"the model manifest {path} contradicts itself: its sha256 is not its files': {_REMEDY}")
        return manifest

    @classmethod
    def _from_json(cls, data: Any, folder: Path) -> ModelManifest:
        if not isinstance(data, dict):
            raise TypeError("it is not a JSON object")
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r}, this version reads {FORMAT}")
        entries = _field(data, "files", dict)
        files = {}
        for role in (*_ROLES, *(role for role in _OPTIONAL_ROLES if role in entries)):
            entry = _field(entries, role, dict)
            files[role] = ModelFile(
                _field(entry, "name", str), _field(entry, "sha256", str), _field(entry, "bytes", int)
            )
        return cls(
            id=_field(data, "id", str),
            name=_field(data, "name", str),
            version=_field(data, "version", str),
            dialect=_field(data, "dialect", str),
            folder=folder,
            files=files,
            image_size=_field(data, "image_size", int),
            image_tokens=_field(data, "image_tokens", int),
            context_length=_field(data, "context_length", int),
            golden_tolerance=float(_field(data, "golden_tolerance", (int, float))),
            abstain_below=float(_field(data, "abstain_below", (int, float))),
            scores=_field(data, "scores", dict) if "scores" in data else {},
            tasks=tuple(_field(data, "tasks", list)) if "tasks" in data else (),
            calibration=Calibration.from_json(data["calibration"]) if "calibration" in data else UNCALIBRATED,
            **{name: _field(data, name, str) for name in _OPTIONAL_TEXTS if name in data},
        )

    def _require_sound(self) -> None:
        """Raise `ValueError` naming the first field whose value cannot be."""
        if not _ID.fullmatch(self.id):
            raise ValueError(f"id {self.id!r} is not lower-case letters, digits, dots and hyphens")
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect {self.dialect!r}, this version speaks {', '.join(DIALECTS)}")
        for name, text, allowed in (
            ("box_unit", self.box_unit, BOX_UNITS),
            ("token_order", self.token_order, TOKEN_ORDERS),
        ):
            if text not in allowed:
                raise ValueError(f"{name} is {text!r:.60}, this version knows {', '.join(filter(None, allowed))}")
        if math.isqrt(self.image_tokens) ** 2 != self.image_tokens and self.token_order != "rows":
            raise ValueError(f"{self.image_tokens} image tokens are no square to be read by columns")
        for role, file in self.files.items():
            if file.name != Path(file.name).name or file.name in ("", ".", "..") or "\\" in file.name:
                raise ValueError(f"files.{role}.name {file.name!r} leaves the model's folder")
            if not _SHA256.fullmatch(file.sha256):
                raise ValueError(f"files.{role}.sha256 is not a SHA-256 in lower-case hex")
            if file.bytes < 1:
                raise ValueError(f"files.{role}.bytes is {file.bytes}")
        for name, value, most in (
            ("image_size", self.image_size, 4096),
            ("image_tokens", self.image_tokens, 65536),
            ("context_length", self.context_length, 1 << 20),
        ):
            if not 0 < value <= most:
                raise ValueError(f"{name} is {value}, allowed are 1 to {most}")
        if not (math.isfinite(self.golden_tolerance) and self.golden_tolerance > 0):
            raise ValueError(f"golden_tolerance is {self.golden_tolerance}, it must be greater than 0")
        for task in self.tasks:
            # Not compared with the tasks of this version: a newer model may know more.
            if not isinstance(task, str) or not _TASK.fullmatch(task):
                raise ValueError(f"tasks holds {task!r:.60}, which is no task's name")
        if not 0 <= self.abstain_below <= 1:
            raise ValueError(f"abstain_below is {self.abstain_below}, allowed are 0 to 1")

    def write(self) -> Path:
        """Write ``manifest.json`` into the folder, whole or not at all. Raises `ValueError` for what cannot be."""
        self._require_sound()
        data = {
            "format": FORMAT,
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "dialect": self.dialect,
            "sha256": self.sha256,
            "files": {
                role: {"name": file.name, "sha256": file.sha256, "bytes": file.bytes}
                for role, file in self.files.items()
            },
            "image_size": self.image_size,
            "image_tokens": self.image_tokens,
            "context_length": self.context_length,
            "golden_tolerance": self.golden_tolerance,
            "abstain_below": self.abstain_below,
            "scores": self.scores,
        }
        if self.tasks:
            data["tasks"] = list(self.tasks)
        if self.calibration != UNCALIBRATED:
            data["calibration"] = self.calibration.to_json()
        for name in _OPTIONAL_TEXTS:
            # Left out where it says nothing: older versions then read the same as ever.
            if (text := getattr(self, name)) not in ("", "rows"):
                data[name] = text
        path = self.folder / MANIFEST_FILE
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


def _field(data: dict[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """`data[name]`, of this type and nothing that could be turned into it. Raises `KeyError` or `TypeError`."""
    value = data[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r:.60}, of the wrong type")
    return value


def verify_files(manifest: ModelManifest, progress: Progress | None = None) -> None:
    """Compare every file with the manifest. progress : told of megabytes.

    Raises `ModelError` that names the first file that is missing, has another size, or another content; `Cancelled`.
    """
    meter = HashMeter(progress or NoProgress(), manifest.bytes, manifest.id)
    for role, file in manifest.files.items():
        path = manifest.path(role)
        if not path.is_file():
            raise ModelError(f"the model file {path} is missing: {_REMEDY}")
        try:
            size = path.stat().st_size
            if size != file.bytes:
                kind = "truncated" if size < file.bytes else "too long"
                raise ModelError(f"the model file {path} is {kind}: {size} bytes instead of {file.bytes}: {_REMEDY}")
            altered = file_sha256(path, meter) != file.sha256
        except OSError as error:
            raise ModelError(f"cannot read the model file {path}: {error.strerror}") from error
        if altered:
            raise ModelError(f"the model file {path} was altered: its SHA-256 is not the manifest's: {_REMEDY}")


class HashMeter:
    """Progress over the bytes of several files. Told before each block is read; raises `Cancelled`."""

    def __init__(self, progress: Progress, total: int, what: str) -> None:
        self._progress = progress
        self._total = total
        self._what = what
        self._done = 0

    def add(self, count: int) -> None:
        """So many bytes more are done with."""
        if self._progress.cancelled():
            raise Cancelled
        self._done += count
        self._progress.report(self._done >> 20, self._total >> 20, self._what)


def file_sha256(path: Path, meter: HashMeter | None = None) -> str:
    """SHA-256 of a file, in hex. Raises `Cancelled` when the meter's progress says so."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_HASH_BLOCK):
            digest.update(block)
            if meter is not None:
                meter.add(len(block))
    return digest.hexdigest()
