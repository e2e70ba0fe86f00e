"""How suggestions fare over time, as charts, with alarms in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date

from PySide6.QtCore import QEvent, QSignalBlocker, Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.error_texts import shown_error
from desktop.model.drift import DriftModel
from desktop.panels.choice_box import ChoiceBox
from desktop.panels.line_chart import ChartLine, LineChart
from desktop.panels.training_words import TrainingWords, percent
from engine.feedback.drift import Course, Drift

_WHOLE = (0.0, 1.0)
_COLUMNS = 3
_JUDGED, _KEPT, _NAMES, _BOXES, _SURE, _BINS = range(6)
_CHARTS = 6


class TrainingDrift(QWidget):
    """course : what the charts are of. alarm : labels whose acceptance fell.

    charts : by week how many were judged, acceptance, names, boxes, confidence beside what it was worth; then
    confidence in bins. name_of : a label's name for people, by its key and its English name.
    """

    def __init__(self, model: DriftModel, name_of: Callable[[str, str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._name_of = name_of
        self._words = TrainingWords(self)
        self._drift: Drift | None = None
        self._courses: list[Course] = []
        self.course = ChoiceBox()
        self.course.activated.connect(lambda _: self._draw())
        self.summary, self.alarm, self.empty = QLabel(), QLabel(), QLabel()
        self.alarm.setObjectName("problem")
        self.empty.setObjectName("emptyList")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for label in (self.summary, self.alarm, self.empty):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.again = QPushButton()
        self.again.setAutoDefault(False)
        self.again.clicked.connect(lambda _=False: self.count())
        self.charts = tuple(LineChart() for _ in range(_CHARTS))
        self._titles = tuple(QLabel() for _ in range(_CHARTS))
        grid = QGridLayout()
        for number, (title, chart) in enumerate(zip(self._titles, self.charts, strict=True)):
            title.setObjectName("panelTitle")
            title.setWordWrap(True)
            row, column = 2 * (number // _COLUMNS), number % _COLUMNS
            grid.addWidget(title, row, column, Qt.AlignmentFlag.AlignBottom)
            grid.addWidget(chart, row + 1, column)
            grid.setRowStretch(row + 1, 1)
            grid.setColumnStretch(column, 1)
        for chart in self.charts[:_BINS]:
            chart.x_text = lambda day: date.fromordinal(max(1, round(day))).isoformat()
        for number in (_KEPT, _SURE, _BINS):
            self.charts[number].y_text = lambda share: f"{share:.0%}"
        self.charts[_BINS].x_text = lambda share: f"{share:.0%}"
        self._body = QWidget()
        self._body.setLayout(grid)
        grid.setContentsMargins(0, 0, 0, 0)
        top = QHBoxLayout()
        top.addWidget(self.course, 1)
        top.addWidget(self.summary, 3)
        top.addWidget(self.again)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self.alarm)
        layout.addWidget(self.empty, 1)
        layout.addWidget(self._body, 1)
        model.counted.connect(self._show)
        model.failed.connect(self._fail)
        self._retranslate()

    def count(self) -> None:
        """Measure anew."""
        self._model.count()

    def _fail(self, message: str) -> None:
        self.alarm.setText(shown_error(message))
        self.alarm.show()

    def _show(self, drift: Drift) -> None:
        self._drift = drift
        chosen = self.course.currentData()
        blocker = QSignalBlocker(self.course)
        self.course.clear()
        self._courses = [drift.everything]
        self.course.addItem(self.tr("Everything"), ("", ""))
        for key, course in drift.by_label.items():
            self.course.addItem(self._name_of(key, course.name), ("label", key))
            self._courses.append(course)
        for key, course in drift.by_site.items():
            if len(drift.by_site) > 1:
                self.course.addItem(self.tr("Site: {0}").format(course.name or self.tr("not known")), ("site", key))
                self._courses.append(course)
        places = [n for n in range(self.course.count()) if self.course.itemData(n) == chosen]
        self.course.setCurrentIndex(places[0] if places else 0)
        blocker.unblock()
        judged = drift.everything.whole.judged > 0
        for widget in (self._body, self.course, self.summary):
            widget.setVisible(judged)
        self.empty.setVisible(not judged)
        self.alarm.setVisible(bool(drift.alarms))
        self.alarm.setText("\n".join(self._words.alarm(one, self._name_of) for one in drift.alarms))
        self._draw()

    def _draw(self) -> None:
        if not self._courses:
            return
        course = self._courses[max(0, self.course.currentIndex())]
        whole = course.whole
        text = self.tr("{0} suggestions judged: {1} accepted, {2} changed, {3} rejected")
        self.summary.setText(text.format(whole.judged, whole.accepted, whole.edited, whole.rejected))
        windows = [(float(one.first.toordinal()), one.fare) for one in course.windows]
        accepted = tuple((day, fare.acceptance) for day, fare in windows if fare.acceptance is not None)
        band = tuple((day, *fare.interval) for day, fare in windows if fare.interval is not None)
        names = tuple((day, fare.name_distance) for day, fare in windows if fare.name_distance is not None)
        boxes = tuple((day, fare.iou) for day, fare in windows if fare.iou is not None)
        few = self.tr("Nothing to draw yet.")
        judged = tuple((day, float(fare.judged)) for day, fare in windows)
        # Even, so that half of it, which the axis names too, is a number of suggestions.
        most = 2.0 * math.ceil(max((number for _, number in judged), default=1.0) / 2)
        self.charts[_JUDGED].set_lines([ChartLine("", judged)], empty=few, y_range=(0.0, most))
        self.charts[_KEPT].set_lines([ChartLine("", accepted, band)], empty=few, y_range=_WHOLE)
        self.charts[_NAMES].set_lines([ChartLine("", names)], empty=few, y_range=_WHOLE)
        self.charts[_BOXES].set_lines(
            [ChartLine("", boxes)], empty=self.tr("The model drew none of these boxes."), y_range=_WHOLE
        )
        self._draw_calibration(course)

    def _draw_calibration(self, course: Course) -> None:
        empty = self.tr("The model gave no probabilities.")
        told = [(float(one.first.toordinal()), one.fare.reliability) for one in course.windows]
        sure = tuple((day, found.confidence) for day, found in told if found is not None)
        right = tuple((day, found.accuracy) for day, found in told if found is not None)
        weekly = [ChartLine(self.tr("how sure"), sure), ChartLine(self.tr("right"), right, second=True)]
        self.charts[_SURE].set_lines(weekly, empty=empty, y_range=_WHOLE)
        whole = course.whole.reliability
        lines = []
        if whole is not None:
            points = tuple((one.confidence, one.accuracy) for one in whole.bins)
            said = self.tr("measured, off by {0} on average").format(percent(whole.ece))
            lines = [ChartLine(self.tr("as it should be"), (_WHOLE[:1] * 2, _WHOLE[1:] * 2), quiet=True)]
            lines.append(ChartLine(said, points))
        self.charts[_BINS].set_lines(lines, empty=empty, y_range=_WHOLE, x_range=_WHOLE)

    def _retranslate(self) -> None:
        self.again.setText(self.tr("Measure again"))
        self.course.setAccessibleName(self.tr("Of what the charts are"))
        self.empty.setText(
            self.tr(
                "Nothing to measure yet. Let the model suggest, and accept, correct or reject what it says: each "
                "decision counts here, week by week, and a label that is accepted less often than before raises an "
                "alarm."
            )
        )
        titles = (
            self.tr("Suggestions judged, by week"),
            self.tr("Accepted as suggested, by week"),
            self.tr("How far names were changed, by week"),
            self.tr("Suggested over final boxes, by week (IoU)"),
            self.tr("How sure, and how often right, by week"),
            self.tr("How often right when so sure, in all"),
        )
        tips = (
            "",
            self.tr("With the 95 % confidence interval of each week"),
            self.tr("0: not at all, 1: every letter"),
            self.tr("Intersection over union: 1 where the box was left as it was"),
            self.tr("Both lines should lie together: below “right” the model is too modest, above it too sure"),
            self.tr("Answers by how sure the model was; on the dashed line it is as often right as it says"),
        )
        for title, chart, text, tip in zip(self._titles, self.charts, titles, tips, strict=True):
            title.setText(text)
            title.setToolTip(tip)
            chart.setToolTip(tip)
            chart.setAccessibleName(text)
        if self._drift is not None:
            self._show(self._drift)
        else:
            self.alarm.hide()
            self._body.hide()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
