"""What the model's help and the work on slices and masks have to say, said where people look for it."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop.model.finding import FoundAll
from desktop.model.session import ViewerModels
from desktop.model.slice_asking import SliceRun
from desktop.panels.notice_bar import NoticeBar
from desktop.panels.status_line import StatusLine


class HelpMessages(QObject):
    """Progress and results go to the status line, what went wrong to the notice bar."""

    def __init__(self, models: ViewerModels, status: StatusLine, notices: NoticeBar, parent: QObject) -> None:
        super().__init__(parent)
        self._status = status
        self._viewing = models.viewing
        finding, structures, questions = models.finding, models.structures, models.questions
        for started in (finding.started, structures.started, questions.started):
            started.connect(status.watch)
        for said in (structures.said, models.mask_work.said):
            said.connect(status.say)
        for failed in (finding.failed, structures.failed, questions.failed):
            failed.connect(notices.show_notice)
        finding.done.connect(self._found_all)
        questions.answered.connect(self._answered)
        models.asking.already.connect(
            lambda: status.say(self.tr("What was found is here already, or was deleted before"))
        )
        models.uncertain.none_left.connect(lambda: status.say(self.tr("Nothing waits for a decision")))

    def _answered(self, run: SliceRun) -> None:
        if (run.plane, run.index) != (self._viewing.plane, self._viewing.index):
            self._status.say(self.tr("The answer about slice {0} is there").format(run.index + 1))

    def _found_all(self, found: FoundAll) -> None:
        text = self.tr("{0} regions found on {1} slices").format(found.regions, found.looked_at)
        left = self.tr("stopped, {0} slices were not looked at").format(found.left) if found.left else ""
        self._status.say("; ".join(part for part in (text, left) if part))
