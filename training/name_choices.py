"""Which ids a name's next one is chosen among: those by which the names go on, weighed by the kind of picture.

The engine names a region by ranking the names that it knows, those that a modality never showed far behind. A loss over
the whole vocabulary would teach an adapter more: that in such a picture nobody says anything else. It has to push away
all that the model says elsewhere, and elsewhere pays for it.
"""

from __future__ import annotations

from engine.labels.prior import leanings
from engine.protocol import Language, Task
from engine.regions import LabelSet
from training.records import Record
from training.tokenizer import PromptEncoder

Choices = tuple[tuple[tuple[int, float], ...], ...]
"""For each id of an answer those that could stand in its place, itself among them, each with what it leans by (the
logarithm of what it is worth beforehand); empty where any could."""

_Following = dict[tuple[int, ...], dict[int, float]]


class NameChoices:
    """Of the names of `labels`, as `encoder` writes them."""

    def __init__(self, labels: LabelSet, encoder: PromptEncoder) -> None:
        self._labels = labels
        self._encoder = encoder
        self._next: dict[tuple[Language, str], _Following] = {}

    def of(self, record: Record, answer: tuple[int, ...]) -> Choices:
        """For the answer to a question for a region's name, () for any other question.

        Where a name can only go on in one way nothing is chosen: that it does is learnt against everything else.
        """
        if record.task is not Task.REGION_TO_TEXT:
            return ()
        following = self._following(record.language, record.modality)
        ways = [{token: 0.0} | following.get(answer[:place], {}) for place, token in enumerate(answer)]
        return tuple(tuple(sorted(way.items())) if len(way) > 1 else () for way in ways)

    def _following(self, language: Language, modality: str) -> _Following:
        """The ids that may follow each beginning of a name; each leans by the likeliest of its names."""
        key = language, modality
        if key not in self._next:
            labels = list(self._labels)
            leaning = leanings(labels, modality) or (0.0,) * len(labels)
            found: _Following = {}
            for label, by in zip(labels, leaning, strict=True):
                ids = tuple(self._encoder.answer_ids(label.name(language)))
                for place, token in enumerate(ids):
                    there = found.setdefault(ids[:place], {})
                    there[token] = max(by, there.get(token, by))
            self._next[key] = found
        return self._next[key]
