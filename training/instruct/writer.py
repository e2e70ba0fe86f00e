"""The last step of a build: questions of all pictures into jsonl files, a file a split and task."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from engine.files import whole_file
from engine.progress import Cancelled, Progress
from engine.protocol import Language, Task
from training.instruct.catalogue import Catalogue
from training.instruct.ingest import LABEL_MAPS, PICTURES
from training.instruct.items import ImageFacts
from training.instruct.naming import Naming
from training.instruct.organs import OrganSentence, read_reviewed
from training.instruct.questioning import Known, Questioner
from training.instruct.spec import SPLITS, Spec
from training.records import MASKS_FILE, REGIONS_FILE, DatasetError

SPLITS_FILE = "splits.jsonl"
SENTENCES_FILE = "organ_split.jsonl"
META_FILE = "meta.json"


def gather_known(spec: Spec, catalogue: Catalogue, naming: Naming) -> Known:
    """What all pictures together tell, in one pass over the catalogue."""
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    classes: dict[str, set[str]] = {}
    for _, split, facts in catalogue.images():
        for key, boxes in facts.present().items():
            counts[split][key] += min(len(boxes), spec.balance.per_image)
        classes.setdefault(facts.source, set()).update(facts.classes or ())
    organs, diagnoses = {}, {}
    for source in spec.used():
        if source.organ:
            organs[source.name] = _required(naming, source.organ, source.name)
        if source.diagnosis is not None:
            given = [_required(naming, option, source.name) for option in source.diagnosis.options]
            options = tuple(given or sorted(classes.get(source.name, ())))
            if len(options) + source.diagnosis.none > 1:
                diagnoses[source.name] = options
    labels = tuple(sorted({key for split in counts.values() for key in split}))
    reviewed = read_reviewed(spec.reviewed) if spec.reviewed is not None else {}
    return Known(counts, catalogue.scopes(), labels, organs, diagnoses, reviewed)


def _required(naming: Naming, name: str, source: str) -> str:
    key = naming.resolve(name, {})
    if key is None:
        raise DatasetError(f"source {source}: no label is called {name!r}; name it under own_labels in both languages")
    return key


def write_questions(
    spec: Spec, catalogue: Catalogue, naming: Naming, building: Path, out: Path, progress: Progress
) -> dict[str, Any]:
    """Write ``out/{train,validation,test}/<task>.jsonl`` with their pictures, the splits and the meta file.

    Pictures are moved, not copied; each file appears whole. Gives what dataset.json says of them: sha256 of the
    splits, lengths of the files. Raises `DatasetError`, `Cancelled`; called again it begins anew.
    """
    questioner = Questioner(spec, naming, gather_known(spec, catalogue, naming))
    total = catalogue.count("image")
    with contextlib.ExitStack() as stack:
        files = SplitFiles(out, SPLITS, stack)
        sentences = _Sentences(catalogue, out, stack)
        label_maps = stack.enter_context(_LabelMaps.writing(out))
        for done, (_, split, facts) in enumerate(catalogue.images(), start=1):
            if progress.cancelled():
                raise Cancelled
            lines = [
                (one.record.task, json.dumps(one.to_json(), ensure_ascii=False))
                for one in questioner.records(facts, split, picture_place(facts))
            ]
            if lines:
                _move(building / facts.file, out / split / picture_place(facts))
                if facts.label_map:
                    (out / split / LABEL_MAPS).mkdir(exist_ok=True)
                    _move(building / facts.label_map, out / split / facts.label_map)
                    labels = [naming.name(key, Language.EN) for key in facts.map_keys]
                    label_maps.write(split, picture_place(facts), facts.label_map, labels)
                files.write_regions(split, regions_line(facts, naming))
            for task, line in lines:
                files.write(split, task, line)
            for sentence in questioner.sentences(facts):
                sentences.write(sentence)
            progress.report(done, total, "writing questions")
        lengths = files.lengths
    return {
        "files": {f"{split}/{task}.jsonl": count for (split, task), count in sorted(lengths.items())},
        "splits_sha256": _write_splits(catalogue, out),
        "meta": write_meta(out, lengths),
    }


def regions_line(facts: ImageFacts, naming: Naming) -> str:
    """The picture's line in the file of marked regions, see `training.records.REGIONS_FILE`."""
    regions = [
        {
            "label": naming.name(one.key, "en"),
            "box": [
                round(value / extent, 5)
                for value, extent in zip(one.box.as_tuple(), (facts.width, facts.height) * 2, strict=True)
            ],
        }
        for one in facts.regions
    ]
    complete = bool(facts.scope)
    return json.dumps({"image": picture_place(facts), "complete": complete, "regions": regions}, ensure_ascii=False)


def picture_place(facts: ImageFacts) -> str:
    """A picture's path beside the jsonl files of its split."""
    return f"{PICTURES}/{Path(facts.file).name}"


def _move(picture: Path, target: Path) -> None:
    # Moved already by a build that was killed here.
    if picture.exists():
        picture.replace(target)


