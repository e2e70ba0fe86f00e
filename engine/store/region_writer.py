"""How a row about a region comes to be: the one place that inserts regions, verdicts, answers and their slices."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from engine.regions import Box, Label
from engine.scans import Window
from engine.store.audit import canonical_json
from engine.store.errors import StoreError
from engine.store.gesture import Gesture, gesture, utc_now
from engine.store.readings import Readings
from engine.store.repositories import ImageRepository, RegionRepository, source_key
from engine.store.rows import DecisionKind, Origin, RegionRow, RegionState, SuggestionRow
from engine.store.shape_text import canonical_attributes, canonical_shape, shape_kind
from engine.store.suggestions import SuggestionRepository
from engine.store.task_rows import TaskAction, TaskRow, TaskState, next_state
from engine.suggest import ImageRef, Suggestion

# Joining a 3-D structure leaves name and place as they are: locked slices may be interpolated between.
_TAKEN_WHEN_LOCKED = (DecisionKind.UNLOCKED, DecisionKind.RESTORED, DecisionKind.GROUPED)


class RegionWriter:
    """Rows of a gesture about regions. Each method writes into the gesture it is given and nothing else."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        images: ImageRepository,
        regions: RegionRepository,
        suggestions: SuggestionRepository,
        readings: Readings,
        require_writable: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._images = images
        self.regions = regions
        self.suggestions = suggestions
        self._readings = readings
        self._require_writable = require_writable

    @contextmanager
    def gesture(self, who: str, what: str) -> Iterator[Gesture]:
        """One durable transaction with its audit entry. Raises `StoreError` when nothing could be kept."""
        self._require_writable()
        with gesture(self._connection, who, what) as made:
            yield made

    def add(
        self,
        made: Gesture,
        image: ImageRef,
        study_uid: str,
        box: Box,
        who: str,
        *,
        state: RegionState = RegionState.DRAWN,
        origin: Origin = Origin.PERSON,
        label: Label | None = None,
        starts_structure: bool = False,
        fixed_reading: int | None = None,
        **more: Any,
    ) -> RegionRow:
        """A new region of a slice, in the reading of whoever draws it. more : further fields of `RegionRow`.

        starts_structure : the region is the first of a 3-D structure, which is called by its id. fixed_reading : the
        reading of another that a reviewer adds it to. Raises `StoreError` when they may not, or when their own reading
        is submitted.
        """
        image_id = self._image_id(made, image, study_uid)
        source = source_key(image.path)
        task = self._readings.require_open(source, image.series_uid, who)
        wanted = RegionRow(0, 0, image_id, box, label, state, origin, image.sha256, image.window, who, "", **more)
        if fixed_reading is None:
            reading = self._begun(made, task)
        else:
            reading = self._readings.require_fixable(fixed_reading, source, image.series_uid, who)
        wanted = replace(wanted, reading_id=reading)
        return self._insert(made, wanted, who, starts_structure=starts_structure)

    def add_like(self, made: Gesture, row: RegionRow, who: str, **change: Any) -> RegionRow:
        """A new region on the slice of another, like it but for `change`, in the reading of whoever makes it.

        Of a reviewer, who has no reading of their own, in that of the region it is like.
        """
        image = self._images.get(row.image_id)
        task = self._readings.require_open(image.source, image.series_uid, who)
        if task is None and row.reading_id is not None:
            reading: int | None = self._readings.require_fixable(row.reading_id, image.source, image.series_uid, who)
        else:
            reading = self._begun(made, task)
        wanted = replace(row, **change, reading_id=reading)
        wanted.box.require_inside(image.width, image.height)
        return self._insert(made, wanted, who)

    def decide(
        self,
        made: Gesture,
        root_id: int,
        kind: DecisionKind,
        who: str,
        change: dict[str, Any],
        *,
        suggestion_id: int | None = None,
        detail: dict[str, Any] | None = None,
    ) -> RegionRow:
        """A row that supersedes a region's newest one, with the verdict that says why.

        change : fields of `RegionRow` that are other than before. Raises `StoreError` for a locked region, one of
        another reading, or an answer about another region; `RegionError` for a box outside the image.
        """
        before = self.regions.current(root_id)
        if before.locked and kind not in _TAKEN_WHEN_LOCKED:
            raise StoreError(f"region {root_id} is locked: unlock it before you change it")
        judged = None if suggestion_id is None else self.suggestions.get(suggestion_id)
        if judged is not None and judged.region_root_id != root_id:
            raise StoreError(f"suggestion {suggestion_id} is not about region {root_id}")
        task = self._readings.require_editable(before, who)
        after = replace(before, **change)
        if task is not None and before.reading_id is None:
            # What a person decides about in their reading is theirs from then on.
            after = replace(after, reading_id=self._begun(made, task))
        if after.box != before.box:
            image = self._images.get(before.image_id)
            after.box.require_inside(image.width, image.height)
        row = self._insert(made, after, who, supersedes=before)
        self.add_verdict(made, row, kind, who, before=before, judged=judged, detail=detail)
        return row

    def add_verdict(
        self,
        made: Gesture,
        row: RegionRow,
        kind: DecisionKind,
        who: str,
        *,
        before: RegionRow | None = None,
        judged: SuggestionRow | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """What a person decided, of which `row` is the result. before : None for a region that is new."""
        made.insert(
            "verdict",
            region_id=row.id,
            suggestion_id=judged.id if judged else None,
            kind=kind.value,
            before=_content(before, judged),
            after=_content(row),
            who=who,
            created=row.created,
            detail=None if detail is None else canonical_json(detail),
        )

    def add_suggestion(
        self, made: Gesture, suggestion: Suggestion, study_uid: str, root_id: int | None
    ) -> SuggestionRow:
        """A model's answer, about a region or a whole slice."""
        center, width = window_columns(suggestion.image.window)
        number = made.insert(
            "suggestion",
            image_id=self._image_id(made, suggestion.image, study_uid),
            region_root_id=root_id,
            task=suggestion.task.value,
            language=suggestion.language.value,
            prompt=suggestion.prompt,
            raw=suggestion.raw,
            text=suggestion.text,
            parsed=canonical_json(
                [
                    {
                        "label": r.label,
                        "box": [float(v) for v in r.box.as_tuple()],
                        "probability": float(r.probability),
                        **({} if r.spread is None else {"spread": [float(v) for v in r.spread]}),
                    }
                    for r in suggestion.regions
                ]
            ),
            candidates=canonical_json(
                [
                    [c.label, c.label_zh, c.label_id, float(c.probability)]
                    for c in suggestion.candidates or suggestion.labels
                ]
            ),
            abstained=int(suggestion.abstained),
            model_id=suggestion.model.id,
            model_sha256=suggestion.model.sha256,
            adapter=suggestion.model.adapter,
            latency_ms=float(suggestion.timings_ms.total),
            view_sha256=suggestion.image.sha256,
            window_center=center,
            window_width=width,
            created=utc_now(),
        )
        return self.suggestions.get(number)

    def _begun(self, made: Gesture, task: TaskRow | None) -> int | None:
        """The reading's id; the first thing that its annotator does on the scan starts the task."""
        if task is None:
            return None
        if self._readings.task(task.id).state is TaskState.NEW:
            insert_task_event(made, self._connection, task, TaskAction.START, task.annotator, "")
        return task.id

    def _insert(
        self,
        made: Gesture,
        wanted: RegionRow,
        who: str,
        *,
        supersedes: RegionRow | None = None,
        starts_structure: bool = False,
    ) -> RegionRow:
        center, width = window_columns(wanted.window)
        # Boxes may hold numpy numbers, which SQLite does not take.
        x1, y1, x2, y2 = map(float, wanted.box.as_tuple())
        label = wanted.label
        number = made.insert(
            "region",
            root_id=supersedes.root_id if supersedes else None,
            supersedes_id=supersedes.id if supersedes else None,
            image_id=wanted.image_id,
            x1=x1,
            y1=y1,
            x2=x2,
            y2=y2,
            label_id=label.id if label else None,
            label_en=label.en if label else None,
            label_zh=label.zh if label else None,
            state=wanted.state.value,
            origin=wanted.origin.value,
            view_sha256=wanted.view_sha256,
            window_center=center,
            window_width=width,
            who=who,
            created=utc_now(),
            shape=canonical_shape(wanted.shape, wanted.box),
            attributes=canonical_attributes(wanted.attributes),
            structure_id=wanted.structure_id,
            is_key=None if wanted.is_key else 0,
            locked=1 if wanted.locked else None,
            derivation=wanted.derivation,
            reading_id=wanted.reading_id,
        )
        if supersedes is None:
            own = ", structure_id = id" if starts_structure else ""
            self._connection.execute(f"UPDATE region SET root_id = id{own} WHERE id = ?", [number])
        return self.regions.row(number)

    def _image_id(self, made: Gesture, image: ImageRef, study_uid: str) -> int:
        source = source_key(image.path)
        found = self._images.find(source, image.series_uid, image.plane, image.slice)
        if found is not None:
            return found.id
        study = made.find_or_insert("study", {"study_uid": study_uid}, {"created": utc_now()})
        series = made.find_or_insert(
            "series",
            {"source": source, "series_uid": image.series_uid},
            {"study_id": study, "modality": image.modality, "description": "", "created": utc_now()},
        )
        return made.insert(
            "image",
            series_id=series,
            plane=image.plane.value,
            slice=int(image.slice),
            sop_instance_uid=image.sop_instance_uid,
            width=int(image.width),
            height=int(image.height),
        )


def insert_task_event(
    made: Gesture, connection: sqlite3.Connection, task: TaskRow, action: TaskAction, who: str, comment: str
) -> int:
    """Move a task on; returns the event's id. Raises `StoreError` for what the state machine does not allow."""
    last = connection.execute("SELECT COALESCE(max(id), 0) FROM region").fetchone()[0]
    return made.insert(
        "task_event",
        task_id=task.id,
        kind=action.value,
        state=next_state(task, action, who, comment).value,
        comment=comment,
        last_region_id=last,
        who=who,
        created=utc_now(),
    )


def window_columns(window: Window | None) -> Sequence[float | None]:
    """A window as the columns hold it: center, width; None for colour."""
    return (None, None) if window is None else (float(window.center), float(window.width))


def _content(row: RegionRow | None, judged: SuggestionRow | None = None) -> str:
    """What a verdict says of a region; `judged` : the suggestion that the person had before them."""
    content: dict[str, Any] = {}
    if row is not None:
        label = row.label
        content = {
            "label": None if label is None else [label.id, label.en, label.zh],
            "box": list(row.box.as_tuple()),
            "state": row.state.value,
        }
        more = {
            # Only its kind: a mask's text is long, and the rows have it, before and after.
            "shape": shape_kind(row.shape),
            "attributes": row.attributes,
            "structure": row.structure_id,
            "locked": row.locked or None,
        }
        content |= {name: value for name, value in more.items() if value is not None}
    if judged is not None and judged.candidates:
        en, zh, id, probability = judged.candidates[0]
        content["suggested"] = {"label": [id, en, zh], "probability": probability}
    return canonical_json(content)
