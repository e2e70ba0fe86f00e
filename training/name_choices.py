"""Which ids a name's next one is chosen among: those by which the names go on that a picture of its kind may show.

The engine names a region by ranking the names that it knows for a modality. A loss over the whole vocabulary would
teach an adapter more: that in such a picture nobody says anything else. It has to push away all that the model says
elsewhere, and elsewhere pays for it.
"""

from __future__ import annotations

from collections import defaultdict

from engine.labels.prior import leanings
from engine.protocol import Language, Task
from engine.regions import LabelSet
from training.records import Record
from training.tokenizer import PromptEncoder

Choices = tuple[tuple[int, ...], ...]
"""For each id of an answer those that could stand in its place, itself among them; empty where any could."""


class NameChoices:
    """Of the names of `labels`, as `encoder` writes them."""

    def __init__(self, labels: LabelSet, encoder: PromptEncoder) -> None:
        self._labels = labels
        self._encoder = encoder
        self._next: dict[tuple[Language, str], dict[tuple[int, ...], set[int]]] = {}

    def of(self, record: Record, answer: tuple[int, ...]) -> Choices:
        """For the answer to a question for a region's name, () for any other question.

        Where a name can only go on in one way nothing is chosen: that it does is learnt against everything else.
        """
        if record.task is not Task.REGION_TO_TEXT:
            return ()
        following = self._following(record.language, record.modality)
        ways = [following.get(answer[:place], set()) | {token} for place, token in enumerate(answer)]
        return tuple(tuple(sorted(way)) if len(way) > 1 else () for way in ways)

    def _following(self, language: Language, modality: str) -> dict[tuple[int, ...], set[int]]:
        """The ids that may follow each beginning of a name."""
        key = language, modality
        if key not in self._next:
            labels = list(self._labels)
            leaning = leanings(labels, modality) or (0.0,) * len(labels)
            found: dict[tuple[int, ...], set[int]] = defaultdict(set)
            for label, against in zip(labels, leaning, strict=True):
                if against == 0:
                    ids = tuple(self._encoder.answer_ids(label.name(language)))
                    for place, token in enumerate(ids):
                        found[ids[:place]].add(token)
            self._next[key] = dict(found)
        return self._next[key]
