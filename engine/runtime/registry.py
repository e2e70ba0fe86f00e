"""Where models are: those a person added first, then those that ship."""

from __future__ import annotations

import logging
import shutil
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
            # A folder that begins with a dot is still being made.
            if manifest.parent.name.startswith("."):
                continue
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


def is_removable(manifest: ModelManifest) -> bool:
    """Whether a person added it: what ships stays."""
    return manifest.folder.parent.resolve() == model_folders()[0].resolve()


def remove_model(model: str) -> ModelManifest:
    """Delete an added model with its files; returns what it was.

    Raises `ModelError` for one that ships or is unknown.
    """
    manifest = find_model(model)
    if not is_removable(manifest):
        raise ModelError(f"the model {manifest.id} lies in {manifest.folder} and was not added by you: it stays")
    _delete(manifest.folder)
    return manifest


def _delete(folder: Path) -> None:
    # Not half there under its name when the deleting is interrupted.
    doomed = folder.with_name(f".{folder.name}.removed")
    try:
        if doomed.exists():
            shutil.rmtree(doomed)
        folder.rename(doomed)
        shutil.rmtree(doomed)
    except OSError as error:
        raise ModelError(f"cannot remove the model folder {folder}: {error.strerror}") from error
