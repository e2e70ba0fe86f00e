"""The model manager: which models there are, what is known of each, and which answers what."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.error_texts import shown_error
from desktop.model.jobs import Job
from desktop.model.models import ModelRow, ModelsModel
from desktop.panels.choice_box import ChoiceBox
from desktop.panels.models_detail import ModelDetail, size_text
from engine.protocol import Task

_FOLDER_ROLE = Qt.ItemDataRole.UserRole


class ModelsDialog(QDialog):
    """Each change holds at once. list : the models. verify, default, remove : buttons for the one that is marked.

    tasks : a box for each task; what is ticked this model answers. adapter : the LoRA adapters of the default model.
    problem : what could not be done, and why. progress, cancel : of a verification.
    """

    def __init__(self, models: ModelsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._models = models
        self._rows: list[ModelRow] = []
        self._job: Job | None = None
        self._asked_to_remove = ""
        self.list = QListWidget()
        self.list.currentItemChanged.connect(lambda *_: self._show())
        self.detail = ModelDetail()
        self.verify = self._button(self._verify)
        self.default = self._button(self._use)
        self.remove = self._button(self._remove)
        self.cancel = self._button(self._cancel)
        self._close = self._button(self.accept)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self._said, self._answers, self._adapter_label = QLabel(), QLabel(), QLabel()
        self._said.setObjectName("hint")
        self._said.setWordWrap(True)
        # A model's name comes from a file of anybody.
        self._said.setTextFormat(Qt.TextFormat.PlainText)
        self.problem = QLabel()
        self.problem.setObjectName("problem")
        self.problem.setWordWrap(True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.tasks = {task: QCheckBox() for task in Task}
        self.adapter = ChoiceBox()
        self.adapter.activated.connect(self._adapt)
        self._lay_out()
        models.changed.connect(self._fill)
        models.failed.connect(self._fail)
        models.checked.connect(self._checked)
        self.resize(860, 640)
        self._retranslate()
        self._busy(None)
        self._fill()

    def _button(self, deed: Callable[[], object]) -> QPushButton:
        button = QPushButton()
        button.setAutoDefault(False)
        button.clicked.connect(lambda _=False: deed())
        return button

    def _lay_out(self) -> None:
        left, right = QVBoxLayout(), QVBoxLayout()
        left.addWidget(self.list, 1)
        buttons = QHBoxLayout()
        for button in (self.default, self.verify, self.remove):
            buttons.addWidget(button)
        left.addLayout(buttons)
        right.addWidget(self.detail, 1)
        right.addWidget(self._answers)
        grid = QGridLayout()
        for number, (task, box) in enumerate(self.tasks.items()):
            box.clicked.connect(lambda on, task=task: self._use_for(task, on))
            grid.addWidget(box, number // 3, number % 3)
            grid.setColumnStretch(number % 3, 1)
        right.addLayout(grid)
        adapters = QHBoxLayout()
        adapters.addWidget(self._adapter_label)
        adapters.addWidget(self.adapter, 1)
        right.addLayout(adapters)
        body = QHBoxLayout()
        body.addLayout(left, 2)
        body.addLayout(right, 3)
        below = QHBoxLayout()
        below.addWidget(self._said, 1)
        below.addWidget(self.progress)
        below.addWidget(self.cancel)
        below.addWidget(self._close)
        layout = QVBoxLayout(self)
        layout.addLayout(body, 1)
        layout.addWidget(self.problem)
        layout.addLayout(below)

    @property
    def row(self) -> ModelRow | None:
        """The model that is marked."""
        item = self.list.currentItem()
        # Not its hash: the same weights may be registered in two dialects.
        folder = None if item is None else item.data(_FOLDER_ROLE)
        return next((row for row in self._rows if str(row.manifest.folder) == folder), None)

    def _fill(self) -> None:
        marked = self.row
        self._rows = self._models.rows()
        self.list.blockSignals(True)
        self.list.clear()
        for row in self._rows:
            manifest = row.manifest
            # lupdate sees no text inside an f-string.
            default = self.tr("default")
            note = f"  ✓ {default}" if row.is_default else ""
            lines = [f"{manifest.name}{note}", f"{manifest.id} {manifest.version} · {size_text(manifest.bytes)}"]
            if row.tasks:
                # Where it is not the default, what it is used for must be seen without marking it.
                lines.append("✓ " + ", ".join(self._task_name(task) for task in row.tasks))
            item = QListWidgetItem("\n".join(lines))
            item.setData(_FOLDER_ROLE, str(manifest.folder))
            # A line of Chinese is taller than the view expects from the first font it finds.
            item.setSizeHint(QSize(0, len(lines) * (self.fontMetrics().height() + 12)))
            self.list.addItem(item)
            wanted = row.is_default if marked is None else manifest.folder == marked.manifest.folder
            if wanted:
                self.list.setCurrentItem(item)
        if self.list.currentItem() is None and self._rows:
            self.list.setCurrentRow(0)
        self.list.blockSignals(False)
        self._show()

    def _show(self) -> None:
        row = self.row
        self._asked_to_remove = ""
        self._fail("")
        for widget in (self.verify, self.default, self.remove, self.adapter, *self.tasks.values()):
            widget.setEnabled(row is not None)
        if row is None:
            return
        self.detail.show_model(row.manifest, self._models.card(row.manifest))
        self.default.setEnabled(not row.is_default)
        self.remove.setEnabled(row.removable)
        self.remove.setText(self.tr("Remove"))
        self.verify.setEnabled(self._job is None)
        claimed = {task for other in self._rows for task in other.tasks}
        for task, box in self.tasks.items():
            box.setChecked(task in row.tasks or (row.is_default and task not in claimed))
            knows = row.manifest.knows(task.value)
            box.setText(self._task_name(task) if knows else self.tr("{0} (untrained)").format(self._task_name(task)))
            box.setToolTip("" if knows else self.tr("This model was not trained for it: do not rely on what it says"))
            # The default answers whatever no other does: to take a task from it, tick it at the other.
            box.setEnabled(not (row.is_default and task not in claimed))
        self._show_adapters(row)

    def _show_adapters(self, row: ModelRow) -> None:
        self.adapter.clear()
        self.adapter.addItem(self.tr("none"), None)
        for adapter in self._models.adapters(row.manifest):
            self.adapter.addItem(f"{adapter.name} ({adapter.id})", adapter)
        used = self._models.adapter if row.is_default else None
        places = [n for n in range(self.adapter.count()) if self.adapter.itemData(n) == used]
        self.adapter.setCurrentIndex(places[0] if places else 0)
        self.adapter.setEnabled(row.is_default and self.adapter.count() > 1)

    def _verify(self) -> None:
        row = self.row
        if row is not None and self._job is None:
            self._fail("")
            self._said.setText(self.tr("Checking {0} …").format(row.manifest.name))
            job = self._models.verify(row.manifest)
            # Methods, which are forgotten with the dialog: the job may end after it was closed.
            job.progressed.connect(self._progressed)
            job.finished.connect(self._ended)
            job.cancelled_.connect(self._say_cancelled)
            self._busy(job)

    def _progressed(self, done: int, total: int, _what: str) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def _ended(self) -> None:
        self._busy(None)

    def _say_cancelled(self) -> None:
        self._said.setText(self.tr("Cancelled"))

    def _busy(self, job: Job | None) -> None:
        self._job = job
        self.progress.setRange(0, 0)
        self.progress.setVisible(job is not None)
        self.cancel.setVisible(job is not None)
        self.verify.setEnabled(job is None and self.row is not None)

    def _checked(self, id: str) -> None:
        self._said.setText(self.tr("{0}: all files are as its manifest says, and its self-test passed").format(id))

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _use(self) -> None:
        row = self.row
        if row is not None:
            self._models.use(row.manifest)

    def _use_for(self, task: Task, on: bool) -> None:
        row = self.row
        if row is None:
            return
        if on and not row.is_default:
            self._models.use(row.manifest, task)
        else:
            self._models.release(task)

    def _adapt(self, number: int) -> None:
        self._models.use_adapter(self.adapter.itemData(number))

    def _remove(self) -> None:
        row = self.row
        if row is None:
            return
        if self._asked_to_remove != str(row.manifest.folder):
            # Gigabytes that nobody has twice: it wants to be told twice.
            self._asked_to_remove = str(row.manifest.folder)
            self.remove.setText(self.tr("Really remove?"))
            return
        self._models.remove(row.manifest)

    def _fail(self, message: str) -> None:
        self.problem.setText(shown_error(message))
        self.problem.setVisible(bool(message))
        if message:
            self._said.setText("")

    def done(self, result: int) -> None:
        self._cancel()
        super().done(result)

    def _retranslate(self) -> None:
        self.setWindowTitle(self.tr("Models"))
        self.verify.setText(self.tr("Verify"))
        self.default.setText(self.tr("Make default"))
        self.remove.setText(self.tr("Remove"))
        self.cancel.setText(self.tr("Cancel"))
        self._close.setText(self.tr("Close"))
        self._answers.setText(self.tr("Answers:"))
        self._adapter_label.setText(self.tr("Adapter (LoRA):"))
        self.adapter.setToolTip(self.tr("Switched without loading the model again"))
        for task, box in self.tasks.items():
            box.setText(self._task_name(task))

    def _task_name(self, task: Task) -> str:
        return {
            Task.REGION_TO_TEXT: self.tr("What is in this region?"),
            Task.TEXT_TO_REGION: self.tr("Where is this?"),
            Task.GROUNDED_REPORT: self.tr("Grounded report"),
            Task.REPORT: self.tr("Report"),
            Task.VQA: self.tr("Free question"),
            Task.DIAGNOSIS: self.tr("Diagnosis"),
        }[task]

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()
            # Words stand in the list too.
            self._fill()
