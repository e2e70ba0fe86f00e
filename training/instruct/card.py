"""The data set's card: what is in it, how much of what, from where and on which terms."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

from engine.files import whole_file
from engine.protocol import Language, Task
from training.instruct.naming import Naming
from training.instruct.reading import read_lines
from training.instruct.spec import SPLITS
from training.records import DatasetError

FACTS_FILE = "dataset.json"
CARD_FILE = "CARD.md"
COUNTS_FILE = "card.json"
NOTICE = "Not for diagnostic use."


def read_facts(folder: Path) -> dict[str, Any]:
    """What the builder wrote of a data set. Raises `DatasetError` where it was not built by it."""
    path = folder / FACTS_FILE
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{folder} is not a finished data set: {path} cannot be read ({error})") from error
    return dict(facts)


def make_card(folder: Path) -> dict[str, Any]:
    """Count a built data set, write ``card.json`` and ``CARD.md`` into it, and give what card.json holds."""
    facts = read_facts(folder)
    naming = Naming([(one["en"], one["zh"]) for one in facts["own_labels"]])
    counts = _count(folder)
    card = {**facts, "counts": counts, "labels": _labels(counts.pop("labels"), naming)}
    with whole_file(folder / COUNTS_FILE) as temporary:
        temporary.write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    with whole_file(folder / CARD_FILE) as temporary:
        temporary.write_text(_markdown(card), encoding="utf-8")
    return card


def _count(folder: Path) -> dict[str, Any]:
    by: dict[str, dict[str, Counter[str]]] = {split: defaultdict(Counter) for split in SPLITS}
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    characters: Counter[str] = Counter()
    # On disk: there may be millions of pictures.
    with closing(sqlite3.connect("")) as seen:
        seen.execute("CREATE TABLE one (split TEXT, kind TEXT, name TEXT, PRIMARY KEY (split, kind, name))")
        for line in read_lines([folder]):
            record = line.record()
            source, subtask, keys = line.more()
            counters = by[line.split]
            counters["task"][record.task] += 1
            counters["language"][record.language] += 1
            counters["modality"][record.modality or "unknown"] += 1
            counters["source"][source] += 1
            if subtask:
                counters["subtask"][f"{record.task}/{subtask}"] += 1
            characters[record.task] += len(record.gpt)
            if record.task in (Task.REGION_TO_TEXT, Task.TEXT_TO_REGION):
                for key in keys:
                    labels[key][f"{line.split}/{record.task}/{record.language}"] += 1
            seen.executemany(
                "INSERT OR IGNORE INTO one VALUES (?, ?, ?)",
                [(line.split, "images", record.image), (line.split, "groups", record.group)],
            )
        rows = seen.execute("SELECT split, kind, count(*) FROM one GROUP BY split, kind").fetchall()
    sizes = {(split, kind): count for split, kind, count in rows}
    return {
        split: {
            "images": sizes.get((split, "images"), 0),
            "groups": sizes.get((split, "groups"), 0),
            "records": sum(counters["task"].values()),
            **{name: dict(sorted(counter.items())) for name, counter in sorted(counters.items())},
        }
        for split, counters in by.items()
    } | {"labels": labels}


def _labels(labels: dict[str, Counter[str]], naming: Naming) -> list[dict[str, Any]]:
    rows = []
    for key, counter in sorted(labels.items()):
        row: dict[str, Any] = {"key": key, "en": naming.name(key, "en"), "zh": naming.name(key, "zh")}
        row |= {"code": naming.label(key).code}
        for split in SPLITS:
            row[split] = {
                str(task): {str(language): counter[f"{split}/{task}/{language}"] for language in Language}
                for task in (Task.REGION_TO_TEXT, Task.TEXT_TO_REGION)
            }
        rows.append(row)
    return rows


def _markdown(card: dict[str, Any]) -> str:
    counts = card["counts"]
    parts = [
        f"# {card['name']} {card['version']}",
        f"{NOTICE} Questions and answers for training and testing models; built by `medrega dataset build`.",
        "Patients are pseudonyms; no file of the set names one. Splits are by patient, and patients whose pictures are "
        f"near-duplicates share a side ({card['duplicates']['pairs']} pairs were found at a distance of at most "
        f"{card['duplicates']['distance']} of 256 bits).",
        f"Splits: `splits.jsonl`, SHA-256 `{card['splits_sha256']}`. Spec: SHA-256 `{card['fingerprint']}`.",
        "## Size",
        _table(
            ["", *SPLITS],
            [[kind, *(counts[split][kind] for split in SPLITS)] for kind in ("images", "groups", "records")],
        ),
    ]
    for name, title in (
        ("task", "Tasks"),
        ("subtask", "Sub-tasks"),
        ("language", "Languages"),
        ("modality", "Modalities (DICOM codes)"),
        ("source", "Records of each source"),
    ):
        keys = sorted({key for split in SPLITS for key in counts[split].get(name, {})})
        rows = [[key, *(counts[split].get(name, {}).get(key, 0) for split in SPLITS)] for key in keys]
        parts += [f"## {title}", _table(["", *SPLITS], rows)]
    parts += ["## Sources", _sources(card), "## Labels", _label_table(card)]
    parts.append("## Left out")
    for source in card["excluded"]:
        parts.append(f"- source `{source['name']}`: {source['why']}")
    parts += [
        f"- `{source}`: {name!r}, {count} times: no label is called so" for source, name, count in card["unknown"]
    ]
    parts += [f"- {message}" for _, _, message in card["broken"]]
    if len(parts) and parts[-1] == "## Left out":
        parts.append("Nothing.")
    return _joined(parts)


def _joined(parts: list[str]) -> str:
    text = ""
    for before, part in zip(["", *parts], parts, strict=False):
        text += "\n" if before.startswith("- ") and part.startswith("- ") else "\n\n" if text else ""
        text += part
    return text + "\n"


def _sources(card: dict[str, Any]) -> str:
    rows = [
        [s["name"], s["kind"], s["images"], s["groups"], s["terms"], s["licence"], s["attribution"], s["licence_url"]]
        for s in card["sources"]
    ]
    return _table(["source", "kind", "images", "groups", "terms", "licence", "attribution", "where"], rows)


def _label_table(card: dict[str, Any]) -> str:
    rows = []
    for label in card["labels"]:
        numbers = [
            " / ".join(str(sum(label[split][str(task)].values())) for split in SPLITS)
            for task in (Task.REGION_TO_TEXT, Task.TEXT_TO_REGION)
        ]
        rows.append([label["en"], label["zh"], *numbers])
    heads = ["English", "Chinese", "region to text, train / validation / test", "text to region"]
    return _table(heads, rows)


def _table(heads: list[Any], rows: list[list[Any]]) -> str:
    def line(cells: list[Any]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join([line(heads), line(["---"] * len(heads)), *(line(row) for row in rows)])
