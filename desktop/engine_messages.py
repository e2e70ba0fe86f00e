"""What the model's process has to say: asking, loading, gone and started again, failed."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop.error_texts import shown_error
from desktop.model.asking import AskingModel
from desktop.panels.notice_bar import NoticeBar
from desktop.panels.status_line import StatusLine
from engine.runtime import EngineEvent, Lack, Offload


class EngineMessages(QObject):
    """Passing news goes to the status line, what a person must know of to the notice bar."""

    def __init__(self, asking: AskingModel, status: StatusLine, notices: NoticeBar, parent: QObject) -> None:
        super().__init__(parent)
        self._status = status
        self._notices = notices
        self._asked = asking
        asking.started.connect(lambda _: status.say(self._asking_text()))
        asking.idle.connect(self._no_longer_asking)
        asking.not_found.connect(lambda names: status.say(self.tr("Not found on this slice: {0}").format(names)))
        asking.unreadable.connect(lambda: status.say(self.tr("The model's answer names no place: nothing was found")))
        asking.untrained.connect(self._not_trained)
        asking.failed.connect(self._not_answered)
        asking.unusable.connect(self._unusable)
        asking.engine_event.connect(self._event)
        asking.model_changed.connect(self._model_changed)

    def _asking_text(self) -> str:
        return self.tr("Asking the model …")

    def _no_longer_asking(self) -> None:
        if self._status.currentMessage() == self._asking_text():
            self._status.clearMessage()

    def _not_answered(self, message: str) -> None:
        self._notices.show_notice(self.tr("No answer. {0}").format(shown_error(message)))

    def _not_trained(self, model: str) -> None:
        text = self.tr("{0} was not trained for this: do not rely on what it says.").format(model)
        self._notices.show_notice(text)

    def _unusable(self, message: str) -> None:
        self._status.set_model_unusable()
        self._notices.show_notice(message)

    def _model_changed(self) -> None:
        adapter = self._asked.session.adapter
        others = [one.id for one in self._asked.of_single_tasks]
        self._status.set_model(self._asked.manifest, adapter.name if adapter else "", others)

    def _ready_text(self, offload: Offload | None) -> str:
        if offload is None or not offload.on_gpu:
            return self.tr("The model is ready")
        if offload.layers == offload.all_layers and offload.vision:
            return self.tr("The model is ready, on the GPU")
        return self.tr("The model is ready, {0} of {1} layers on the GPU").format(offload.layers, offload.all_layers)

    def _fallback_text(self, offload: Offload | None) -> str:
        if offload is not None and offload.on_gpu:
            text = self.tr("The GPU has too little free memory for {0} of {1} layers of the model: fewer are tried.")
            return text.format(offload.layers, offload.all_layers)
        why = {
            Lack.CUDA: self.tr(
                "the engine was built for the processor alone; make run CUDA=1 builds it for NVIDIA GPUs"
            ),
            Lack.DRIVER: self.tr("there is no NVIDIA driver"),
            Lack.GPU: self.tr("the NVIDIA driver shows no GPU that can be used; medrega doctor says more"),
            Lack.MEMORY: self.tr("the GPU has too little free memory"),
        }
        lack = offload.lack if offload is not None and offload.lack is not None else Lack.GPU
        return self.tr("The model runs on the processor: {0}.").format(why[lack])

    def _event(self, event: EngineEvent) -> None:
        if event.kind == "starting":
            self._status.say(self.tr("Loading the model …"))
        elif event.kind == "ready":
            self._status.say(self._ready_text(event.offload))
        elif event.kind == "fallback":
            self._notices.show_notice(self._fallback_text(event.offload))
        elif event.kind == "restarted":
            text = self.tr("The model process stopped ({0}). It was started again, and the question is asked again.")
            self._notices.show_notice(text.format(shown_error(event.reason)))
        else:
            message = shown_error(event.message)
            self._notices.show_notice(self.tr("The model process failed: {0}").format(message))
