"""What the model looked for on the slice on screen and said is not there."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop.model.asking import AskingModel
from desktop.model.regions import RegionsModel
from engine.answer_text import read_again
from engine.found import label_named
from engine.labels import same_name
from engine.protocol import Language, Task
from engine.regions import Label
from engine.store import AnnotationStore


class AbsencesModel(QObject):
    """Reads the store; says nothing to who reads blind."""

    def __init__(
        self, store: AnnotationStore, regions: RegionsModel, asking: AskingModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._regions = regions
        self._asking = asking

    def names(self) -> list[str]:
        """The names that the newest answer about each says are absent, in the language of names on screen.

        One that a region of the slice has is there, whatever the model says.
        """
        image_id = self._regions.image_id
        if image_id is None or self._regions.blind:
            return []
        answers = self._store.suggestions.looked_for(image_id)
        if not answers:
            return []
        image = self._store.images.get(image_id)
        labels = self._asking.labels_for(Task.TEXT_TO_REGION)
        absent: dict[str, tuple[Label, bool]] = {}
        for said, names in answers:
            answer = read_again(
                said.raw,
                Task(said.task),
                Language(said.language),
                image.width,
                image.height,
                manifest=self._asking.manifest_of(said.model_id, said.model_sha256),
                names=names,
            )
            for item in answer.located:
                label = label_named(item.name, labels)
                absent[label.id or label.en.casefold()] = (label, item.not_present)
        language = self._asking.language.value
        here = [row.label for row in self._regions.rows]
        return [
            label.name(language) or label.en
            for label, is_absent in absent.values()
            if is_absent and not any(same_name(label, one) for one in here)
        ]
