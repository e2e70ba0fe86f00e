"""Looks for what must not be in a data set: wrong boxes, empty answers, missing pictures, patients on two sides."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.progress import Cancelled, Progress
from engine.protocol import Task, parse_answer
from training.instruct.catalogue import bands
from training.instruct.naming import Naming
from training.instruct.parallel import bounded_map
from training.instruct.pictures import perceptual_hash, read_picture
from training.instruct.reading import Line, asked, question_of, read_lines, split_files, wrong_boxes
from training.label_maps import label_values, read_label_maps
from training.marked_regions import read_regions
from training.records import REGIONS_FILE, DatasetError, Record, language_of

_MOST_KEPT = 200
"""Of each kind of problem, in full; more are counted."""


class Kind(StrEnum):
    """What can be wrong. The first ones make a set unfit, those after `UNKNOWN_LABEL` are for a person to judge."""

    NOT_A_RECORD = "not a record"
    SAME_ID = "id used twice"
    EMPTY_ANSWER = "empty answer"
    MISSING_PICTURE = "missing or broken picture"
    WRONG_SIZE = "size of the picture"
    WRONG_BOX = "wrong box"
    MALFORMED = "answer that does not parse"
    NOT_ASKED = "answer to something else"
    LABEL_MAP = "wrong label map"
    MARKED = "wrong marked region"
    LEAKED_GROUP = "patient in two splits"
    LEAKED_PICTURE = "same picture in two splits"
    UNKNOWN_LABEL = "label unknown to the ontology"
    LANGUAGE = "words of the other language"
    CONTRADICTION = "two answers to one question"
    NEVER_LEARNT = "label tested but not trained"


WARNINGS = frozenset({Kind.UNKNOWN_LABEL, Kind.LANGUAGE, Kind.CONTRADICTION, Kind.NEVER_LEARNT})
_SCHEMA = """
CREATE TABLE id (split TEXT, id TEXT, PRIMARY KEY (split, id));
CREATE TABLE picture (
    id INTEGER PRIMARY KEY, path TEXT, split TEXT, grp TEXT, w INTEGER, h INTEGER, line TEXT, UNIQUE (path, w, h)
);
CREATE TABLE patient (grp TEXT, split TEXT, PRIMARY KEY (grp, split));
CREATE TABLE question (hash BLOB PRIMARY KEY, answer TEXT);
CREATE TABLE hash (picture INTEGER PRIMARY KEY, phash TEXT);
CREATE TABLE band (place INTEGER, bits TEXT, picture INTEGER, PRIMARY KEY (place, bits, picture)) WITHOUT ROWID;
CREATE INDEX band_picture ON band (picture);
"""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. where : file and line."""

    kind: Kind
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. problems : the first ones of each kind; counts : all of them, by kind."""

    records: int
    pictures: int
    problems: tuple[Problem, ...]
    counts: dict[Kind, int]

    @property
    def errors(self) -> int:
        """How many problems make the set unfit."""
        return sum(count for kind, count in self.counts.items() if kind not in WARNINGS)

    def to_json(self) -> dict[str, Any]:
        """What ``medrega dataset check --json`` prints."""
        return {
            "records": self.records,
            "pictures": self.pictures,
            "errors": self.errors,
            "warnings": sum(self.counts.values()) - self.errors,
            "counts": {kind.value: count for kind, count in self.counts.items()},
            "problems": [{"kind": p.kind.value, "where": p.where, "what": p.what} for p in self.problems],
        }


def check_dataset(
    paths: Sequence[Path], progress: Progress, *, distance: int = 12, workers: int = 1, naming: Naming | None = None
) -> Report:
    """Check data sets together: folders of splits, folders of one split, or jsonl files.

    distance : bits in which the 256-bit perceptual hashes of the same picture may differ. workers : processes that
    read pictures. Streams: what it must remember it keeps on disk. Raises `DatasetError` where there is no data set,
    `Cancelled`.
    """
    with closing(sqlite3.connect("")) as seen:
        seen.executescript(_SCHEMA)
        return _Check(seen, naming or Naming(), progress, distance).run(paths, workers)


class _Check:
    def __init__(self, seen: sqlite3.Connection, naming: Naming, progress: Progress, distance: int) -> None:
        self._seen, self._naming, self._progress, self._distance = seen, naming, progress, distance
        self._counts: Counter[Kind] = Counter()
        self._problems: list[Problem] = []
        self._labels: dict[str, set[str]] = {}

    def run(self, paths: Sequence[Path], workers: int) -> Report:
        records = 0
        for records, line in enumerate(read_lines(paths), start=1):
            if self._progress.cancelled():
                raise Cancelled
            try:
                record = line.record()
            except DatasetError as error:
                self._found(Kind.NOT_A_RECORD, line.where, str(error))
                continue
            self._record(line, record)
            self._progress.report(records, 0, "checking records")
        pictures = self._pictures(workers)
        self._leaks()
        folders = sorted({file.parent for _, file in split_files(paths)})
        self._label_maps(folders)
        self._marked(folders)
        trained = self._labels.get("train")
        if trained is not None:
            for split, names in sorted(self._labels.items()):
                for name in sorted(names - trained):
                    self._found(Kind.NEVER_LEARNT, split, f"{name!r} has no question in train")
        counts = {kind: self._counts[kind] for kind in Kind if self._counts[kind]}
        return Report(records, pictures, tuple(self._problems), counts)

    def _found(self, kind: Kind, where: str, what: str) -> None:
        self._counts[kind] += 1
        if self._counts[kind] <= _MOST_KEPT:
            self._problems.append(Problem(kind, where, what))

    def _record(self, line: Line, record: Record) -> None:
        where = line.where
        try:
            self._seen.execute("INSERT INTO id VALUES (?, ?)", (line.split, record.id))
        except sqlite3.IntegrityError:
            self._found(Kind.SAME_ID, where, f"the id {record.id!r} is used before in {line.split}")
        if not record.gpt.strip():
            self._found(Kind.EMPTY_ANSWER, where, "the answer is empty")
        for content in [*wrong_boxes(record.human.replace("[[x1, y1, x2, y2]]", "")), *wrong_boxes(record.gpt)]:
            # The preamble shows the format in words.
            if content:
                self._found(Kind.WRONG_BOX, where, f"{content} is not boxes of integers 0..999 with an area")
        self._answer(where, record)
        self._names(line, record)
        key = hashlib.sha256(f"{line.folder}\n{record.image}\n{record.human}".encode()).digest()
        before = self._seen.execute("SELECT answer FROM question WHERE hash = ?", (key,)).fetchone()
        if before is None:
            self._seen.execute("INSERT INTO question VALUES (?, ?)", (key, record.gpt))
        elif before[0] != record.gpt:
            self._found(Kind.CONTRADICTION, where, f"{record.gpt[:80]!r}, and before it {before[0][:80]!r}")
        self._seen.execute("INSERT OR IGNORE INTO patient VALUES (?, ?)", (record.group, line.split))
        self._seen.execute(
            "INSERT OR IGNORE INTO picture (path, split, grp, w, h, line) VALUES (?, ?, ?, ?, ?, ?)",
            (str(line.folder / record.image), line.split, record.group, record.width, record.height, where),
        )

    def _answer(self, where: str, record: Record) -> None:
        if record.task not in (Task.TEXT_TO_REGION, Task.GROUNDED_REPORT):
            return
        question = question_of(record)
        answer = parse_answer(record.gpt, question)
        if answer.malformed:
            self._found(Kind.MALFORMED, where, record.gpt[:200])
            return
        told = [item.name for item in answer.located]
        if question.names and told != list(question.names):
            self._found(Kind.NOT_ASKED, where, f"asked for {', '.join(question.names)}, told {', '.join(told)}")

    def _names(self, line: Line, record: Record) -> None:
        names = list(question_of(record).names) if record.task is not Task.REGION_TO_TEXT else [record.gpt]
        for name in names:
            key = self._naming.resolve(name, {})
            if key is None:
                self._found(Kind.UNKNOWN_LABEL, line.where, f"no label is called {name!r}")
            else:
                self._labels.setdefault(line.split, set()).add(key)
        words = asked(record) if record.task is not Task.REPORT else record.gpt
        if words.strip() and language_of(words) is not record.language:
            self._found(Kind.LANGUAGE, line.where, f"said to be {record.language}: {words.strip()[:80]!r}")

    def _pictures(self, workers: int) -> int:
        """Read every picture once: is it there, is it as large as said, is it another one's twin."""
        total = int(self._seen.execute("SELECT count(*) FROM picture").fetchone()[0])
        rows = self._seen.execute("SELECT id, path, w, h, line FROM picture ORDER BY id")
        for done, (row, look) in enumerate(bounded_map(_look, rows, workers), start=1):
            number, path, width, height, line = row
            self._progress.report(done, total, "reading pictures")
            if self._progress.cancelled():
                raise Cancelled
            if look.problem:
                self._found(Kind.MISSING_PICTURE, line, look.problem)
                continue
            if width and (width, height) != (look.width, look.height):
                said = f"{width} x {height}"
                self._found(Kind.WRONG_SIZE, line, f"{path} is {look.width} x {look.height}, said to be {said}")
            if look.phash:
                self._seen.execute("INSERT INTO hash VALUES (?, ?)", (number, look.phash))
                for place, bits in bands(look.phash):
                    self._seen.execute("INSERT INTO band VALUES (?, ?, ?)", (place, bits, number))
        return total

    def _label_maps(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            try:
                maps = read_label_maps(folder)
            except DatasetError as error:
                self._found(Kind.LABEL_MAP, str(folder), str(error))
                continue
            for done, (picture, label_map) in enumerate(maps.items(), start=1):
                self._progress.report(done, len(maps), "reading label maps")
                if self._progress.cancelled():
                    raise Cancelled
                try:
                    height, width = label_map.read(label_values([label_map])).shape
                    size = read_picture(picture).shape[1::-1]
                except DatasetError as error:
                    self._found(Kind.LABEL_MAP, str(picture), str(error))
                    continue
                if (width, height) != size:
                    what = f"{label_map.path} is {width} x {height}, its picture {size[0]} x {size[1]}"
                    self._found(Kind.LABEL_MAP, str(picture), what)

    def _marked(self, folders: Sequence[Path]) -> None:
        """What a dense stage learns from where there are no label maps."""
        for folder in folders:
            try:
                marked = read_regions(folder)
            except DatasetError as error:
                self._found(Kind.MARKED, str(folder), str(error))
                continue
            for picture, its in marked.items():
                if not picture.is_file():
                    self._found(Kind.MARKED, str(picture), f"{REGIONS_FILE} names it, but it is not there")
                for name, (x1, y1, x2, y2) in its.boxes:
                    if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
                        what = f"{[x1, y1, x2, y2]} of {name!r} is no box in fractions of the picture"
                        self._found(Kind.MARKED, str(picture), what)

    def _leaks(self) -> None:
        split = self._seen.execute(
            "SELECT grp, group_concat(split, ' and ') FROM patient GROUP BY grp HAVING count(*) > 1"
        )
        for group, splits in split.fetchall():
            self._found(Kind.LEAKED_GROUP, splits, f"the patient {group} is in both")
        for path, other, bits in self._twins():
            self._found(Kind.LEAKED_PICTURE, path, f"differs in {bits} of 256 bits from {other}")

    def _twins(self) -> Iterator[tuple[str, str, int]]:
        for number, phash, path, split in self._seen.execute(
            "SELECT hash.picture, phash, path, split FROM hash JOIN picture ON picture.id = hash.picture ORDER BY 1"
        ):
            others = self._seen.execute(
                "SELECT DISTINCT picture.path, hash.phash FROM band JOIN band AS same ON same.place = band.place "
                "AND same.bits = band.bits JOIN picture ON picture.id = same.picture "
                "JOIN hash ON hash.picture = picture.id "
                "WHERE band.picture = ? AND picture.id > ? AND picture.split <> ?",
                (number, number, split),
            ).fetchall()
            for other, its in others:
                bits = (int(phash, 16) ^ int(its, 16)).bit_count()
                if bits <= self._distance:
                    yield path, other, bits


@dataclass(frozen=True, slots=True)
class _Look:
    width: int = 0
    height: int = 0
    phash: str = ""
    problem: str = ""


_Row = tuple[int, str, int, int, str]
"""Number, path, width and height as said, and the line that says so."""


def _look(row: _Row) -> tuple[_Row, _Look]:
    try:
        pixels = read_picture(Path(row[1]))
    except DatasetError as error:
        return row, _Look(problem=str(error))
    return row, _Look(pixels.shape[1], pixels.shape[0], perceptual_hash(pixels))
