"""The main window: puts the panels together and turns keys into intents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QSplitter, QVBoxLayout, QWidget

from desktop.engine_messages import EngineMessages
from desktop.error_texts import shown_error
from desktop.model.browser import BrowserModel
from desktop.model.folding import FoldingModel
from desktop.model.jobs import JobRunner
from desktop.model.models import ModelsModel
from desktop.model.reader import ReaderModel
from desktop.model.relabelling import RelabellingModel
from desktop.model.session import ViewerModels
from desktop.model.training import TrainingModels
from desktop.panels.ask_panel import AskPanel
from desktop.panels.browser_panel import BrowserPanel
from desktop.panels.card_place import CardPlace
from desktop.panels.device_menu import running_menus
from desktop.panels.drop_target import DropTarget
from desktop.panels.help_messages import HelpMessages
from desktop.panels.notice_bar import NoticeBar
from desktop.panels.picture_taker import PictureTaker
from desktop.panels.reader_menu import ReaderMenu
from desktop.panels.region_bar import RegionBar
from desktop.panels.regions_panel import RegionsPanel
from desktop.panels.right_side import RightSide
from desktop.panels.status_line import StatusLine
from desktop.panels.suggestion_card import SuggestionCard
from desktop.panels.viewer_bar import ViewerBar
from desktop.region_actions import RegionActions
from desktop.slide_actions import SlideActions
from desktop.structure_actions import StructureActions
from desktop.task_desk import DeskParts, TaskDesk
from desktop.training_desk import TrainingDesk
from desktop.translation import Translations
from desktop.viewer.slice_view import SliceView
from desktop.viewer.view_grid import ViewGrid
from desktop.viewer_actions import ViewerActions
from desktop.window_dialogs import WindowDialogs
from desktop.window_keys import WindowDeeds, WindowKeys
from desktop.window_menus import MenuDeeds, WindowMenus
from engine.protocol import Language
from engine.runtime import ModelManifest
from engine.store import AnnotationStore, ImageRow, WorklistRow


class MainWindow(QMainWindow):
    """One window on one database with one model."""

    def __init__(self, store: AnnotationStore, manifest: ModelManifest, translations: Translations, who: str) -> None:
        super().__init__()
        self._store = store
        self._translations = translations
        # Two scans are read at once; one that was given up may still be ending.
        self._jobs = JobRunner(4, self)
        self.reader = ReaderModel(store, who, self)
        self.models = ViewerModels.make(store, self._jobs, self.reader, manifest, self)
        self.viewing, self.regions, self.asking = self.models.viewing, self.models.regions, self.models.asking
        self.labels = self.models.labels
        self.model_manager = ModelsModel(self.asking, self._jobs, self)
        self.worklist = BrowserModel(store, self.regions.undo_stack, self.reader, self)
        self.relabelling = RelabellingModel(store, self.viewing, self.regions, self._jobs, self)
        self.training = TrainingModels.make(store, self.models, self.reader, self._jobs, self)
        self.dialogs = WindowDialogs(self.models, self.worklist, self.relabelling, self)
        self.grid = ViewGrid(self.models)
        self.viewer_actions = ViewerActions(self.models, self.grid, self)
        self.region_actions = RegionActions(self.models, self._rename, self.dialogs.change_everywhere, self)
        self.structure_actions = StructureActions(self.models, self.region_actions, self)
        self._pictures = PictureTaker(self.grid, self.viewer_actions, self)
        self.viewer_bar = ViewerBar(self.models, self.viewer_actions)
        self.region_bar = RegionBar(self.models.tools, self.viewing, self.viewer_actions)
        self.notice_bar = NoticeBar()
        training_desk = (store, self._jobs, self.models, self.training, self.dialogs, self.notice_bar)
        self.training_desk = TrainingDesk(*training_desk, self._open_image, self)
        self.card = SuggestionCard(self.regions, self.asking, self.labels, self.grid)
        self._card_place = CardPlace(self.card, self.grid, self.regions)
        self.worklist_panel = BrowserPanel(self.worklist)
        self.reader_menu = ReaderMenu(self.reader, self)
        self.status = StatusLine(manifest, store.notice, self.reader_menu)
        parts = DeskParts(store, self._jobs, self.reader, self.models, self.worklist, self.worklist_panel, self.card)
        self.desk = TaskDesk(parts, self)
        self.regions_panel = RegionsPanel(
            self.regions,
            self.asking,
            self.models.colors,
            self.labels,
            self.models.finding,
            self.models.uncertain,
            self.models.absences,
            self.models.structures.size_text,
            FoldingModel(store),
        )
        self.ask_panel = AskPanel(self.models)
        self.right_side = RightSide(self.regions_panel, self.ask_panel)
        self.setStatusBar(self.status)
        self._takes_keys = False
        self._opened_first = False
        self._why_not_opened = ""
        self.viewing.title_of = self.worklist.title_of
        self.viewing.hides_names = lambda: self.worklist.names_hidden
        self._build_layout()
        self.menus = self._build_menus()
        self.slide_actions = SlideActions(self.models, self.worklist, self.grid, self)
        self.slide_actions.fill_menu(self.menus.view)
        self._keys = self._build_keys()
        self.drop_target = DropTarget(self)
        self._connect()
        self._help = HelpMessages(self.models, self.status, self.notice_bar, self)
        self._engine_messages = EngineMessages(self.asking, self.status, self.notice_bar, self)
        language = store.setting("answer_language", "")
        chinese = language == "zh" or (not language and translations.language == "zh_CN")
        self.set_answer_language(Language.ZH if chinese else Language.EN)
        self.resize(1280, 800)
        self._retranslate()

    @property
    def view(self) -> SliceView:
        """The view that has the keys and the tools."""
        return self.grid.active_view

    def _build_layout(self) -> None:
        splitter = QSplitter(Qt.Orientation.Horizontal)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notice_bar)
        column.addWidget(self.desk.bar)
        beside = QHBoxLayout()
        beside.setSpacing(0)
        beside.addWidget(self.region_bar)
        beside.addWidget(self.grid, 1)
        column.addLayout(beside, 1)
        for widget, stretch in ((self.desk.side, 0), (middle, 1), (self.right_side, 0)):
            splitter.addWidget(widget)
            splitter.setStretchFactor(splitter.count() - 1, stretch)
        splitter.setSizes([300, 730, 250])
        splitter.setChildrenCollapsible(False)
        self.desk.side.setMinimumWidth(240)
        self.right_side.setMinimumWidth(220)
        self.setCentralWidget(splitter)
        self.addToolBar(self.viewer_bar)

    def _build_menus(self) -> WindowMenus:
        deeds = MenuDeeds(
            add_files=self.dialogs.choose_files,
            add_folder=self.dialogs.choose_folder,
            add_demo=self.worklist.add_demo,
            quit=self.close,
            find_scans=self._find_scans,
            show_keys=self._show_keys,
            show_model_card=self.dialogs.show_model_card,
            show_about=self.dialogs.show_about,
            set_language=self.set_interface_language,
            show_label_sets=self.dialogs.show_label_sets,
            manage_models=lambda: self.dialogs.manage_models(self.model_manager),
            ask=self.right_side.ask,
            show_training=self.training_desk.show,
        )
        language = self._translations.language
        menus = WindowMenus(
            self, deeds, self.regions.undo_stack, self.viewer_actions, self.region_actions, self._store, language
        )
        menus.add(self.desk.menu, self.reader_menu)
        menus.add_to_model(*running_menus(self.model_manager, self))
        return menus

    def _build_keys(self) -> WindowKeys:
        deeds = WindowDeeds(
            open_neighbour=lambda step: self.open_item(self.worklist.neighbour(self.viewing.item, step)),
            toggle_language=self._toggle_answer_language,
            find=self.right_side.find_by_name,
            walk_regions=self.right_side.walk_regions,
            show_keys=self._show_keys,
        )
        return WindowKeys(self.models, self.card, self.viewer_actions, self.region_actions, deeds, self)

    def _connect(self) -> None:
        self.worklist_panel.chosen.connect(self.open_item)
        self.worklist_panel.files_wanted.connect(self.dialogs.choose_files)
        self.worklist_panel.folder_wanted.connect(self.dialogs.choose_folder)
        self.worklist_panel.left.connect(self._focus_view)
        self.desk.open_wanted.connect(self.open_item)
        self.desk.failed.connect(self.notice_bar.show_notice)
        self.desk.outdated.connect(self.notice_bar.withdraw)
        self.desk.said.connect(self.say)
        self.desk.left.connect(self._focus_view)
        self.drop_target.dropped.connect(self.worklist.add_paths)
        self.drop_target.refused.connect(self.notice_bar.show_notice)
        self.worklist.changed.connect(self._show_title)
        self.worklist.changed.connect(self.viewing.titles_changed)
        self.worklist.failed.connect(self.notice_bar.show_notice)
        self.worklist.listed.connect(self._open_first)
        self.worklist.added.connect(self._open_added)
        self.viewing.loading.connect(self.status.watch)
        self.status.language_toggled.connect(self._toggle_answer_language)
        self.viewing.failed.connect(self._not_opened)
        self.viewing.opened.connect(self._opened)
        self.regions.failed.connect(self.notice_bar.show_notice)
        self.models.overlays.failed.connect(self.notice_bar.show_notice)
        self.regions.changed.connect(self.worklist_counts_later)
        self.regions.elsewhere.connect(self._show_undone)
        self.regions_panel.done.connect(self._focus_view)
        self.ask_panel.done.connect(self._focus_view)
        self.ask_panel.said.connect(self.say)
        self.ask_panel.language_toggled.connect(self._toggle_answer_language)
        self.regions_panel.list.key_pressed.connect(self._keys.press)
        self.regions_panel.list.go_wanted.connect(self._go_to_region)
        self.regions_panel.label_bar.sets_wanted.connect(self.dialogs.show_label_sets)
        self.relabelling.started.connect(self.status.watch)
        self.relabelling.failed.connect(self.notice_bar.show_notice)
        self.relabelling.changed.connect(lambda n: self.say(self.tr("Regions with another name now: {0}").format(n)))
        self.labels.changed.connect(self._show_labels)
        self.labels.failed.connect(self.notice_bar.show_notice)
        self.card.closed.connect(self._focus_view)
        self.models.drafts.offered.connect(self._offer_draft)
        self.grid.menu_wanted.connect(self.region_actions.open_menu)
        self.grid.key_pressed.connect(self._keys.press)
        self.grid.compare_menu_wanted.connect(self._fill_compare_menu)
        self._pictures.said.connect(self.say)
        self._pictures.failed.connect(self.notice_bar.show_notice)
        self.slide_actions.wanted.connect(self.open_item)
        self.slide_actions.said.connect(self.say)
        self._counts = QTimer(self, singleShot=True, interval=150)
        self._counts.timeout.connect(lambda: self.worklist.refresh_item(self.viewing.item))

    def worklist_counts_later(self) -> None:
        """Bring the worklist's counts up to date once the gestures pause."""
        self._counts.start()

    def start(self, paths: list[Path], *, demo: bool, warm_up: bool = True) -> None:
        """Fill the worklist, open what was open last. warm_up : load the model now, not for the first question."""
        self.labels.load(self._jobs)
        self.worklist.refresh()
        if paths:
            self.worklist.add_paths(paths)
        if demo:
            self.worklist.add_demo()
        last = self.worklist.last_opened()
        if last is not None and not paths:
            self.open_item(last)
        if warm_up:
            self.asking.warm_up()

    def _open_first(self, listed: list[int]) -> None:
        """An empty window shows the first scan there is, while others are still looked for."""
        if self.viewing.volume is None and listed and not self._opened_first:
            self._opened_first = True
            self.open_item(self.worklist.row_of(listed[0]))

    def _open_added(self, added: list[int]) -> None:
        self._open_first(added)
        self._opened_first = False
        item = self.viewing.item
        if item is not None:
            # Its other slices lay in folders that were read later.
            self.open_item(self.worklist.whole_of(item, added))

    def open_item(self, item: WorklistRow | None) -> None:
        """Open a scan of the worklist where it was left."""
        if item is None:
            return
        self.viewing.open_item(self.worklist.opened(item))
        # Not the wanted one yet: what is marked must be what can be drawn on.
        self.worklist_panel.set_current(self.viewing.item)
        self._focus_view()
        self._takes_keys = True

    def _open_image(self, image: ImageRow) -> bool:
        """Show a slice of a scan; False where that is no longer on the list."""
        row = self.worklist.row_named(image.source, image.series_uid)
        if row is not None:
            self.worklist.opened(row)
            self.viewing.open_item(replace(row, plane=image.plane, slice=image.slice))
        return row is not None

    def _show_undone(self, image: ImageRow) -> None:
        """Something was undone on a slice of another scan."""
        if not self._open_image(image):
            text = self.tr("That was on a scan which is no longer on the list. It is done, but cannot be shown.")
            self.notice_bar.show_notice(text)

    def _opened(self) -> None:
        self.statusBar().clearMessage()
        if self._takes_keys:
            # The view that had them may have been put away for another plane's.
            self._takes_keys = False
            self._focus_view()
        if self.notice_bar.text == self._why_not_opened:
            self.notice_bar.hide()
        self.worklist_panel.set_current(self.viewing.item)
        self._show_title()
        self.worklist_counts_later()

    def _show_title(self) -> None:
        scan = self.worklist.title_of(self.viewing.item)
        program = self.tr("MedRegA Desktop")
        self.setWindowTitle(f"{scan} – {program}" if scan else program)

    def say(self, message: str) -> None:
        """One line for the person, in the status bar."""
        self.status.say(message)

    def _not_opened(self, message: str) -> None:
        # What is marked on the list must be what is on screen.
        self.worklist_panel.set_current(self.viewing.item)
        # A path may be a patient's name.
        why = self.tr("Show names to see why.") if self.worklist.names_hidden else shown_error(message)
        self._why_not_opened = self.tr("Not opened. {0}").format(why)
        self.notice_bar.show_notice(self._why_not_opened)

    def _rename(self) -> None:
        self.card.begin_typing("")

    def _show_labels(self) -> None:
        # Names and colours are drawn on the slices, and listed.
        self.models.tools.look_changed.emit()
        self.regions_panel.list.refresh()

    def _go_to_region(self, root_id: int) -> None:
        rect = self.view.region_rect(root_id)
        if rect is not None:
            self.view.centerOn(self.view.mapToScene(rect.center().toPoint()))
            self._card_place.place()

    def _offer_draft(self) -> None:
        drafts = self.models.drafts
        text = self.tr("A shape on this slice was not finished.")
        go_on, forget = (self.tr("Go on"), drafts.take), (self.tr("Forget it"), drafts.discard)
        self.notice_bar.show_notice(text, (go_on, forget))

    def _find_scans(self) -> None:
        self.desk.side.show_panel(0)
        self.worklist_panel.focus_search()

    def _focus_view(self) -> None:
        self.view.setFocus()

    def _fill_compare_menu(self, menu: QMenu) -> None:
        menu.clear()
        for row in self.worklist.rows_beside(self.viewing.item):
            action = menu.addAction(self.worklist.title_of(row))
            action.triggered.connect(lambda _=False, row=row: self.viewing.open_prior(row))
        menu.addSeparator()
        menu.addAction(self.tr("Nothing")).triggered.connect(lambda _=False: self.viewing.close_prior())

    def set_answer_language(self, language: Language) -> None:
        """The language of questions to the model and of names on screen."""
        self.asking.language = language
        self.status.set_language(language)
        self.regions_panel.language_changed()
        self.ask_panel.language_changed()
        self.models.tools.look_changed.emit()
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

    def _show_keys(self) -> None:
        of_views = (*self.viewer_actions.key_groups(), *self.slide_actions.key_groups())
        of_regions = (*self.region_actions.key_groups(), *self.structure_actions.key_groups())
        self.dialogs.show_keys((*self.desk.actions.key_groups(), *of_regions, *of_views))

    def _retranslate(self) -> None:
        self._show_title()
        self.slide_actions.retranslate()
        self.structure_actions.retranslate()
        self.worklist.set_chinese(self._translations.language == "zh_CN")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()

    def closeEvent(self, event: QCloseEvent) -> None:
        # A late count would read a closed store.
        self._counts.stop()
        self.desk.close()
        self.models.cine.stop()
        self.models.drawing.close()
        self.viewing.keep_view()
        self.training_desk.close()
        self.asking.close()
        self.worklist.close()
        self._jobs.stop()
        super().closeEvent(event)