class SplitFiles:
    """The jsonl files of a set's splits while they are written; those that get no line are never made.

    They appear whole when `stack` ends well. lengths : lines written, by split and task.
    """

    def __init__(self, out: Path, splits: Sequence[str], stack: contextlib.ExitStack) -> None:
        self._out, self._stack = out, stack
        self._regions: dict[str, IO[str]] = {}
        self._open: dict[tuple[str, Task], IO[str]] = {}
        self.lengths: Counter[tuple[str, Task]] = Counter()
        for split in splits:
            (out / split / PICTURES).mkdir(parents=True, exist_ok=True)
            # Of a build that was begun with other tasks in mind and killed.
            for left in (out / split).glob("*.jsonl"):
                left.unlink()

    def write(self, split: str, task: Task, line: str) -> None:
        """Add a line."""
        stream = self._open.get((split, task))
        if stream is None:
            path = self._stack.enter_context(whole_file(self._out / split / f"{task}.jsonl"))
            stream = self._open[split, task] = self._stack.enter_context(path.open("w", encoding="utf-8"))
        stream.write(line + "\n")
        self.lengths[split, task] += 1

    def write_regions(self, split: str, line: str) -> None:
        """Add a picture's regions."""
        stream = self._regions.get(split)
        if stream is None:
            path = self._stack.enter_context(whole_file(self._out / split / REGIONS_FILE))
            stream = self._regions[split] = self._stack.enter_context(path.open("w", encoding="utf-8"))
        stream.write(line + "\n")


class _LabelMaps:
    """``masks.json`` of each split that has label maps, see `training.label_maps`; a line at a time."""

    def __init__(self, out: Path, stack: contextlib.ExitStack) -> None:
        self._out, self._stack = out, stack
        self._open: dict[str, IO[str]] = {}

    @classmethod
    @contextlib.contextmanager
    def writing(cls, out: Path) -> Iterator[_LabelMaps]:
        """The files appear whole when the block ends well."""
        for split in SPLITS:
            # Of a build that was killed here.
            (out / split / MASKS_FILE).unlink(missing_ok=True)
        with contextlib.ExitStack() as stack:
            maps = cls(out, stack)
            yield maps
            for stream in maps._open.values():
                stream.write("\n}\n")

    def write(self, split: str, picture: str, file: str, labels: Sequence[str]) -> None:
        """Add a picture's label map. labels : of its values, from 1."""
        stream = self._open.get(split)
        if stream is None:
            path = self._stack.enter_context(whole_file(self._out / split / MASKS_FILE))
            stream = self._open[split] = self._stack.enter_context(path.open("w", encoding="utf-8"))
        start = "{\n" if stream.tell() == 0 else ",\n"
        entry = json.dumps({"file": file, "labels": list(labels)}, ensure_ascii=False)
        stream.write(f"{start}{json.dumps(picture)}: {entry}")


class _Sentences:
    """The file for review of how reports were split by organ: each sentence once, no file without any."""

    def __init__(self, catalogue: Catalogue, out: Path, stack: contextlib.ExitStack) -> None:
        self._db, self._path, self._stack = catalogue.db, out / SENTENCES_FILE, stack
        self._stream: IO[str] | None = None
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS sentence (text TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("DELETE FROM sentence")

    def write(self, sentence: OrganSentence) -> None:
        """Add a sentence that was not there yet."""
        if not self._db.execute("INSERT OR IGNORE INTO sentence VALUES (?)", (sentence.text,)).rowcount:
            return
        if self._stream is None:
            path = self._stack.enter_context(whole_file(self._path))
            self._stream = self._stack.enter_context(path.open("w", encoding="utf-8"))
        self._stream.write(sentence.to_json() + "\n")


def _write_splits(catalogue: Catalogue, out: Path) -> str:
    """Every patient's split, by pseudonym, and the file's SHA-256."""
    digest = hashlib.sha256()
    rows: Iterator[tuple[str, str, str]] = catalogue.db.execute("SELECT grp, split, source FROM split ORDER BY grp")
    with whole_file(out / SPLITS_FILE) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for group, split, source in rows:
            line = json.dumps({"group": group, "split": split, "source": source}) + "\n"
            digest.update(line.encode())
            stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())
    return digest.hexdigest()


def write_meta(out: Path, lengths: Mapping[tuple[str, Task], int]) -> str:
    """The released training code's description of the sets, an entry a file (medrega ``src/shell/meta_file.json``)."""
    meta = {
        f"{split}_{task}": {
            "root": split,
            "annotation": f"{split}/{task}.jsonl",
            "length": count,
            "repeat_time": 1,
            # Crops without moving the boxes, which is what the released code does, would make them wrong.
            "data_augment": False,
            # Each record has its own preamble.
            "base_prompt": "",
        }
        for (split, task), count in sorted(lengths.items())
    }
    with whole_file(out / META_FILE) as temporary:
        temporary.write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
    return META_FILE
