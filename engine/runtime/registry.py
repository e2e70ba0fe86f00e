"""Where models are: those a person added first, then those that ship."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import platformdirs

from engine.runtime.errors import ModelError
from engine.runtime.manifest import MANIFEST_FILE, ModelManifest

DEFAULT_MODEL = "starter"


def model_folders() -> tuple[Path, ...]:
    """The folders that hold a folder for each model."""
    shipped = Path(str(resources.files("resources"))) / "models"
    return (platformdirs.user_data_path("medrega-desktop") / "models", shipped)


def list_models() -> list[ModelManifest]:
    """Every registered model, each id once. A folder with a broken manifest raises its `ModelError`."""
    found: dict[str, ModelManifest] = {}
    for parent in model_folders():
        for manifest in sorted(parent.glob(f"*/{MANIFEST_FILE}")):
            model = ModelManifest.read(manifest.parent)
            found.setdefault(model.id, model)
    return list(found.values())


def find_model(model: str = DEFAULT_MODEL) -> ModelManifest:
    """A registered model by its id, or a model folder by its path. Raises `ModelError` if there is none."""
    for parent in model_folders():
        folder = parent / model
        if model == Path(model).name and (folder / MANIFEST_FILE).is_file():
            return ModelManifest.read(folder)
    if Path(model).is_dir():
        return ModelManifest.read(Path(model))
    known = ", ".join(sorted(m.id for m in list_models())) or "none"
    raise ModelError(f"no model {model!r}: registered are {known}; a model folder's path is taken too")
