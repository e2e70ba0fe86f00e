"""Who answers: a GGUF model through llama.cpp, as the window asks it, or a torch checkpoint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from engine.regions import LabelSet
from engine.runtime import (
    UNCALIBRATED,
    AdapterManifest,
    AskRequest,
    AskResult,
    Calibration,
    KvType,
    ModelError,
    ModelManifest,
    Session,
    find_model,
    known_labels,
)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Which model answered. runs_on : ``llama.cpp`` or ``torch``."""

    id: str
    version: str
    sha256: str
    runs_on: str


class Answerer(Protocol):
    """A model that answers one question at a time. Enter it to load; leave it to free."""

    facts: ModelFacts
    labels: LabelSet | None
    """The names it knows; None where it does not say."""
    calibration: Calibration
    """Of its probabilities, and its bound for what is not there."""
    abstain_below: float
    """See `ModelManifest`."""

    def __enter__(self) -> Self:
        """Itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the model."""

    def ask(self, request: AskRequest) -> AskResult:
        """Answer one question. Raises `EngineError`."""


class GgufAnswerer:
    """A model folder, through the same child process as the window.

    exact : 32-bit keys and values, to be compared with torch; slower. calibrated : by its manifest's calibration.
    adapter : what answers beside the base. threads : at most, None for one a core.
    Raises `ModelError` for an adapter that is not this model's.
    """

    def __init__(
        self,
        manifest: ModelManifest,
        *,
        exact: bool = False,
        calibrated: bool = True,
        adapter: AdapterManifest | None = None,
        threads: int | None = None,
    ) -> None:
        self._session = Session(manifest, threads=threads, kv_type=KvType.F32 if exact else KvType.F16)
        self._session.use_adapter(adapter)
        self.labels: LabelSet | None = known_labels(manifest, adapter)
        self.calibration = manifest.calibration if calibrated else UNCALIBRATED
        self.abstain_below = manifest.abstain_below
        self.facts = ModelFacts(manifest.id, manifest.version, manifest.sha256, "llama.cpp")
        if adapter is not None:
            both = hashlib.sha256((manifest.sha256 + adapter.file.sha256).encode()).hexdigest()
            self.facts = ModelFacts(f"{manifest.id}+{adapter.id}", manifest.version, both, "llama.cpp")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def ask(self, request: AskRequest) -> AskResult:
        """Answer one question. Raises `ModelError` or `EngineError`."""
        return self._session.ask(request)


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds torch weights: a whole model or a LoRA adapter to one."""
    return (folder / "config.json").is_file() or (folder / "adapter_config.json").is_file()


def open_answerer(model: str, *, calibrated: bool = True) -> Answerer:
    """A registered model by id, a model folder, or a checkpoint folder of the trainer, by path.

    calibrated : by its manifest's calibration, where it has one. Raises `ModelError` when it is none of them,
    `CheckpointError` for a checkpoint that cannot be used.
    """
    folder = Path(model)
    if folder.is_dir() and not (folder / "manifest.json").is_file():
        if not is_checkpoint(folder):
            raise ModelError(f"{folder} is no model: it has neither manifest.json nor config.json")
        from training.evaluation.torch_answering import TorchAnswerer

        return TorchAnswerer(folder)
    return GgufAnswerer(find_model(model), calibrated=calibrated)
