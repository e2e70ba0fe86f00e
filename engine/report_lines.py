"""The sentences of a kept grounded report, each with the regions it is about as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.answer_text import read_again, sentence_line
from engine.found import is_known, label_named
from engine.protocol import Language, Sentence, Task
from engine.regions import Box, LabelSet
from engine.runtime import ModelManifest
from engine.store import AnswerRow, RegionRow


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A sentence as the model wrote it. text : what it is about, and what it says.

    places : for each thing that the sentence is about, and each of its boxes, the root id of the region there; None
    where there is none.
    """

    text: str
    sentence: Sentence
    places: tuple[tuple[int | None, ...], ...]

    @property
    def roots(self) -> tuple[int, ...]:
        """Root ids of its regions, each once."""
        return tuple(dict.fromkeys(root for places in self.places for root in places if root is not None))


def report_lines(
    answer: AnswerRow,
    width: int,
    height: int,
    *,
    manifest: ModelManifest | None,
    labels: LabelSet,
    rows: Sequence[RegionRow],
) -> tuple[ReportLine, ...]:
    """Read a report again.

    width, height : of its slice. manifest : of the model that wrote it, None when it is gone. rows : the slice's
    regions; one of the same name in the same place stands for a region that was there before the report.
    """
    said = answer.suggestion
    language = Language(said.language)
    names = [name for name in answer.asked.get("names", ()) if isinstance(name, str)]
    # Names are asked for in the answer's language, and labels know both.
    asked = [label.name(language) if (label := labels.find(name)) else name for name in names]
    read = read_again(said.raw, Task(said.task), language, width, height, manifest=manifest, names=asked)
    drawn = {region.box: region.root_id for region in answer.regions}
    lines = []
    for sentence in read.sentences:
        places = tuple(
            tuple(_root(item.name, box, drawn, labels, rows) for box in item.boxes) for item in sentence.located
        )
        lines.append(ReportLine(sentence_line(sentence, language), sentence, places))
    return tuple(lines)


def _root(
    name: str,
    box: Box,
    drawn: dict[tuple[float, float, float, float], int],
    labels: LabelSet,
    rows: Sequence[RegionRow],
) -> int | None:
    x1, y1, x2, y2 = (float(value) for value in box.as_tuple())
    if (x1, y1, x2, y2) in drawn:
        return drawn[(x1, y1, x2, y2)]
    label = label_named(name, labels)
    return next((row.root_id for row in rows if is_known(label, box, [row])), None)
