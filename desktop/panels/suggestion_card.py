"""The card beside a box: ranked names, Enter accepts, typing corrects, Delete rejects."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListWidgetItem, QVBoxLayout, QWidget

from desktop.model.asking import AskingModel
from desktop.model.labels import LabelsModel
from desktop.model.regions import RegionsModel
from desktop.model.slice_regions import UNDECIDED
from desktop.panels.label_rows import LabelRow, LabelRows, label_row, match_row
from desktop.panels.score_words import ScoreWords
from engine.errors import MedRegAError
from engine.labels import NameTakenError, plain_choice, same_name
from engine.labels.prior import patients_behind
from engine.protocol import Task
from engine.regions import Label
from engine.runtime import ModelManifest
from engine.runtime.label_scores import LABELS
from engine.store import RegionRow, SaidName, SuggestionRow

_SHOWN = 5
_SHOWN_TYPING = 7


class SuggestionCard(QFrame):
    """Floats over the view. resized : its content, and so its size, has changed. closed : back to the view."""

    resized = Signal()
    closed = Signal()

    def __init__(self, regions: RegionsModel, asking: AskingModel, labels: LabelsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._regions = regions
        self._asking = asking
        self._labels = labels
        self._root: int | None = None
        self._title = QLabel()
        self._title.setObjectName("cardTitle")
        self._list = LabelRows()
        self._list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemClicked.connect(self._clicked)
        self._list.currentRowChanged.connect(self._row_changed)
        self._edit = QLineEdit()
        self._edit.textEdited.connect(self._fill)
        self._edit.installEventFilter(self)
        self._score = QLabel()
        self._score.setObjectName("cardHint")
        self._score.setTextFormat(Qt.TextFormat.PlainText)
        self._score.setWordWrap(True)
        self._score_words = ScoreWords(self)
        # In words, how the model that answered did on a label when it was tested; None where nothing is told of it.
        self._score_of: Callable[[str], str] | None = None
        # The new name in the other language, if the person knows it.
        self._other_edit = QLineEdit()
        self._other_edit.installEventFilter(self)
        # Which adapter the answer is of: another may be in use by now.
        # Where the answer does not say the name that the region came with.
        self.adapter, self.among, self.note = QLabel(), QLabel(), QLabel()
        for label in (self.adapter, self.among, self.note):
            label.setObjectName("cardHint")
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.hide()
        self._hint = QLabel()
        self._hint.setObjectName("cardHint")
        self._hint.setWordWrap(True)
        font = QFont()
        font.setPixelSize(11)
        self._hint.setFont(font)
        self.adapter.setFont(font)
        self.among.setFont(font)
        self.note.setFont(font)
        self._score.setFont(font)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        for widget in (
            self._title,
            self.adapter,
            self.among,
            self.note,
            self._edit,
            self._list,
            self._other_edit,
            self._score,
            self._hint,
        ):
            layout.addWidget(widget)
        self.setFixedWidth(300)
        self._edit.hide()
        self._other_edit.hide()
        self.hide()
        regions.selected.connect(self._other_region)
        regions.changed.connect(self.refresh)
        asking.started.connect(lambda _: self.refresh())
        asking.idle.connect(self.refresh)
        labels.changed.connect(self.refresh)

    @property
    def typing(self) -> bool:
        """Whether another name is being typed."""
        return self._edit.isVisibleTo(self)

    @property
    def chosen(self) -> Label | None:
        """The name that Enter takes."""
        row = self._list.chosen if self.isVisible() else None
        return None if row is None or row.is_new else row.label

    def _other_region(self) -> None:
        root = self._regions.selected_root
        if root != self._root:
            # An answer about the same region must not take away what is being typed.
            self._root = root
            self._stop_typing()
        self.refresh()

    def refresh(self) -> None:
        """Show what there is to say about the selected region."""
        root = self._regions.selected_root
        row = None if root is None else self._regions.region(root)
        if row is None or (row.state not in UNDECIDED and not self.typing):
            self.hide()
            return
        self._fill(self._edit.text() if self.typing else "")
        self.show()
        self.raise_()

    def begin_typing(self, text: str) -> None:
        """Correct: another name, beginning with what was typed."""
        self._edit.setText(text)
        self._edit.show()
        self.show()
        self._edit.setFocus()
        self._fill(text)

    def choose(self, step: int) -> None:
        """Move the choice up or down."""
        self._list.choose(step)

    @property
    def is_empty(self) -> bool:
        """Whether it lists no name."""
        return self._list.count() == 0

    def take(self, number: int) -> bool:
        """Take the name with this number, from 1; False when no name has it."""
        if self.typing or not 1 <= number <= self._list.count():
            return False
        self._list.setCurrentRow(number - 1)
        self.accept()
        return True

    def accept(self) -> None:
        """Take the chosen name: accepted if the model's, corrected if typed."""
        root, chosen = self._regions.selected_root, self._list.chosen
        # Nothing is chosen while several names fit: no guess is kept as what the person meant.
        if root is None or chosen is None:
            return
        label = self._new_label(chosen.name) if chosen.is_new else chosen.label
        if label is None:
            return
        first = not self.typing and self._list.currentRow() == 0
        self._stop_typing()
        # Another than the first of the ranked names is a correction of the model.
        (self._regions.accept if first else self._regions.correct)(root, label)
        self._labels.used(label)

    def _new_label(self, typed: str) -> Label | None:
        """Keep a name that nobody has; None, and why, when it cannot be kept."""
        other = self._other_edit.text().strip()
        en, zh = (other, typed) if _is_chinese(typed) else (typed, other)
        try:
            return self._labels.add_own(en, zh)
        except NameTakenError as error:
            # Offered, not taken: that it is the same thing is for the person to say.
            self._list.clear()
            self._list.add(label_row(error.label, self._language))
            self._list.setCurrentRow(-1)
            names = f"{error.label.en} {error.label.zh}".strip()
            text = self.tr("“{0}” is a name of {1}. ↓ Enter takes that label · Esc back")
            self._show_hint(text.format(error.name, names))
        except MedRegAError as error:
            self._show_hint(str(error))
        return None

    def _row_changed(self) -> None:
        self._tell_score()
        self._offer_other_name()

    def _tell_score(self) -> None:
        """How the model that answered did on the chosen name when it was tested."""
        row = self._list.chosen
        label = None if row is None else row.label
        words = "" if label is None or self._score_of is None else self._score_of(label.id)
        self._score.setText(words)
        if self._score.isVisibleTo(self) != bool(words):
            self._score.setVisible(bool(words))
            self._fit()

    def _offer_other_name(self) -> None:
        chosen = self._list.chosen
        offered = self.typing and chosen is not None and chosen.is_new
        if offered and chosen is not None:
            chinese = _is_chinese(chosen.name)
            english_wanted, chinese_wanted = (
                self.tr("English name, if known (Tab)"),
                self.tr("Chinese name, if known (Tab)"),
            )
            self._other_edit.setPlaceholderText(english_wanted if chinese else chinese_wanted)
        if self._other_edit.isVisibleTo(self) != offered:
            self._other_edit.setVisible(offered)
            self._fit()

    def _show_hint(self, text: str) -> None:
        self._hint.setText(text)
        self._fit()

    def _fit(self) -> None:
        self._list.fit_height()
        self.adjustSize()
        self.resized.emit()

    def _clicked(self, item: QListWidgetItem) -> None:
        self._list.setCurrentItem(item)
        self.accept()
        self.closed.emit()

    def _stop_typing(self) -> None:
        if self.typing:
            self._edit.clear()
            self._edit.hide()
            self._other_edit.clear()
            self._other_edit.hide()
            self.closed.emit()

    @property
    def _language(self) -> str:
        return self._asking.language.value

    def _fill(self, text: str) -> None:
        self._list.clear()
        self.adapter.hide()
        self.among.hide()
        self.note.hide()
        self._score_of = None
        if self.typing:
            self._list.setCurrentRow(self._fill_matches(text))
        else:
            self._fill_candidates()
            self._list.setCurrentRow(0)
        self._row_changed()
        self._fit()

    def _fill_candidates(self) -> None:
        root = self._regions.selected_root
        row = None if root is None else self._regions.region(root)
        if root is None or row is None:
            return
        said = self._regions.said(row)
        if self._asking.is_asked(root):
            self._title.setText(self.tr("Asking the model …"))
            self._hint.setText(self.tr("Type a name at any time"))
        elif said is not None and (row.label is None or said.answer.task == Task.REGION_TO_TEXT):
            self._fill_names(row, said)
        elif row.label is not None:
            self._fill_own_name(row.label, said)
            self._tell_doubt(root)
        else:
            self._title.setText(self.tr("Blind reading") if self._asking.refusal else self.tr("No suggestion"))
            refused = self._asking.refusal
            self._hint.setText(
                self.tr("Type a name · Delete remove")
                if refused
                else self.tr("Type a name · F5 ask the model · Delete remove")
            )

    def _fill_own_name(self, label: Label, said: SaidName | None) -> None:
        """Of a region that came with its name, as the model found it or from another slice."""
        if said is None:
            self._title.setText(self.tr("Followed from another slice"))
        else:
            self._tell_source(said.answer)
            self._title.setText(self.tr("Found by {0}").format(said.answer.model_id))
            self._score_from(said.answer, Task.TEXT_TO_REGION)
        probability = None if said is None else said.probability
        self._list.add(label_row(label, self._language, probability=probability, key="1"))
        self._hint.setText(self.tr("Enter accept · type to correct · Delete reject"))

    def _tell_doubt(self, root: int) -> None:
        newest = self._regions.suggestion(root)
        if newest is not None and newest.task == Task.REGION_TO_TEXT:
            self._tell(self.tr("Asked what it is, the model is not sure"))

    def _fill_names(self, row: RegionRow, said: SaidName) -> None:
        """What one answer says that the region may be; the name that it has is told apart from that."""
        answer = said.answer
        self._tell_source(answer)
        self._score_from(answer, Task.REGION_TO_TEXT)
        suggests = self.tr("What {0} suggests").format(answer.model_id)
        self._title.setText(self.tr("Not sure. Perhaps:") if answer.abstained else suggests)
        ranked = [(Label(id, en, zh), probability) for en, zh, id, probability in answer.candidates[:_SHOWN]]
        for number, (label, probability) in enumerate(ranked, start=1):
            self._list.add(label_row(label, self._language, probability=probability, key=str(number)))
        if said.contrary and row.label is not None:
            own = label_row(row.label, self._language, key=str(len(ranked) + 1))
            self._tell(self.tr("Its name so far: {0}").format(own.name))
            if not any(same_name(row.label, label) for label, _ in ranked):
                self._list.add(own)
        self._hint.setText(self.tr("Enter accept · ↑↓ or digit choose · type to correct · Delete reject"))

    def _tell(self, text: str) -> None:
        self.note.setText(text)
        self.note.show()

    def _tell_source(self, suggestion: SuggestionRow) -> None:
        """What else than the model the answer hangs on: another adapter or label set may be in use by now.

        Not which adapter, while two are compared: people lean towards the one they like. Nor among how many names it
        chose, which differs where the two were taught different ones.
        """
        trial = self._asking.trial
        compared = () if trial is None else [one.id if one else None for one in (trial.first, trial.second)]
        blind = suggestion.adapter in compared
        if blind:
            self.adapter.setText(self.tr("one of the two that are compared"))
        elif suggestion.adapter:
            self.adapter.setText(self.tr("with the adapter {0}").format(suggestion.adapter))
        self.adapter.setVisible(blind or bool(suggestion.adapter))
        count = len(suggestion.candidates)
        self.among.setText(self.tr("among {0} names").format(count))
        self.among.setVisible(not blind and 0 < count < len(self._asking.labels))

    def _score_from(self, suggestion: SuggestionRow, task: Task) -> None:
        """Tell scores only of the model, to the byte, that gave the answer; none while that is not to be known."""
        manifest = self._asking.manifest_for(task)
        same = manifest.sha256 == suggestion.model_sha256 and not suggestion.adapter and self._asking.trial is None
        tested = same and LABELS in manifest.scores
        self._score_of = partial(self._words_of, manifest, task) if tested else None

    def _words_of(self, manifest: ModelManifest, task: Task, label_id: str) -> str:
        patients = None
        if task is Task.REGION_TO_TEXT:
            patients = patients_behind(self._asking.own_labels(task), label_id, self._labels.modality)
        return self._score_words.of_label(manifest, task, label_id, patients)

    def _fill_matches(self, text: str) -> int:
        """List the names that fit, the typed one last; returns the row that Enter takes, -1 for none."""
        self._title.setText(self.tr("Another name"))
        if not self._labels.ready:
            self._hint.setText(self.tr("The names are still being read …"))
            return -1
        typed = text.strip()
        matches = self._labels.search(typed)
        plain = plain_choice(matches, typed)
        shown = matches[:_SHOWN_TYPING]
        for match in shown:
            self._list.add(match_row(match, self._language))
        if typed and self._labels.ontology.find(typed) is None:
            self._list.add(LabelRow(None, typed, self.tr("new name"), is_new=True))
        if plain is None and not matches and typed:
            plain = 0
        if plain is not None and plain < self._list.count():
            self._hint.setText(self.tr("Enter take · ↑↓ choose · Esc back"))
            return plain
        more = len(matches) - len(shown)
        choose = self.tr("↑↓ choose, or type on · Esc back")
        self._hint.setText(self.tr("{0} more · {1}").format(more, choose) if more and typed else choose)
        return -1

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched not in (self._edit, self._other_edit):
            return False
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept()
        elif key == Qt.Key.Key_Escape:
            self._stop_typing()
            self.refresh()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and watched is self._edit:
            self.choose(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            other = self._other_edit if watched is self._edit and self._other_edit.isVisible() else self._edit
            other.setFocus()
        else:
            return False
        return True

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.refresh()


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)
