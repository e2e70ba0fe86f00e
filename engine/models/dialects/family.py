"""Which dialect a model speaks."""

from __future__ import annotations

from engine.models.dialects.base import Dialect
from engine.models.dialects.chat import ChatTemplate
from engine.models.dialects.json_boxes import JsonDialect
from engine.models.dialects.medrega import MedRegaDialect
from engine.models.dialects.tagged import TaggedDialect
from engine.protocol import BoxUnit
from engine.runtime.manifest import ModelManifest

_INTERNVL_SYSTEM = (
    "你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。"
)


def _chatml(system: str) -> ChatTemplate:
    return ChatTemplate(
        user="<|im_start|>user\n",
        assistant="<|im_start|>assistant\n",
        end="<|im_end|>\n",
        tokens=("<|im_start|>", "<|im_end|>"),
        system_mark="<|im_start|>system\n",
        system=system,
    )


_GEMMA = ChatTemplate(
    user="<start_of_turn>user\n",
    assistant="<start_of_turn>model\n",
    end="<end_of_turn>\n",
    tokens=("<bos>", "<start_of_turn>", "<end_of_turn>"),
    begin="<bos>",
)


def make_dialect(name: str, image_size: int, box_unit: str = "") -> Dialect:
    """A dialect of `engine.runtime.manifest.DIALECTS` for a model.

    image_size : side in pixels of the image that the model sees. box_unit : one of `engine.runtime.manifest.BOX_UNITS`.
    Raises `ValueError` for a name that is none: manifests are checked when they are read.
    """
    if name == "medrega":
        return MedRegaDialect()
    if name == "internvl":
        return TaggedDialect(_chatml(_INTERNVL_SYSTEM), tagged=True)
    if name == "medmo":
        return TaggedDialect(_chatml(""), tagged=False)
    if name == "gemma":
        return JsonDialect(_GEMMA, BoxUnit(1000, y_first=True), "box_2d")
    if name == "qwen-vl":
        unit = BoxUnit(1000) if box_unit == "1000" else BoxUnit(image_size)
        return JsonDialect(_chatml("You are a helpful assistant."), unit, "bbox_2d")
    raise ValueError(f"no dialect {name!r}")


def dialect_of(manifest: ModelManifest) -> Dialect:
    """The dialect that a registered model speaks."""
    return make_dialect(manifest.dialect, manifest.image_size, manifest.box_unit)
