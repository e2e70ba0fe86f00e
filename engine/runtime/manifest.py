"""The manifest of a model folder: which files it has, their hashes, and what they can do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.regions import LabelSet
from engine.runtime.errors import ModelError

MANIFEST_FILE = "manifest.json"
FORMAT = 1
_ROLES = ("text", "mmproj", "labels", "golden_image", "golden_embedding")
_REMEDY = "restore the file, or install the model again"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model: its name in the folder, SHA-256 in hex, and size in bytes."""

    name: str
    sha256: str
    bytes: int

    @classmethod
    def of(cls, path: Path) -> ModelFile:
        """Measure a file."""
        return cls(path.name, file_sha256(path), path.stat().st_size)


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """What a model folder holds.

    files : by role: ``text`` and ``mmproj`` GGUF, ``labels`` (the names the model knows), ``golden_image`` (PNG)
        and ``golden_embedding`` (npy, float32, image tokens x embedding width, made by torch before export).
    image_size : side of the square image the tower takes. context_length : tokens.
    golden_tolerance : largest relative L2 distance of the self-test's embedding from the golden one.
    abstain_below : a best candidate less probable than this is answered with "not sure".
    scores : figures written by the evaluation, for people to see.
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

    @property
    def sha256(self) -> str:
        """The model's own hash: over the hashes of its weights, text first."""
        joined = self.files["text"].sha256 + self.files["mmproj"].sha256
        return hashlib.sha256(joined.encode()).hexdigest()

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
            return cls._from_json(data, folder)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"the model manifest {path} is not valid: {error!r}") from error

    @classmethod
    def _from_json(cls, data: dict[str, Any], folder: Path) -> ModelManifest:
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r}, this version reads {FORMAT}")
        files = {}
        for role in _ROLES:
            entry = data["files"][role]
            name = str(entry["name"])
            if Path(name).name != name or name in ("", ".", ".."):
                raise ValueError(f"the file name {name!r} leaves the model's folder")
            if len(str(entry["sha256"])) != 64:
                raise ValueError(f"files.{role}.sha256 is not a SHA-256")
            files[role] = ModelFile(name, str(entry["sha256"]), int(entry["bytes"]))
        manifest = cls(
            id=str(data["id"]),
            name=str(data["name"]),
            version=str(data["version"]),
            dialect=str(data["dialect"]),
            folder=folder,
            files=files,
            image_size=int(data["image_size"]),
            image_tokens=int(data["image_tokens"]),
            context_length=int(data["context_length"]),
            golden_tolerance=float(data["golden_tolerance"]),
            abstain_below=float(data["abstain_below"]),
            scores=dict(data.get("scores", {})),
        )
        if not (0 < manifest.image_size <= 4096 and 0 < manifest.image_tokens <= 65536):
            raise ValueError("image_size or image_tokens is out of range")
        return manifest

    def write(self) -> Path:
        """Write ``manifest.json`` into the folder, whole or not at all."""
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
        path = self.folder / MANIFEST_FILE
        temporary = path.with_name(f".{path.name}.part")
        temporary.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        temporary.replace(path)
        return path


def verify_files(manifest: ModelManifest) -> None:
    """Compare every file with the manifest.

    Raises `ModelError` that names the first file that is missing, has another size, or another content.
    """
    for role, file in manifest.files.items():
        path = manifest.path(role)
        if not path.is_file():
            raise ModelError(f"the model file {path} is missing: {_REMEDY}")
        size = path.stat().st_size
        if size != file.bytes:
            kind = "truncated" if size < file.bytes else "too long"
            raise ModelError(f"the model file {path} is {kind}: {size} bytes instead of {file.bytes}: {_REMEDY}")
        if file_sha256(path) != file.sha256:
            raise ModelError(f"the model file {path} was altered: its SHA-256 is not the manifest's: {_REMEDY}")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
