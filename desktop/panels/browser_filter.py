"""What is searched and filtered for in the study browser, and the eye that hides names."""

from __future__ import annotations

from PySide6.QtCore import QDate, QEvent, QLocale, QPointF, QRectF, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPainterPath, QPalette, QPen, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.filter_fields import ChoiceField, DayField
from engine.store import ScanFilter, ScanStatus

_TYPING_MS = 150
_DAYS = (0, 7, 30, 365)
_CHOSEN_DAYS = -1


class BrowserFilter(QWidget):
    """changed : another filter. hidden_changed : the eye. down : into the list. entered : Enter. left : Escape."""

    changed = Signal(object)
    hidden_changed = Signal(bool)
    down = Signal()
    left = Signal()
    entered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.installEventFilter(self)
        self.eye = QToolButton()
        self.eye.setCheckable(True)
        self.eye.setObjectName("eye")
        self.eye.toggled.connect(self.hidden_changed)
        self.eye.toggled.connect(lambda _: self._show_eye())
        self.modality, self.status, self.date = ChoiceField(), ChoiceField(), ChoiceField()
        today = QDate.currentDate()
        self.date_from, self.date_to = DayField(today.addYears(-1)), DayField(today)
        self._between = QLabel("–")
        top = QHBoxLayout()
        top.addWidget(self.search, 1)
        top.addWidget(self.eye)
        # Two side by side: a third of a narrow panel is too little for "Needs review".
        row = QGridLayout()
        row.setSpacing(5)
        row.addWidget(self.modality, 0, 0)
        row.addWidget(self.status, 0, 1)
        row.addWidget(self.date, 1, 0, 1, 2)
        row.setColumnStretch(0, 2)
        row.setColumnStretch(1, 3)
        self._dates = QWidget()
        dates = QHBoxLayout(self._dates)
        dates.setContentsMargins(0, 0, 0, 0)
        dates.setSpacing(5)
        dates.addWidget(self.date_from, 1)
        dates.addWidget(self._between)
        dates.addWidget(self.date_to, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addLayout(top)
        layout.addLayout(row)
        layout.addWidget(self._dates)
        self._dates.hide()
        # Each letter is a question to the database: asked when the hand rests.
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._typing.timeout.connect(self._tell)
        self.search.textChanged.connect(lambda _: self._typing.start())
        self.retranslate()
        for combo in (self.modality, self.status, self.date):
            combo.currentIndexChanged.connect(self._chosen)
        for edit in (self.date_from, self.date_to):
            edit.dateChanged.connect(self._tell)

    def value(self) -> ScanFilter:
        """What is asked for now."""
        days = self.date.currentData()
        date_from = date_to = ""
        if days == _CHOSEN_DAYS:
            # Whichever comes first: nobody asks for no days.
            date_from, date_to = sorted(edit.date().toString("yyyyMMdd") for edit in (self.date_from, self.date_to))
        elif days:
            date_from = QDate.currentDate().addDays(-days).toString("yyyyMMdd")
        status = self.status.currentData()
        return ScanFilter(
            self.search.text(),
            self.modality.currentData() or "",
            ScanStatus(status) if status else None,
            date_from,
            date_to,
        )

    def clear(self) -> None:
        """List everything."""
        # Not silently: the field's own button to clear it would stay. What is asked now stops its timer.
        self.search.clear()
        for combo in (self.modality, self.status, self.date):
            with QSignalBlocker(combo):
                combo.setCurrentIndex(0)
            combo.show_active()
        self._chosen()

    def set_modalities(self, modalities: list[str]) -> None:
        """Offer those that are on the list."""
        current = self.modality.currentData() or ""
        if current and current not in modalities:
            modalities = sorted([*modalities, current])
        if modalities == [self.modality.itemData(i) for i in range(1, self.modality.count())]:
            return
        with QSignalBlocker(self.modality):
            while self.modality.count() > 1:
                self.modality.removeItem(1)
            for name in modalities:
                self.modality.addItem(name, name)
            self.modality.setCurrentIndex(max(0, self.modality.findData(current)))

    def set_hidden(self, hidden: bool) -> None:
        """Show the eye as it is."""
        with QSignalBlocker(self.eye):
            self.eye.setChecked(hidden)
        self._show_eye()

    def _chosen(self) -> None:
        self._dates.setVisible(self.date.currentData() == _CHOSEN_DAYS)
        self._tell()

    def _tell(self) -> None:
        self._typing.stop()
        self.changed.emit(self.value())

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if watched is self.search and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Down:
                self._tell()
                self.down.emit()
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._tell()
                self.entered.emit()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.left.emit()
                return True
        return False

    def retranslate(self) -> None:
        """All texts in the language of the interface."""
        self.search.setPlaceholderText(self.tr("Search patients, studies, scans"))
        self.search.setToolTip(self.tr("Search as you type (Ctrl+F)"))
        statuses: list[tuple[str, object]] = [
            (self.tr("All"), ""),
            (self.tr("New"), ScanStatus.NEW.value),
            (self.tr("In progress"), ScanStatus.IN_PROGRESS.value),
            (self.tr("Done"), ScanStatus.DONE.value),
            (self.tr("Needs review"), ScanStatus.NEEDS_REVIEW.value),
        ]
        dates = (
            self.tr("All"),
            self.tr("Last 7 days"),
            self.tr("Last 30 days"),
            self.tr("Last year"),
            self.tr("From … to …"),
        )
        _refill(self.status, statuses)
        _refill(self.date, list(zip(dates, (*_DAYS, _CHOSEN_DAYS), strict=True)))
        kept = [(self.modality.itemText(i), self.modality.itemData(i)) for i in range(1, self.modality.count())]
        _refill(self.modality, [(self.tr("All"), ""), *kept])
        self.modality.setToolTip(self.tr("List one kind of scan only"))
        self.status.setToolTip(self.tr("List scans with one status only"))
        self.date.setToolTip(self.tr("List scans of some days only"))
        self.date_from.setToolTip(self.tr("The first day"))
        self.date_to.setToolTip(self.tr("The last day"))
        language = QLocale(self.tr("en", "The calendar's language, as a locale's name"))
        self.modality.set_name(self.tr("Modality"))
        self.status.set_name(self.tr("Status"))
        self.date.set_name(self.tr("Date"))
        self.search.setAccessibleName(self.search.placeholderText())
        for day in (self.date_from, self.date_to):
            day.setAccessibleName(day.toolTip())
            day.set_language(language)
        self._show_eye()

    def _show_eye(self) -> None:
        hidden = self.eye.isChecked()
        # Pressed it stands on the accent colour.
        role = QPalette.ColorRole.HighlightedText if hidden else QPalette.ColorRole.ButtonText
        self.eye.setIcon(_eye(self.palette().color(role), crossed=hidden))
        self.eye.setToolTip(self.tr("Show patient names") if hidden else self.tr("Hide patient names"))
        self.eye.setAccessibleName(self.eye.toolTip())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_eye()


def _refill(combo: QComboBox, items: list[tuple[str, object]]) -> None:
    with QSignalBlocker(combo):
        current = max(0, combo.currentIndex())
        combo.clear()
        for text, value in items:
            combo.addItem(text, value)
        combo.setCurrentIndex(current)
        combo.view().setMinimumWidth(140)


def _eye(color: QColor, *, crossed: bool) -> QIcon:
    picture = QPixmap(36, 36)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 2.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    lids = QPainterPath(QPointF(4, 18))
    lids.quadTo(18, 3, 32, 18)
    lids.quadTo(18, 33, 4, 18)
    painter.drawPath(lids)
    painter.drawEllipse(QRectF(13, 13, 10, 10))
    if crossed:
        painter.drawLine(QPointF(6, 31), QPointF(30, 5))
    painter.end()
    picture.setDevicePixelRatio(2)
    return QIcon(picture)
