"""A question about a slice as it is kept with its answer: its fields, as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.protocol import AnswerForm, Grounding, Located, Recognition, Task
from engine.regional_cot import Arm
from engine.regions import Box

_FIELDS = {
    Task.VQA: ("text", "form", "options"),
    Task.DIAGNOSIS: ("options", "several", "none_label", "recognition"),
    Task.GROUNDED_REPORT: ("names", "grounding"),
    Task.REPORT: (),
}
_NEEDED = {Task.VQA: "text", Task.DIAGNOSIS: "options", Task.GROUNDED_REPORT: "grounding"}


def question_fields(
    task: Task,
    what: Mapping[str, Any],
    *,
    arm: Arm = Arm.NONE,
    look_for: Sequence[str] = (),
    found: Sequence[Located] = (),
    seed: int = 0,
) -> dict[str, Any]:
    """What is kept of a question. what : as `engine.suggest.suggest` takes it, of which the task's own fields are kept.

    arm and what follows : of Regional CoT; found : the regions that the question was asked with in the end.
    """
    kept = {name: what[name] for name in _FIELDS[task] if what.get(name) not in (None, (), [], "", False)}
    if arm is not Arm.NONE:
        kept |= {"arm": arm, "look_for": look_for}
        kept["regions"] = [[item.name, [list(box.as_tuple()) for box in item.boxes]] for item in found]
        if arm is Arm.RANDOM:
            kept["seed"] = seed
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def question_keywords(task: Task, kept: Mapping[str, Any]) -> dict[str, Any] | None:
    """A kept question as `engine.suggest.suggest` takes it, with the regions it was asked with as ``found``.

    None when the task's question was not kept, as by earlier versions, or is none that this version knows.
    """
    if task not in _FIELDS or (task in _NEEDED and _NEEDED[task] not in kept):
        return None
    try:
        what: dict[str, Any] = {name: kept[name] for name in _FIELDS[task] if name in kept}
        for name, kind in (("form", AnswerForm), ("recognition", Recognition), ("grounding", Grounding)):
            if name in what:
                what[name] = kind(what[name])
        for name in ("options", "names"):
            if name in what:
                what[name] = tuple(str(one) for one in what[name])
        what["found"] = tuple(
            Located(str(name), tuple(Box(*(float(value) for value in box)) for box in boxes))
            for name, boxes in kept.get("regions", ())
        )
    except (TypeError, ValueError):
        return None
    return what
