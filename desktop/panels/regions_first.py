"""Whether a question is asked with regions written into it (Regional CoT), and with whose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from desktop.model.slice_question import SliceQuestion
from desktop.panels.choice_box import ChoiceBox
from engine.found import split_names
from engine.protocol import Located
from engine.regional_cot import Arm

_ARMS = (Arm.NONE, Arm.OWN, Arm.GIVEN, Arm.RANDOM)
_SEEDS = 2**31 - 1


class RegionsFirst(QWidget):
    """given : the regions of the slice that are to be asked with, when they are wanted.

    study : shows what only a study needs: random regions, of which nobody should be helped.
    """

    def __init__(self, given: Callable[[], tuple[Located, ...]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._given = given
        self.choice, self.study = ChoiceBox(), QCheckBox()
        self.look_for, self.seed = QLineEdit(), QSpinBox()
        self.seed.setRange(0, _SEEDS)
        self.choice.currentIndexChanged.connect(self._follow)
        self.study.toggled.connect(self._retranslate)
        row = QHBoxLayout()
        row.addWidget(self.choice, 1)
        row.addWidget(self.study)
        more = QHBoxLayout()
        more.addWidget(self.look_for, 3)
        more.addWidget(self.seed, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addLayout(more)
        self._retranslate()

    @property
    def arm(self) -> Arm:
        """Whose regions."""
        return _ARMS[max(0, self.choice.currentIndex())]

    def added_to(self, question: SliceQuestion, arm: Arm) -> SliceQuestion:
        """The question, to be asked with an arm's regions."""
        if arm is Arm.NONE:
            return question
        given = self._given() if arm in (Arm.GIVEN, Arm.RANDOM) else ()
        look_for = tuple(split_names(self.look_for.text())) if arm is not Arm.GIVEN else ()
        return replace(question, arm=arm, look_for=look_for, given=given, seed=self.seed.value())

    def _follow(self) -> None:
        arm = self.arm
        self.look_for.setVisible(arm in (Arm.OWN, Arm.RANDOM))
        self.seed.setVisible(arm is Arm.RANDOM)

    def _retranslate(self) -> None:
        chosen = max(0, self.choice.currentIndex())
        texts = [
            self.tr("Ask without regions"),
            self.tr("Find regions first, then ask"),
            self.tr("Ask with this slice's regions"),
        ]
        if self.study.isChecked():
            texts.append(self.tr("Ask with random regions"))
        self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItems(texts)
        self.choice.setCurrentIndex(chosen if chosen < len(texts) else 0)
        self.choice.blockSignals(False)
        self.choice.setToolTip(self.tr("Two passes (Regional CoT): regions are written into the question"))
        self.study.setText(self.tr("Study"))
        self.study.setToolTip(self.tr("Also offers random regions, the control of a study"))
        self.look_for.setPlaceholderText(self.tr("Look for: abnormal regions"))
        self.look_for.setToolTip(self.tr("What the first pass looks for; abnormal regions when empty"))
        self.seed.setPrefix(self.tr("seed "))
        self.seed.setToolTip(self.tr("The same seed gives the same random regions"))
        self._follow()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
