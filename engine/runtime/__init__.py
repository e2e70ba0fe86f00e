"""llama.cpp in a child process: models, their manifests, and questions to them.

The window never loads a model itself: a crash there must not take it down.
"""

from engine.runtime.adapter import (
    AdapterManifest,
    adapters_folder,
    known_labels,
    list_adapters,
    new_labels,
    taught_labels,
)
from engine.runtime.adapter_choice import CHOSEN, AdapterWish
from engine.runtime.calibration import UNCALIBRATED, Calibration, LogisticMap, NameMap
from engine.runtime.choices import (
    ModelChoices,
    choose_model,
    chosen_device,
    chosen_model,
    read_choices,
    write_choices,
)
from engine.runtime.device import Device, DeviceKind
from engine.runtime.errors import EngineError, MemoryShortError, ModelError, QuestionError
from engine.runtime.events import EngineEvent
from engine.runtime.gguf_check import check_gguf
from engine.runtime.label_scores import LabelScore, label_score
from engine.runtime.manifest import ModelFile, ModelManifest, verify_files
from engine.runtime.messages import Absence, AskRequest, AskResult, Choice, TextPiece, Timings
from engine.runtime.offload import KvType, Lack, Offload
from engine.runtime.preprocess import to_model_image
from engine.runtime.promotion import (
    Switch,
    adapter_in_use,
    promote_adapter,
    read_history,
    roll_back,
    switch_in_use,
)
from engine.runtime.registry import DEFAULT_MODEL, find_model, is_removable, list_models, remove_model
from engine.runtime.session import Session

__all__ = [
    "CHOSEN",
    "DEFAULT_MODEL",
    "UNCALIBRATED",
    "Absence",
    "AdapterManifest",
    "AdapterWish",
    "AskRequest",
    "AskResult",
    "Calibration",
    "Choice",
    "Device",
    "DeviceKind",
    "EngineError",
    "EngineEvent",
    "KvType",
    "LabelScore",
    "Lack",
    "LogisticMap",
    "MemoryShortError",
    "ModelChoices",
    "ModelError",
    "ModelFile",
    "ModelManifest",
    "NameMap",
    "Offload",
    "QuestionError",
    "Session",
    "Switch",
    "TextPiece",
    "Timings",
    "adapter_in_use",
    "adapters_folder",
    "check_gguf",
    "choose_model",
    "chosen_device",
    "chosen_model",
    "find_model",
    "is_removable",
    "known_labels",
    "label_score",
    "list_adapters",
    "list_models",
    "new_labels",
    "promote_adapter",
    "read_choices",
    "read_history",
    "remove_model",
    "roll_back",
    "switch_in_use",
    "taught_labels",
    "to_model_image",
    "verify_files",
    "write_choices",
]
