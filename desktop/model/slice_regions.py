"""The regions of the slice on screen: which there are, which is selected, which are seen."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from desktop.model.plane_state import PlaneState
from desktop.model.reader import ReaderModel
from desktop.model.viewing import ViewingModel
from engine.regions import Label
from engine.store import (
    AnnotationStore,
    RegionRow,
    RegionState,
    SaidName,
    SuggestionRow,
    said_name,
    what_drew,
)

UNDECIDED = (RegionState.DRAWN, RegionState.SUGGESTED)


class SliceRegions(QObject):
    """Reads the store; `RegionsModel` adds the gestures.

    changed : the list or a region's content. selected : another region, or none. failed : a message.
    drawn : a new region without a name, to be asked about. elsewhere : an `ImageRow` of a scan that is not open, on
    which something was undone or redone. blind : the person at work may see neither another's regions
    nor what the model says of this scan. only_reading : show no other reading's regions than this task's; None for all
    that may be seen. frozen : why regions cannot be changed now; "" when they can. fixed_reading : the reading of
    another to which a reviewer adds what they draw; None for one's own. edited : the store holds other regions of the
    scan than before. in_hand_changed : another label in hand, or none.
    """

    changed = Signal()
    selected = Signal()
    failed = Signal(str)
    drawn = Signal(int)
    elsewhere = Signal(object)
    edited = Signal()
    in_hand_changed = Signal()

    def __init__(
        self, store: AnnotationStore, viewing: ViewingModel, reader: ReaderModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._viewing = viewing
        self._reader = reader
        self.blind = False
        self.only_reading: int | None = None
        self.frozen = ""
        self.fixed_reading: int | None = None
        self._annotators: dict[int, str] = {}
        self.undo_stack = QUndoStack(self)
        self.rows: list[RegionRow] = []
        self.image_id: int | None = None
        self._answers: dict[int, list[SuggestionRow]] = {}
        self.selected_root: int | None = None
        self.hidden: set[int] = set()
        self._next_label: Label | None = None
        viewing.slice_changed.connect(self._other_slice)
        reader.changed.connect(self._other_reader)

    @property
    def who(self) -> str:
        """The person at work."""
        return self._reader.name

    def _other_reader(self) -> None:
        # Nobody undoes what another person did.
        self.undo_stack.clear()
        self.hidden.clear()
        self._other_slice()

    def show_reading(self, only: int | None, frozen: str = "", fixed: int | None = None) -> None:
        """Show the regions of one reading or of all, and take changes or not; see the class."""
        self.frozen, self.fixed_reading = frozen, fixed
        if only != self.only_reading:
            self.only_reading = only
            self.refresh()

    def author(self, row: RegionRow) -> str:
        """Whose a region is: of the reader in whose reading it lies, else of who drew it."""
        if row.reading_id is not None:
            # A task never gets another annotator, and lists ask for every row.
            if row.reading_id not in self._annotators:
                self._annotators[row.reading_id] = self._store.tasks.get(row.reading_id).annotator
            return self._annotators[row.reading_id]
        return row.who if row.id == row.root_id else self._store.regions.row(row.root_id).who

    @property
    def next_label(self) -> Label | None:
        """The label in hand: what is drawn gets it without asking, until it is let go."""
        return self._next_label

    @next_label.setter
    def next_label(self, label: Label | None) -> None:
        if label != self._next_label:
            self._next_label = label
            self.in_hand_changed.emit()

    def _other_slice(self) -> None:
        self.selected_root = None
        self.refresh()
        self.selected.emit()

    def refresh(self) -> None:
        """Read the slice's regions from the store, the only truth."""
        volume = self._viewing.volume
        self.blind = volume is not None and self._store.readings.is_blind(volume.source, volume.series_uid, self.who)
        self.image_id, self.rows = self._read(self._viewing.active)
        self._answers = {row.root_id: self._read_answers(row.root_id) for row in self.rows if row.state in UNDECIDED}
        if self.selected_root not in [row.root_id for row in self.rows]:
            self.selected_root = None
        self.changed.emit()

    def show_image(self, image_id: int) -> None:
        """Go to the slice that something is undone or redone on: nothing changes where nobody sees it.

        `elsewhere` tells of a scan that is not open.
        """
        image = self._store.images.get(image_id)
        for state in self._viewing.all_states:
            volume = state.volume
            if volume is None or (str(volume.source), volume.series_uid) != (image.source, image.series_uid):
                continue
            if state.plane is image.plane:
                self._viewing.activate(state)
                state.go_to(image.slice)
                return
        self.elsewhere.emit(image)

    def rows_of(self, state: PlaneState) -> list[RegionRow]:
        """The regions of the slice that a view shows."""
        return self.rows if state is self._viewing.active else self._read(state)[1]

    def _read(self, state: PlaneState) -> tuple[int | None, list[RegionRow]]:
        volume = state.volume
        if volume is None:
            return None, []
        image = self._store.images.find(str(volume.source), volume.series_uid, state.plane, state.index)
        if image is None:
            return None, []
        rows = self._store.readings.visible_regions(image.id, self.who)
        return image.id, [row for row in rows if self.only_reading in (None, row.reading_id) or row.reading_id is None]

    def region(self, root_id: int) -> RegionRow | None:
        """A visible region of this slice."""
        return next((row for row in self.rows if row.root_id == root_id), None)

    @property
    def selected_row(self) -> RegionRow | None:
        """The selected region."""
        return None if self.selected_root is None else self.region(self.selected_root)

    def suggestion(self, root_id: int) -> SuggestionRow | None:
        """The newest answer about a region. None for who may not see the model's answers."""
        return None if self.blind else self._store.suggestions.of_region(root_id)

    def _read_answers(self, root_id: int) -> list[SuggestionRow]:
        return [] if self.blind else self._store.suggestions.about_region(root_id)

    def said(self, row: RegionRow) -> SaidName | None:
        """What the model says that an undecided region is; None for a decided one, and see `said_name`.

        Asks no database about what lies on this slice.
        """
        if row.state not in UNDECIDED:
            return None
        known = self._answers.get(row.root_id)
        return said_name(row, self._read_answers(row.root_id) if known is None else known)

    def spread(self, row: RegionRow) -> tuple[float, float, float, float] | None:
        """How sure the model was of the sides of a box it wrote and nobody has touched, in pixels; None otherwise."""
        untouched = row.state is RegionState.SUGGESTED and row.id == row.root_id
        drew = what_drew(row, self._answers.get(row.root_id, [])) if untouched else None
        return None if drew is None else drew.spread

    def select(self, root_id: int | None) -> None:
        """Select one region of this slice, or none."""
        root_id = root_id if root_id is None or self.region(root_id) is not None else None
        if root_id != self.selected_root:
            self.selected_root = root_id
            self.selected.emit()

    def select_next_undecided(self) -> None:
        """Go to the next region that waits for a decision; none when all are decided."""
        self.select(self._next_undecided())

    def _next_undecided(self) -> int | None:
        waiting = [row.root_id for row in self.rows if row.state in UNDECIDED]
        later = [root for root in waiting if self.selected_root is None or root > self.selected_root]
        return next(iter(later or waiting), None)

    def toggle_hidden(self, root_id: int) -> None:
        """Do not draw a region, or draw it again. On screen only."""
        self.hidden ^= {root_id}
        self.changed.emit()

    def show_all(self) -> None:
        """Draw every region again."""
        if self.hidden:
            self.hidden.clear()
            self.changed.emit()
