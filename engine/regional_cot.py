"""Regional CoT: ask where to look, then ask the question with those regions written into it.

Method: Wang et al., ICLR 2025, Regional Chain-of-Thought; its prompts are not published. Whether boxes help is a
matter of whose they are, so that a study needs four arms: no boxes, the model's own, given ones, and random ones of
the same number and size, which must help nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from engine.protocol import Language, Located, ProtocolError, Task
from engine.regions import Box, LabelSet
from engine.runtime import Session
from engine.scans import Plane, Volume, Window, image_sha256, render_slice
from engine.suggest import suggest
from engine.suggestion import Suggestion
from engine.suggestion_json import suggestion_to_json

LOOK_FOR = {Language.EN: "abnormal region", Language.ZH: "异常区域"}
"""What the first pass looks for unless told."""


class Arm(StrEnum):
    """Whose boxes the question is asked with."""

    NONE = "none"
    OWN = "own"
    """Those the model finds in a first pass."""
    GIVEN = "given"
    """A person's, or the ground truth."""
    RANDOM = "random"
    """As many and as large as the given ones, or else as its own, anywhere on the slice."""


@dataclass(frozen=True, slots=True)
class RegionalCot:
    """The answer, and what it was asked with.

    found : the regions in the second pass's prompt. look : the first pass, None where the arm needs none.
    """

    arm: Arm
    seed: int
    found: tuple[Located, ...]
    look: Suggestion | None
    answer: Suggestion

    @property
    def passes(self) -> tuple[Suggestion, ...]:
        """Everything that was asked, in order."""
        return (self.answer,) if self.look is None else (self.look, self.answer)


def ask_by_regions(
    session: Session,
    volume: Volume,
    plane: Plane,
    index: int,
    window: Window | None = None,
    *,
    arm: Arm,
    task: Task,
    language: Language,
    look_for: Sequence[str] = (),
    given: Sequence[Located] = (),
    seed: int = 0,
    labels: LabelSet | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    **question: Any,
) -> RegionalCot:
    """Ask a VQA or diagnosis question with the regions of an arm.

    look_for : what the first pass looks for, `LOOK_FOR` when empty. given : regions in slice pixels, for the given
    and the random arm. seed : of the random boxes, which also depend on the slice. question : as `suggest` takes it.
    Where there are no regions the question is asked as it is. Raises what `suggest` raises, and `ProtocolError` for
    another task or given boxes that are missing or that the arm has no use for.
    """
    if task not in (Task.VQA, Task.DIAGNOSIS):
        raise ProtocolError(f"regions can be written into a question or a diagnosis, not into {task.value!r}")
    if arm is Arm.GIVEN and not given:
        raise ProtocolError("the arm with given boxes needs at least one")
    if given and arm not in (Arm.GIVEN, Arm.RANDOM):
        raise ProtocolError(f"boxes are given, but the arm {arm.value!r} does not use them")
    place = (session, volume, plane, index, window)
    look: Suggestion | None = None
    found = tuple(given)
    if arm is Arm.OWN or (arm is Arm.RANDOM and not given):
        names = tuple(look_for) or (LOOK_FOR[language],)
        look = suggest(
            *place, task=Task.TEXT_TO_REGION, language=language, names=names, labels=labels, cancelled=cancelled
        )
        found = _by_name(look)
    if arm is Arm.RANDOM and found:
        width, height, sha256 = _size(look, *place)
        found = random_regions(found, width, height, (seed, int(sha256[:16], 16)))
    answer = suggest(*place, task=task, language=language, labels=labels, found=found, cancelled=cancelled, **question)
    return RegionalCot(arm, seed, found, look, answer)


def random_regions(
    regions: Sequence[Located], width: int, height: int, seed: int | tuple[int, ...]
) -> tuple[Located, ...]:
    """The same names with boxes of the same sizes, each at a place of its own in a `width` x `height` slice.

    Uniform over the places where the box fits; the same seed gives the same boxes.
    """
    rng = np.random.default_rng(seed)

    def moved(box: Box) -> Box:
        # Boxes come from 0..width, pixel edges at integers, and stay there.
        wide, high = min(box.width, width), min(box.height, height)
        x, y = float(rng.uniform(0, width - wide)), float(rng.uniform(0, height - high))
        return Box(x, y, min(x + wide, width), min(y + high, height))

    return tuple(Located(item.name, tuple(moved(box) for box in item.boxes)) for item in regions)


def regional_cot_to_json(cot: RegionalCot) -> dict[str, Any]:
    """The answer as `suggestion_to_json` writes it, with ``cot``: the arm, its regions, every prompt and answer."""
    document = suggestion_to_json(cot.answer)
    document["cot"] = {
        "arm": cot.arm.value,
        "seed": cot.seed if cot.arm is Arm.RANDOM else None,
        "regions": [
            {"label": item.name, "boxes": [[round(float(v), 3) for v in box.as_tuple()] for box in item.boxes]}
            for item in cot.found
        ],
        "passes": [{"task": one.task.value, "prompt": one.prompt, "raw": one.raw} for one in cot.passes],
    }
    return document


def _by_name(look: Suggestion) -> tuple[Located, ...]:
    boxes: dict[str, list[Box]] = defaultdict(list)
    for region in look.regions:
        name = region.label_zh if look.language is Language.ZH and region.label_zh else region.label
        boxes[name].append(region.box)
    return tuple(Located(name, tuple(some)) for name, some in boxes.items())


def _size(
    look: Suggestion | None, session: Session, volume: Volume, plane: Plane, index: int, window: Window | None
) -> tuple[int, int, str]:
    """Width, height and hash of the slice."""
    if look is not None:
        return look.image.width, look.image.height, look.image.sha256
    rgb = render_slice(volume, plane, index, window)
    return rgb.shape[1], rgb.shape[0], image_sha256(rgb)
