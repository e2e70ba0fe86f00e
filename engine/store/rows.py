"""What the store gives out: frozen rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.regions import Box, Label
from engine.scans import Plane, Window


class RegionState(StrEnum):
    """Where a region stands. `SUGGESTED`: drawn by the model; `REMOVED`: taken back, not judged."""

    DRAWN = "drawn"
    SUGGESTED = "suggested"
    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"
    REMOVED = "removed"


class Origin(StrEnum):
    """Who or what placed the region first, and so for ever: later edits say who made them in rows of their own."""

    PERSON = "person"
    MODEL = "model"
    INTERPOLATED = "interpolated"
    PROPAGATED = "propagated"
    COPIED = "copied"


class DecisionKind(StrEnum):
    """What a person did to a region; written in `VerdictRow.kind`.

    `LABELLED`, `RESHAPED`, `DESCRIBED`, `GROUPED` : they gave a name, another shape, attributes, a 3-D structure.
    `EDITED` : name or box in place of a suggested one. `RESTORED` : undo or redo.
    """

    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"
    RESTORED = "restored"
    LABELLED = "labelled"
    RESHAPED = "reshaped"
    DESCRIBED = "described"
    GROUPED = "grouped"
    DELETED = "deleted"
    LOCKED = "locked"
    UNLOCKED = "unlocked"


HIDDEN_STATES = (RegionState.REJECTED, RegionState.REMOVED)
DECIDED_STATES = (RegionState.ACCEPTED, RegionState.EDITED)


@dataclass(frozen=True, slots=True)
class RegionRow:
    """A region as it is now, or as one row of its history.

    id : of this row. root_id : of the region, the same through all its rows. label : None while it has none.
    view_sha256, window : of the rendered slice in which the box was drawn or suggested.
    box : the bounds of the shape. shape : its canonical JSON, None for the box itself. attributes : canonical JSON of
    what is said beside the name (side, certainty, severity, a remark), None for nothing.
    structure_id : root id of the first of the regions, a slice each, that make one 3-D structure; None for none.
    is_key : whether a person drew it; False for a slice between that nobody has touched yet.
    locked : its name and place stay, but for unlocking and undo. derivation : canonical JSON of what it was made from
    (`Derivation`), None when it was drawn. reading_id : of the task it belongs to, None outside tasks.
    """

    id: int
    root_id: int
    image_id: int
    box: Box
    label: Label | None
    state: RegionState
    origin: Origin
    view_sha256: str
    window: Window | None
    who: str
    created: str
    shape: str | None = None
    attributes: str | None = None
    structure_id: int | None = None
    is_key: bool = True
    locked: bool = False
    derivation: str | None = None
    reading_id: int | None = None


@dataclass(frozen=True, slots=True)
class PlacedRegion:
    """A region and where in its series it lies."""

    plane: Plane
    slice: int
    row: RegionRow


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One slice of a series that something was drawn on."""

    id: int
    source: str
    series_uid: str
    study_uid: str
    modality: str
    plane: Plane
    slice: int
    sop_instance_uid: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class SuggestionRow:
    """A stored answer.

    candidates : (EN name, ZH name, label id, probability), ranked. probability : of the region it is about.
    spread : of that region's left, top, right and bottom side, as `SuggestedRegion` has it.
    view_sha256, window : of the rendered slice that was asked about.
    """

    id: int
    image_id: int
    region_root_id: int | None
    task: str
    language: str
    prompt: str
    raw: str
    text: str
    candidates: tuple[tuple[str, str, str, float], ...]
    probability: float | None
    abstained: bool
    model_id: str
    model_sha256: str
    adapter: str | None
    latency_ms: float
    created: str
    spread: tuple[float, float, float, float] | None
    view_sha256: str
    window: Window | None


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """What a person decided. kind : a `DecisionKind`.

    before, after : canonical JSON of the region's label, box and state, and of shape (its kind), attributes, structure
    and lock where it has them; `before` also has the best name that the model had suggested, where there was one.
    detail : canonical JSON of how it was decided, such as the threshold of an acceptance of many; "" for by hand.
    """

    id: int
    region_id: int
    suggestion_id: int | None
    kind: str
    before: str
    after: str
    who: str
    created: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WorklistRow:
    """A scan on the worklist and where the person left it. decided, open : counts of its regions."""

    id: int
    path: str
    series_uid: str
    title_en: str
    title_zh: str
    plane: Plane | None
    slice: int
    window: Window | None
    opened: str
    decided: int
    open: int
