"""The last step of a build: questions of all pictures into jsonl files, a file a split and task."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from engine.files import whole_file
from engine.progress import Cancelled, Progress
from engine.protocol import Task
from training.instruct.catalogue import Catalogue
from training.instruct.ingest import LABEL_MAPS, PICTURES
from training.instruct.items import ImageFacts
from training.instruct.naming import Naming
from training.instruct.organs import OrganSentence, read_reviewed
from training.instruct.questioning import Known, Questioner
from training.instruct.spec import SPLITS, Spec
from training.marked_regions import regions_line
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
    _clear(out)
    lengths: Counter[tuple[str, Task]] = Counter()
    with SetFiles.writing(out) as files:
        sentences = _Sentences(catalogue, files)
        for done, (_, split, facts) in enumerate(catalogue.images(), start=1):
            if progress.cancelled():
                raise Cancelled
            records = list(questioner.records(facts, split, picture_place(facts)))
            if records:
                _move(building / facts.file, out / split / picture_place(facts))
                files.write(f"{split}/{REGIONS_FILE}", picture_regions(facts, naming))
                if facts.label_map:
                    (out / split / LABEL_MAPS).mkdir(exist_ok=True)
                    _move(building / facts.label_map, out / split / facts.label_map)
                    entry = {"file": facts.label_map, "labels": [naming.name(key, "en") for key in facts.map_keys]}
                    files.write_entry(f"{split}/{MASKS_FILE}", picture_place(facts), entry)
            for one in records:
                task = one.record.task
                files.write(f"{split}/{task}.jsonl", json.dumps(one.to_json(), ensure_ascii=False) + "\n")
                lengths[split, task] += 1
            for sentence in questioner.sentences(facts):
                sentences.write(sentence)
            progress.report(done, total, "writing questions")
    return {
        "files": {f"{split}/{task}.jsonl": count for (split, task), count in sorted(lengths.items())},
        "splits_sha256": _write_splits(catalogue, out),
        "meta": write_meta(out, lengths),
    }


def _clear(out: Path) -> None:
    """Make the folders of the splits, without the lists of a build that was killed when some of them were there."""
    (out / SENTENCES_FILE).unlink(missing_ok=True)
    for split in SPLITS:
        (out / split / PICTURES).mkdir(parents=True, exist_ok=True)
        for left in [*(out / split).glob("*.jsonl"), out / split / REGIONS_FILE, out / split / MASKS_FILE]:
            left.unlink(missing_ok=True)


def picture_regions(facts: ImageFacts, naming: Naming) -> str:
    regions = ((naming.name(one.key, "en"), one.box) for one in facts.regions)
    return regions_line(picture_place(facts), facts.width, facts.height, regions, complete=bool(facts.scope))


def picture_place(facts: ImageFacts) -> str:
    """A picture's path beside the jsonl files of its split."""
    return f"{PICTURES}/{Path(facts.file).name}"


def _move(picture: Path, target: Path) -> None:
    # Moved already by a build that was killed here.
    if picture.exists():
        picture.replace(target)


class SetFiles:
    """The lists of a set while they are written; those that get no line are never made."""

    def __init__(self, out: Path, stack: contextlib.ExitStack) -> None:
        self._out, self._stack = out, stack
        self._open: dict[str, IO[str]] = {}
        self._objects: set[str] = set()

    @classmethod
    @contextlib.contextmanager
    def writing(cls, out: Path) -> Iterator[SetFiles]:
        """Each file appears whole, and none does unless the block ends well."""
        with contextlib.ExitStack() as stack:
            files = cls(out, stack)
            yield files
            for name in files._objects:
                files.write(name, "\n}\n")

    def write(self, name: str, text: str) -> None:
        """Add to a file, named relative to the set."""
        stream = self._open.get(name)
        if stream is None:
            path = self._stack.enter_context(whole_file(self._out / name))
            stream = self._open[name] = self._stack.enter_context(path.open("w", encoding="utf-8"))
        stream.write(text)

    def write_entry(self, name: str, key: str, value: dict[str, Any]) -> None:
        """Add to a file that is one JSON object, an entry a line."""
        start = ",\n" if name in self._objects else "{\n"
        self._objects.add(name)
        self.write(name, f"{start}{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")


class _Sentences:
    """The file for review of how reports were split by organ: each sentence once, no file without any."""

    def __init__(self, catalogue: Catalogue, files: SetFiles) -> None:
        self._db, self._files = catalogue.db, files
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS sentence (text TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("DELETE FROM sentence")

    def write(self, sentence: OrganSentence) -> None:
        """Add a sentence that was not there yet."""
        if self._db.execute("INSERT OR IGNORE INTO sentence VALUES (?)", (sentence.text,)).rowcount:
            self._files.write(SENTENCES_FILE, sentence.to_json() + "\n")


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


def write_meta(out: Path, lengths: Counter[tuple[str, Task]]) -> str:
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
