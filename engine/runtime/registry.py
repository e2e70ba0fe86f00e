"""Where models are: those a person added first, then those that ship."""

from __future__ import annotations

import logging
from importlib import resources
from pathlib import Path

import platformdirs

from engine.runtime.errors import ModelError
from engine.runtime.manifest import MANIFEST_FILE, ModelManifest

logger = logging.getLogger(__name__)

DEFAULT_MODEL = "starter"


def model_folders() -> tuple[Path, ...]:
    """The folders that hold a folder for each model."""
    shipped = Path(str(resources.files("resources"))) / "models"
    return (platformdirs.user_data_path("medrega-desktop") / "models", shipped)


def list_models() -> list[ModelManifest]:
    """Every registered model, each id once.

    One whose manifest cannot be read is left out, with a warning in the log that names it: a broken model must not
    hide the sound ones.
    """
    found: dict[str, ModelManifest] = {}
    for parent in model_folders():
        for manifest in sorted(parent.glob(f"*/{MANIFEST_FILE}")):
            try:
                model = ModelManifest.read(manifest.parent)
            except ModelError as error:
                logger.warning("%s", error)
                continue
            found.setdefault(model.id, model)
    return list(found.values())


def find_model(model: str = DEFAULT_MODEL) -> ModelManifest:
    """A registered model by its id, or a model folder by its path.

    Raises `ModelError` if there is none, or if the one there is cannot be read.
    """
    if model == Path(model).name:
        for parent in model_folders():
            folder = parent / model
            if (folder / MANIFEST_FILE).is_file():
                return ModelManifest.read(folder)
    models = {known.id: known for known in list_models()}
    if model in models:
        return models[model]
    if model and Path(model).is_dir():
        return ModelManifest.read(Path(model))
    raise ModelError(
        f"no model {model!r}: registered are {', '.join(sorted(models)) or 'none'}; a model folder's path is taken too"
    )
