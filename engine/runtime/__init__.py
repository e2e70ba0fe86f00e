"""llama.cpp in a child process: models, their manifests, and questions to them.

The window never loads a model itself: a crash there must not take it down.
"""

from engine.runtime.errors import EngineError, ModelError
from engine.runtime.gguf_check import check_gguf
from engine.runtime.manifest import ModelFile, ModelManifest, verify_files
from engine.runtime.messages import AskRequest, AskResult, Choice, TextPiece, Timings
from engine.runtime.preprocess import to_model_image
from engine.runtime.registry import DEFAULT_MODEL, find_model, list_models
from engine.runtime.session import EngineEvent, Session

__all__ = [
    "DEFAULT_MODEL",
    "AskRequest",
    "AskResult",
    "Choice",
    "EngineError",
    "EngineEvent",
    "ModelError",
    "ModelFile",
    "ModelManifest",
    "Session",
    "TextPiece",
    "Timings",
    "check_gguf",
    "find_model",
    "list_models",
    "to_model_image",
    "verify_files",
]
