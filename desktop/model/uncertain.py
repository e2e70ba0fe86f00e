"""What waits for a decision in the whole scan, least certain first."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from desktop.model.regions import RegionsModel
from desktop.model.slice_regions import UNDECIDED
from desktop.model.viewing import ViewingModel
from engine.store import AnnotationStore, PlacedRegion, SaidName, may_accept, said_name


@dataclass(frozen=True, slots=True)
class Waiting:
    """An undecided region. said : what the model says that it is, None where it says nothing of it."""

    place: PlacedRegion
    said: SaidName | None

    def may_accept(self, threshold: float) -> bool:
        """Whether it may be accepted among many; see `engine.store.may_accept`."""
        return may_accept(self.place.row, self.said, threshold)


class UncertainModel(QObject):
    """none_left : nothing waits for a decision."""

    none_left = Signal()

    def __init__(
        self, store: AnnotationStore, viewing: ViewingModel, regions: RegionsModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._regions = regions
        # Looked at since the round began: leaving one undecided is an answer too, for now.
        self._seen: set[int] = set()
        viewing.opened.connect(self._seen.clear)

    def waiting(self) -> list[Waiting]:
        """Undecided regions of the open scan, least certain first; those nobody was asked about last.

        What has another name than the model says now is certain least of all.
        """
        scan = self._viewing.current
        if scan is None:
            return []
        volume = scan.volume
        visible = self._store.readings.visible_in_series(volume.source, volume.series_uid, self._regions.who)
        answers = self._store.suggestions.about_series(volume.source, volume.series_uid)
        found = [
            Waiting(one, said_name(one.row, answers.get(one.row.root_id, [])))
            for one in visible
            if one.row.state in UNDECIDED
        ]
        return sorted(found, key=_order)

    def go_to_next(self) -> None:
        """Turn to the least certain one that was not looked at in this round, and select it."""
        waiting = self.waiting()
        if not waiting:
            self.none_left.emit()
            return
        fresh = [one for one in waiting if one.place.row.root_id not in self._seen]
        if not fresh:
            self._seen.clear()
            fresh = waiting
        chosen = fresh[0]
        if chosen.place.row.root_id == self._regions.selected_root and len(fresh) > 1:
            self._seen.add(chosen.place.row.root_id)
            chosen = fresh[1]
        self._seen.add(chosen.place.row.root_id)
        self._turn_to(chosen.place)

    def _turn_to(self, place: PlacedRegion) -> None:
        viewing = self._viewing
        viewing.activate_plane(place.plane)
        viewing.go_to(place.slice)
        self._regions.select(place.row.root_id)

    def accept_above(self, threshold: float) -> int:
        """Accept everything in the whole scan that the model is that sure of (0..1); returns how many there were."""
        roots = [one.place.row.root_id for one in self.waiting() if one.may_accept(threshold)]
        who = self._regions.who
        return self._regions.change(roots, lambda: self._store.edits.accept_many(roots, threshold, who)) if roots else 0


def _order(one: Waiting) -> tuple[bool, float, int, int]:
    said = one.said
    sure = 0.0 if said is None or said.contrary else said.probability
    return (said is None or sure is None, sure or 0.0, one.place.slice, one.place.row.root_id)
