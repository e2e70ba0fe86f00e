"""LoRA adapters on the disk: a folder for each, beside the models a person added.

``adapters/ID/adapter.json`` names the GGUF file, its SHA-256, and the base model that it was trained on.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.files import whole_file
from engine.labels.label import LabelError, label_from_json, label_to_json
from engine.regions import Label, LabelSet
from engine.runtime import registry
from engine.runtime.errors import ModelError
from engine.runtime.manifest import ModelFile, ModelManifest, file_sha256

logger = logging.getLogger(__name__)

ADAPTER_FILE = "adapter.json"
FORMAT = 1
_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9_-])?")
_TAKEN = ".json"
"""Adapters' folders lie beside files with such names: an id that ends so could take the history's place. Nor may it end
with a dot, which Windows leaves out of names.
"""


@dataclass(frozen=True, slots=True)
class AdapterManifest:
    """An adapter. base : `ModelManifest.sha256` of the model it was trained on. scale : 1 for as trained.

    scores : figures of its gate, for people to see. labels : names that it was taught, with the modalities and the
    patients that taught them; adapters of before say only those that the base did not have, or not in such modalities.
    """

    id: str
    name: str
    base: str
    folder: Path
    file: ModelFile
    scale: float = 1.0
    scores: Mapping[str, Any] = field(default_factory=dict, compare=False)
    labels: tuple[Label, ...] = ()

    @property
    def path(self) -> Path:
        """Where its GGUF file lies."""
        return self.folder / self.file.name

    def require_base(self, manifest: ModelManifest) -> None:
        """Raise `ModelError` unless it was trained on this model."""
        if self.base != manifest.sha256:
            raise ModelError(f"the adapter {self.id} was trained on another model than {manifest.id}")

    def verify(self) -> None:
        """Raise `ModelError` unless its file is what it was."""
        try:
            altered = self.path.stat().st_size != self.file.bytes or file_sha256(self.path) != self.file.sha256
        except OSError as error:
            raise ModelError(f"cannot read the adapter {self.path}: {error.strerror}") from error
        if altered:
            raise ModelError(f"the adapter {self.path} was altered: its SHA-256 is not its manifest's")

    @classmethod
    def read(cls, folder: Path) -> AdapterManifest:
        """Read ``folder/adapter.json``. Raises `ModelError` naming the file and what is wrong with it."""
        path = folder / ADAPTER_FILE
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            if said["format"] != FORMAT:
                raise ValueError(f"format {said['format']!r}, this version reads {FORMAT}")
            file = said["file"]
            made = cls(
                str(said["id"]),
                str(said["name"]),
                str(said["base"]),
                folder,
                ModelFile(str(file["name"]), str(file["sha256"]), int(file["bytes"])),
                float(said.get("scale", 1.0)),
                dict(said.get("scores", {})),
                tuple(label_from_json(one, "a label") for one in said.get("labels", [])),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, LabelError) as error:
            raise ModelError(f"cannot read the adapter's manifest {path}: {error}") from error
        if not _is_id(made.id) or made.file.name != Path(made.file.name).name or not made.file.name:
            raise ModelError(f"cannot read the adapter's manifest {path}: its id or its file's name cannot be")
        if not math.isfinite(made.scale):
            raise ModelError(f"cannot read the adapter's manifest {path}: its scale is {made.scale}")
        return made

    def write(self) -> Path:
        """Write ``adapter.json`` into the folder, whole or not at all."""
        data = {
            "format": FORMAT,
            "id": self.id,
            "name": self.name,
            "base": self.base,
            "file": {"name": self.file.name, "sha256": self.file.sha256, "bytes": self.file.bytes},
            "scale": self.scale,
            "scores": dict(self.scores),
        }
        if self.labels:
            data["labels"] = [label_to_json(one) for one in self.labels]
        path = self.folder / ADAPTER_FILE
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


def _is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None and not text.endswith(_TAKEN)


def adapters_folder() -> Path:
    """The folder that holds a folder for each adapter."""
    return registry.model_folders()[0] / "adapters"


def list_adapters(manifest: ModelManifest | None = None) -> list[AdapterManifest]:
    """The adapters of a model, or all. One that cannot be read is left out, with a warning in the log."""
    found = []
    for path in sorted(adapters_folder().glob(f"*/{ADAPTER_FILE}")):
        if path.parent.name.startswith("."):
            # Still being copied.
            continue
        try:
            adapter = AdapterManifest.read(path.parent)
        except ModelError as error:
            logger.warning("%s", error)
            continue
        if manifest is None or adapter.base == manifest.sha256:
            found.append(adapter)
    return found


def known_labels(manifest: ModelManifest, adapter: AdapterManifest | None) -> LabelSet:
    """The names that a model can give, those its adapter was taught after its own. Raises `LabelError`."""
    return taught_labels(manifest.labels(), adapter.labels if adapter is not None else ())


def taught_labels(own: LabelSet, labels: Sequence[Label]) -> LabelSet:
    """A model's own names, each wherever it or its adapter met it, and those that only its adapter has.

    labels : what the adapter was taught.
    """
    if not labels:
        return own
    taught = {one.id: one for one in labels}
    widened = [_wider(one, taught[one.id]) if one.id in taught else one for one in own]
    return LabelSet([*widened, *new_labels(own, labels)])


def _wider(own: Label, taught: Label) -> Label:
    """A label in the modalities of both, anywhere if one of them is, and learnt from the patients of both.

    Where the adapter does not say how many those were, they were no fewer than the model's own; nothing is known any
    more if it met the label in another modality, or may have.
    """
    both = own.modalities and taught.modalities
    patients = Counter(dict(own.patients))
    patients.update(dict(taught.patients))
    same = taught.modalities and set(taught.modalities) <= set(own.modalities)
    told = own.patients and (taught.patients or same)
    return replace(
        own,
        modalities=tuple(sorted({*own.modalities, *taught.modalities})) if both else (),
        patients=tuple(sorted(patients.items())) if told else (),
    )


def new_labels(known: LabelSet, labels: Iterable[Label]) -> list[Label]:
    """Those labels of which no name is known yet."""
    return [one for one in labels if not any(known.find(name) for name in (one.id, one.en, one.zh))]
