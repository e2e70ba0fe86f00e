"""The main window: puts the panels together and turns keys into intents."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
)
from PySide6.QtWidgets import (
    QFileDialog,
    QLabel,
    QMainWindow,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSplitter,
    QToolButton,
)

from desktop.model.asking import AskingModel
from desktop.model.browser import BrowserModel
from desktop.model.jobs import Job, JobRunner
from desktop.model.regions import RegionsModel
from desktop.model.viewing import ViewingModel
from desktop.panels.browser_panel import BrowserPanel
from desktop.panels.regions_panel import RegionsPanel
from desktop.panels.suggestion_card import SuggestionCard
from desktop.translation import LANGUAGES, Translations
from desktop.viewer.slice_view import SliceView
from engine.protocol import Language
from engine.runtime import ModelManifest
from engine.store import AnnotationStore, WorklistRow

_MESSAGE_MS = 12_000
_CARD_GAP = 10


class MainWindow(QMainWindow):
    """One window on one database with one model."""

    def __init__(self, store: AnnotationStore, manifest: ModelManifest, translations: Translations, who: str) -> None:
        super().__init__()
        self._store = store
        self._translations = translations
        self._jobs = JobRunner(2, self)
        self.viewing = ViewingModel(store, self._jobs, self)
        self.regions = RegionsModel(store, self.viewing, who, self)
        self.asking = AskingModel(manifest, self.viewing, self.regions, self)
        self.worklist = BrowserModel(store, self.regions.undo_stack, who, self)
        self.view = SliceView(self.viewing, self.regions, self.asking)
        self.card = SuggestionCard(self.regions, self.asking, self.view.viewport())
        self.worklist_panel = BrowserPanel(self.worklist)
        self.regions_panel = RegionsPanel(self.regions, self.asking)
        self._job: Job | None = None
        self._build_layout()
        self._build_status()
        self._build_menus()
        self._connect()
        language = store.setting("answer_language", "")
        chinese = language == "zh" or (not language and translations.language == "zh_CN")
        self.set_answer_language(Language.ZH if chinese else Language.EN)
        self.setAcceptDrops(True)
        self.resize(1280, 800)
        self._retranslate()

    def _build_layout(self) -> None:
        splitter = QSplitter(Qt.Orientation.Horizontal)
        for widget, stretch in ((self.worklist_panel, 0), (self.view, 1), (self.regions_panel, 0)):
            splitter.addWidget(widget)
            splitter.setStretchFactor(splitter.count() - 1, stretch)
        splitter.setSizes([300, 730, 250])
        splitter.setChildrenCollapsible(False)
        self.worklist_panel.setMinimumWidth(240)
        self.regions_panel.setMinimumWidth(220)
        self.setCentralWidget(splitter)

    def _build_status(self) -> None:
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        self._model_label = QLabel()
        self._model_label.setObjectName("modelLabel")
        self._progress = QProgressBar()
        self._progress.setFixedWidth(160)
        self._progress.setTextVisible(False)
        self._cancel = QPushButton()
        self._cancel.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._cancel.clicked.connect(self._cancel_job)
        self._language = QToolButton()
        self._language.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._language.clicked.connect(self._toggle_answer_language)
        self._disclaimer = QLabel()
        self._disclaimer.setObjectName("disclaimer")
        self._read_only = QLabel()
        self._read_only.setObjectName("readOnly")
        self._read_only.setToolTip(self._store.notice)
        self._read_only.setVisible(bool(self._store.notice))
        permanent = (self._progress, self._cancel, self._read_only, self._model_label, self._language)
        for widget in (*permanent, self._disclaimer):
            bar.addPermanentWidget(widget)
        self._progress.hide()
        self._cancel.hide()

    def _build_menus(self) -> None:
        self._file = self.menuBar().addMenu("")
        self._open_files = self._action(self._file, QKeySequence.StandardKey.Open, self._choose_files)
        self._open_folder = self._action(self._file, "Ctrl+Shift+O", self._choose_folder)
        self._open_demo = self._action(self._file, "", lambda: self.worklist.add_demo())
        self._file.addSeparator()
        self._quit = self._action(self._file, QKeySequence.StandardKey.Quit, self.close)
        self._edit = self.menuBar().addMenu("")
        self._undo = self._action(self._edit, QKeySequence.StandardKey.Undo, self.regions.undo_stack.undo)
        self._redo = self._action(self._edit, "Ctrl+Shift+Z", self.regions.undo_stack.redo)
        self._find_scans = self._action(self._edit, QKeySequence.StandardKey.Find, self.worklist_panel.focus_search)
        self._settings = self.menuBar().addMenu("")
        self._language_menu = self._settings.addMenu("")
        group = QActionGroup(self)
        for code, name in LANGUAGES.items():
            action = QAction(name, self, checkable=True, checked=code == self._translations.language)
            action.triggered.connect(lambda _=False, code=code: self.set_interface_language(code))
            group.addAction(action)
            self._language_menu.addAction(action)
        self._help = self.menuBar().addMenu("")
        self._keys = self._action(self._help, "F1", self._show_keys)
        self._card_action = self._action(self._help, "", self._show_model_card)
        self._about = self._action(self._help, "", self._show_about)

    def _action(self, menu, shortcut, slot) -> QAction:  # type: ignore[no-untyped-def]
        action = QAction(self)
        if shortcut:
            action.setShortcut(QKeySequence(shortcut))
        action.triggered.connect(lambda _=False: slot())
        menu.addAction(action)
        return action

    def _connect(self) -> None:
        self.worklist_panel.chosen.connect(self.open_item)
        self.worklist_panel.files_wanted.connect(self._choose_files)
        self.worklist_panel.folder_wanted.connect(self._choose_folder)
        self.worklist_panel.left.connect(lambda: self.view.setFocus())
        self.worklist.changed.connect(self._show_title)
        self.worklist.failed.connect(self.say)
        self.worklist.added.connect(self._open_added)
        self.viewing.loading.connect(self._watch)
        self.viewing.failed.connect(self.say)
        self.viewing.opened.connect(self._opened)
        self.regions.failed.connect(self.say)
        self.regions.changed.connect(self.worklist_counts_later)
        self.asking.started.connect(lambda _: self.say(self.tr("Asking the model …")))
        self.asking.answered.connect(lambda _: self._answered())
        self.asking.not_found.connect(lambda names: self.say(self.tr("Not found on this slice: {0}").format(names)))
        self.asking.failed.connect(self.say)
        self.asking.event.connect(self._engine_event)
        self.regions_panel.done.connect(self.view.setFocus)
        self.card.closed.connect(self.view.setFocus)
        self.card.resized.connect(self._place_card)
        self.view.moved.connect(self._place_card)
        self.view.key_pressed.connect(self._key)
        self.regions.selected.connect(self._place_card)
        self._counts = QTimer(self, singleShot=True, interval=150)
        self._counts.timeout.connect(lambda: self.worklist.refresh_item(self.viewing.item))

    def worklist_counts_later(self) -> None:
        """Bring the worklist's counts up to date once the gestures pause."""
        self._counts.start()

    def start(self, paths: list[Path], *, demo: bool) -> None:
        """Fill the worklist, open what was open last, load the model."""
        self.worklist.refresh()
        if paths:
            self.worklist.add_paths(paths)
        if demo:
            self.worklist.add_demo()
        last = self.worklist.last_opened()
        if last is not None and not paths:
            self.open_item(last)
        self.asking.warm_up()

    def _open_added(self, added: list[int]) -> None:
        if self.viewing.volume is None and added:
            self.open_item(self.worklist.row_of(added[0]))

    def open_item(self, item: WorklistRow | None) -> None:
        """Open a scan of the worklist where it was left."""
        if item is None:
            return
        self.viewing.open_item(self.worklist.opened(item))
        self.worklist_panel.set_current(item)
        self.view.setFocus()

    def _opened(self) -> None:
        self.regions.undo_stack.clear()
        self.statusBar().clearMessage()
        self.worklist_panel.set_current(self.viewing.item)
        self._show_title()
        self.worklist_counts_later()

    def _show_title(self) -> None:
        scan = self.worklist.title_of(self.viewing.item)
        program = self.tr("MedRegA Desktop")
        self.setWindowTitle(f"{scan} – {program}" if scan else program)

    def say(self, message: str) -> None:
        """One line for the person, in the status bar."""
        self.statusBar().showMessage(message, _MESSAGE_MS)

    def _answered(self) -> None:
        self.statusBar().clearMessage()
        self._place_card()

    def _engine_event(self, kind: str, message: str) -> None:
        texts = {
            "starting": self.tr("Loading the model …"),
            "ready": self.tr("The model is ready"),
            "restarted": self.tr("The model process stopped and was restarted; the question is asked again"),
            "failed": self.tr("The model process failed: {0}").format(message),
        }
        self.say(texts.get(kind, message))

    def _watch(self, job: Job) -> None:
        self._job = job
        self._progress.setRange(0, 0)
        self._progress.show()
        self._cancel.show()
        job.progressed.connect(self._progressed)
        job.finished.connect(lambda: self._unwatch(job))

    def _progressed(self, done: int, total: int, what: str) -> None:
        self._progress.setRange(0, total)
        self._progress.setValue(done)

    def _unwatch(self, job: Job) -> None:
        if job is self._job:
            self._job = None
            self._progress.hide()
            self._cancel.hide()

    def _cancel_job(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self.say(self.tr("Cancelled"))

    def _place_card(self) -> None:
        """Beside the selected box: right of it if there is room, else left, always inside the view."""
        root = self.regions.selected_root
        rect = None if root is None else self.view.region_rect(root)
        if rect is None or self.card.isHidden():
            return
        area = self.view.viewport().rect()
        size = self.card.sizeHint()
        x = rect.right() + _CARD_GAP
        if x + self.card.width() > area.right() - 4:
            x = rect.left() - _CARD_GAP - self.card.width()
        x = max(4.0, min(x, area.right() - self.card.width() - 4))
        y = max(4.0, min(rect.top(), area.bottom() - size.height() - 4))
        self.card.move(QPoint(round(x), round(y)))

    def _key(self, event: QKeyEvent) -> None:
        key, root = event.key(), self.regions.selected_root
        text = event.text()
        plain = not event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
        if self.card.isVisible() and root is not None:
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.card.accept()
            elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self.card.choose(1 if key == Qt.Key.Key_Down else -1)
            elif key == Qt.Key.Key_A and self.regions.suggestion(root) is None:
                self.asking.ask_region(root)
            elif plain and text.isprintable() and text.strip() and text != "?":
                self.card.begin_typing(text)
            else:
                self._view_key(key, text)
        else:
            self._view_key(key, text)

    def _view_key(self, key: int, text: str) -> None:
        root = self.regions.selected_root
        if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and root is not None:
            self.asking.cancel()
            self.regions.reject(root)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2) and root is not None:
            self.card.begin_typing("")
        elif key == Qt.Key.Key_Escape:
            self.asking.cancel()
            self.regions.select(None)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_PageUp):
            self.viewing.step(-1)
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_PageDown):
            self.viewing.step(1)
        elif key == Qt.Key.Key_Tab:
            self.regions.select_next_undecided()
        elif key in (Qt.Key.Key_N, Qt.Key.Key_P):
            step = 1 if key == Qt.Key.Key_N else -1
            self.open_item(self.worklist.neighbour(self.viewing.item, step))
        elif key == Qt.Key.Key_H:
            self.view.set_hidden(not self.view.regions_hidden)
        elif key == Qt.Key.Key_L:
            self._toggle_answer_language()
        elif key == Qt.Key.Key_F:
            self.regions_panel.focus_find()
        elif key == Qt.Key.Key_0:
            self.view.fit()
        elif key == Qt.Key.Key_W:
            self.viewing.reset_window()
        elif text == "?":
            self._show_keys()

    def set_answer_language(self, language: Language) -> None:
        """The language of questions to the model and of names on screen."""
        self.asking.language = language
        self._language.setText("中文" if language is Language.ZH else "EN")
        self.regions_panel.language_changed()
        self.view.show_regions()
        self.card.refresh()

    def _toggle_answer_language(self) -> None:
        other = Language.EN if self.asking.language is Language.ZH else Language.ZH
        self._store.set_setting("answer_language", other.value)
        self.set_answer_language(other)

    def set_interface_language(self, language: str) -> None:
        """Switch the interface at once, and names with it."""
        self._store.set_setting("interface_language", language)
        self._translations.set_language(language)
        self._store.set_setting("answer_language", "zh" if language == "zh_CN" else "en")
        self.set_answer_language(Language.ZH if language == "zh_CN" else Language.EN)

    def _choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Add scans"))
        if names:
            self.worklist.add_paths([Path(name) for name in names])

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Add a folder of scans"))
        if name:
            self.worklist.add_paths([Path(name)])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            self.worklist.add_paths(paths)

    def _show_keys(self) -> None:
        rows = [
            (self.tr("Drag"), self.tr("draw a box; the model is asked on release")),
            (self.tr("Enter"), self.tr("accept the suggestion")),
            (self.tr("Letters"), self.tr("type another name")),
            (self.tr("Delete"), self.tr("reject the region")),
            (self.tr("Tab"), self.tr("next region that waits for a decision")),
            (self.tr("Esc"), self.tr("give up the box; select nothing")),
            (self.tr("Wheel, ↑ ↓"), self.tr("slices")),
            (self.tr("Right-drag, W"), self.tr("window; back to the scan's own")),
            (self.tr("Ctrl+wheel, 0"), self.tr("zoom; fit")),
            (self.tr("Middle-drag, Space+drag"), self.tr("pan")),
            (self.tr("N, P"), self.tr("next, previous scan")),
            (self.tr("F"), self.tr("find by name")),
            (self.tr("Ctrl+F"), self.tr("search the list of scans")),
            (self.tr("H"), self.tr("hide regions")),
            (self.tr("L"), self.tr("names in English or Chinese")),
            (self.tr("Ctrl+Z, Ctrl+Shift+Z"), self.tr("undo, redo")),
        ]
        cells = "".join(f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{what}</td></tr>" for key, what in rows)
        self._message(self.tr("Keys"), f"<table cellpadding=3>{cells}</table>")

    def _show_model_card(self) -> None:
        manifest = self.asking.manifest
        card = manifest.folder / "MODEL_CARD.md"
        text = card.read_text(encoding="utf-8") if card.is_file() else self.tr("This model has no card.")
        box = QMessageBox(self)
        box.setWindowTitle(self.tr("Model card"))
        box.setText(f"{manifest.name}\n{manifest.id} {manifest.version} · {manifest.sha256[:12]}")
        box.setInformativeText("\n".join(f"{key}: {value}" for key, value in manifest.scores.items()))
        box.setDetailedText(text)
        box.open()

    def _show_about(self) -> None:
        self._message(
            self.tr("About MedRegA Desktop"),
            self.tr(
                "Label and read medical scans with a model that runs on this computer.<br><br>"
                "<b>Not for diagnostic use.</b> Suggestions are a model's guesses until a person decides.<br><br>"
                "After MedRegA, Wang et al., ICLR 2025. Apache-2.0."
            ),
        )

    def _message(self, title: str, text: str) -> None:
        box = QMessageBox(self)
        box.setWindowTitle(title)
        box.setTextFormat(Qt.TextFormat.RichText)
        box.setText(text)
        box.open()

    def _retranslate(self) -> None:
        self._show_title()
        for action, text in (
            (self._open_files, self.tr("Add files …")),
            (self._open_folder, self.tr("Add a folder …")),
            (self._open_demo, self.tr("Add the demo worklist")),
            (self._quit, self.tr("Quit")),
            (self._undo, self.tr("Undo")),
            (self._redo, self.tr("Redo")),
            (self._find_scans, self.tr("Find scans")),
            (self._keys, self.tr("Keys")),
            (self._card_action, self.tr("Model card")),
            (self._about, self.tr("About MedRegA Desktop")),
        ):
            action.setText(text)
        for menu, text in (
            (self._file, self.tr("&File")),
            (self._edit, self.tr("&Edit")),
            (self._settings, self.tr("&Settings")),
            (self._language_menu, self.tr("Language")),
            (self._help, self.tr("&Help")),
        ):
            menu.setTitle(text)
        self._cancel.setText(self.tr("Cancel"))
        self._read_only.setText(self.tr("Read only: a newer version wrote this database"))
        self._disclaimer.setText(self.tr("Not for diagnostic use"))
        self._language.setToolTip(self.tr("Language of names and of questions to the model (L)"))
        self.worklist.set_chinese(self._translations.language == "zh_CN")
        manifest = self.asking.manifest
        self._model_label.setText(
            self.tr("Model {0} {1} · {2}").format(manifest.id, manifest.version, manifest.sha256[:8])
        )
        self._model_label.setToolTip(manifest.name)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()

    def closeEvent(self, event: QCloseEvent) -> None:
        # A late count would read a closed store.
        self._counts.stop()
        self.viewing.keep_view()
        self.asking.close()
        self.worklist.close()
        self._jobs.stop()
        super().closeEvent(event)
