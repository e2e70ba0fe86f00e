"""Below the box for names: the model's help on many slices, and going through what it found."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.model.asking import AskingModel
from desktop.model.finding import FindAllModel
from desktop.model.regions import RegionsModel
from desktop.model.uncertain import UncertainModel
from engine.found import split_names
from engine.protocol import Task
from engine.store import may_accept

_USUAL_PERCENT = 90
_COUNT_AFTER_MS = 250
_MINUTES_FROM_S = 90


class FindAllBox(QWidget):
    """done : the view should have the keyboard again. names_chosen : another text for the box of names."""

    done = Signal()
    names_chosen = Signal(str)

    def __init__(
        self,
        regions: RegionsModel,
        asking: AskingModel,
        finding: FindAllModel,
        uncertain: UncertainModel,
        names: Callable[[], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._regions = regions
        self._asking = asking
        self._finding = finding
        self._uncertain = uncertain
        self._names = names
        self.all_slices = QPushButton()
        self.all_slices.clicked.connect(self._find_or_stop)
        self.choose = QToolButton()
        self.choose.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.choose.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self._menu = QMenu(self.choose)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.choose.setMenu(self._menu)
        self._running = QLabel()
        self._running.setObjectName("hint")
        self._running.setWordWrap(True)
        self._running.hide()
        self._accept_title = QLabel()
        self._accept_title.setObjectName("panelTitle")
        self.threshold = QSpinBox()
        self.threshold.setRange(0, 100)
        self.threshold.setSuffix(" %")
        self.threshold.setValue(_USUAL_PERCENT)
        self.threshold.valueChanged.connect(self._count)
        self.accept_here = QPushButton()
        self.accept_here.clicked.connect(self._accept_here)
        self.accept_everywhere = QPushButton()
        self.accept_everywhere.clicked.connect(self._accept_everywhere)
        self.next_uncertain = QPushButton()
        self.next_uncertain.clicked.connect(self._go_to_next)
        self._build()
        self._later = QTimer(self, singleShot=True, interval=_COUNT_AFTER_MS)
        self._later.timeout.connect(self._count)
        for signal in (regions.changed, regions.edited, finding.changed):
            signal.connect(self._later.start)
        finding.changed.connect(self._show_progress)
        self._retranslate()

    def _build(self) -> None:
        for button in (self.all_slices, self.choose, self.accept_here, self.accept_everywhere, self.next_uncertain):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # Two to a row, so that the panel stays narrow.
        grid = QGridLayout()
        grid.addWidget(self.all_slices, 0, 0)
        grid.addWidget(self.choose, 0, 1)
        accept = QHBoxLayout()
        accept.addWidget(self._accept_title, 1)
        accept.addWidget(self.threshold)
        buttons = QGridLayout()
        buttons.addWidget(self.accept_here, 0, 0)
        buttons.addWidget(self.accept_everywhere, 0, 1)
        buttons.addWidget(self.next_uncertain, 1, 0, 1, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(grid)
        column.addWidget(self._running)
        column.addSpacing(6)
        column.addLayout(accept)
        column.addLayout(buttons)

    def _find_or_stop(self) -> None:
        if self._finding.running:
            self._finding.cancel()
        elif self._finding.start(split_names(self._names())):
            self.done.emit()

    def _fill_menu(self) -> None:
        self._menu.clear()
        typed = split_names(self._names())
        labels = self._asking.labels_for(Task.TEXT_TO_REGION)
        chosen = {label.id for name in typed if (label := labels.find(name)) is not None}
        for label in labels:
            action = self._menu.addAction(label.name(self._asking.language.value))
            action.setCheckable(True)
            action.setChecked(label.id in chosen)
            action.triggered.connect(lambda on, id=label.id: self._toggle(id, on))

    def _toggle(self, id: str, on: bool) -> None:
        """A name is taken up, or let go again; the others stay as they were typed."""
        labels = self._asking.labels_for(Task.TEXT_TO_REGION)
        kept = [name for name in split_names(self._names()) if (found := labels.find(name)) is None or found.id != id]
        label = labels.find(id)
        if on and label is not None:
            kept.append(label.name(self._asking.language.value))
        self.names_chosen.emit(", ".join(kept))

    def _accept_here(self) -> None:
        self._regions.accept_above(self.threshold.value() / 100)
        self.done.emit()

    def _accept_everywhere(self) -> None:
        self._uncertain.accept_above(self.threshold.value() / 100)
        self.done.emit()

    def _go_to_next(self) -> None:
        self._uncertain.go_to_next()
        self.done.emit()

    def _show_progress(self) -> None:
        running = self._finding.running
        self._running.setVisible(running)
        self.all_slices.setText(self.tr("Stop") if running else self.tr("All slices"))
        if running:
            done, total, found = self._finding.progress
            said = self.tr("{0} of {1} slices, {2} found").format(done, total, found)
            self._running.setText(f"{said} · {left}" if (left := self._time_left()) else said)

    def _time_left(self) -> str:
        seconds = self._finding.seconds_left
        if seconds is None:
            return ""
        if seconds < _MINUTES_FROM_S:
            return self.tr("about {0} s left").format(max(1, round(seconds)))
        return self.tr("about {0} min left").format(round(seconds / 60))

    def _count(self) -> None:
        """How many each button would accept."""
        threshold = self.threshold.value() / 100
        waiting = self._uncertain.waiting()
        here = sum(may_accept(row, self._regions.said(row), threshold) for row in self._regions.rows)
        everywhere = sum(one.may_accept(threshold) for one in waiting)
        for button, text, count in (
            (self.accept_here, self.tr("This slice ({0})"), here),
            (self.accept_everywhere, self.tr("All slices ({0})"), everywhere),
        ):
            button.setText(text.format(count))
            button.setEnabled(count > 0)
        self.next_uncertain.setText(self.tr("Next uncertain ({0})").format(len(waiting)))
        self.next_uncertain.setEnabled(bool(waiting))

    def _retranslate(self) -> None:
        self.choose.setText(self.tr("Names …"))
        self.choose.setToolTip(self.tr("Choose what to look for"))
        self.all_slices.setToolTip(
            self.tr("Look for these names on every slice, in the background; your own questions come first")
        )
        self._accept_title.setText(self.tr("Accept from"))
        self.threshold.setToolTip(self.tr("Accept what the model is at least this sure of"))
        self.next_uncertain.setToolTip(
            self.tr("Turn to what the model is least sure of in the whole scan (. or Ctrl+Tab)")
        )
        self._show_progress()
        self._count()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
