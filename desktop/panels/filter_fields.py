"""The fields that the study browser is filtered by: a choice that fits a narrow panel, and a day."""

from __future__ import annotations

from PySide6.QtCore import QDate, QEvent, QLocale, QPointF, Qt
from PySide6.QtGui import QIcon, QPainter, QPaintEvent, QPalette, QTextCharFormat
from PySide6.QtWidgets import (
    QCalendarWidget,
    QComboBox,
    QDateEdit,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QWidget,
)

from desktop.panels.chevron import chevron_picture, draw_chevron

_TEXT_MARGIN = 8
"""As the style sheet gives to lines of text."""


class ChoiceField(QComboBox):
    """A choice that has its name on it until something is chosen, and is marked then.

    What has no room is shortened with dots. The first choice stands for everything.
    """

    def __init__(self) -> None:
        super().__init__()
        self._name = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setObjectName("choice")
        # Qt's own for lists of choices draws the chosen one's text in the colour of the others.
        self.setItemDelegate(QStyledItemDelegate(self))
        self.currentIndexChanged.connect(lambda _: self.show_active())

    def set_name(self, name: str) -> None:
        """What is chosen here, in the language of the interface."""
        self._name = name
        self.setAccessibleName(name)
        self.update()

    def show_active(self) -> None:
        """Mark it while anything but the first choice, everything, is chosen."""
        if self.property("active") != (self.currentIndex() > 0):
            self.setProperty("active", self.currentIndex() > 0)
            self.style().unpolish(self)
            self.style().polish(self)

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        # Qt leaves a margin of its own inside; what is cut by one pixel is cut.
        shown = option.currentText if self.currentIndex() > 0 else self._name
        option.currentText = self.fontMetrics().elidedText(shown, Qt.TextElideMode.ElideRight, room.width() - 2)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        _draw_arrow(self, painter, 11)


class DayField(QDateEdit):
    """A day, typed or chosen from a calendar."""

    def __init__(self, day: QDate) -> None:
        super().__init__(day)
        self.setDisplayFormat("yyyy-MM-dd")
        self.setCalendarPopup(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        calendar = self.calendarWidget()
        calendar.setVerticalHeaderFormat(QCalendarWidget.VerticalHeaderFormat.NoVerticalHeader)
        # Without this a style sheet's border is not drawn; the margin keeps the days off it.
        calendar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        calendar.setContentsMargins(1, 1, 1, 1)
        self._dress()

    def set_language(self, locale: QLocale) -> None:
        """Names of months and days, and which day a week begins with."""
        self.setLocale(locale)
        calendar = self.calendarWidget()
        calendar.setLocale(locale)
        calendar.setFirstDayOfWeek(locale.firstDayOfWeek())
        self._dress()

    def _dress(self) -> None:
        """In the theme's colours: Qt's own are black arrows and red days in every theme."""
        calendar = self.calendarWidget()
        text = self.palette().color(QPalette.ColorRole.Text)
        days = QTextCharFormat()
        days.setForeground(text)
        for day in (Qt.DayOfWeek.Saturday, Qt.DayOfWeek.Sunday):
            calendar.setWeekdayTextFormat(day, days)
        for name, turns in (("qt_calendar_prevmonth", 1), ("qt_calendar_nextmonth", 3)):
            button = calendar.findChild(QToolButton, name)
            if button is not None:
                button.setIcon(QIcon(chevron_picture(text, quarter_turns=turns)))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        _draw_arrow(self, painter, 9)
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()


class NumberField(QSpinBox):
    """A whole number to type."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("field")
        # A style sheet's padding does not reach the text in here.
        self.lineEdit().setTextMargins(_TEXT_MARGIN, 0, _TEXT_MARGIN, 0)


def _draw_arrow(field: QWidget, painter: QPainter, from_right: int) -> None:
    color = field.palette().color(QPalette.ColorRole.Text)
    draw_chevron(painter, QPointF(field.width() - from_right, field.height() / 2), color)
