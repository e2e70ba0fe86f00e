"""The model card: what a model was trained on, how it scored, and what it is not for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine.errors import MedRegAError
from engine.protocol import IMAGE_MARKER
from engine.regions import LabelSet
from engine.runtime import LabelScore, ModelManifest, NameMap
from engine.runtime.label_scores import LABELS
from training.evaluation.gallery import confidence_of
from training.evaluation.prediction import Prediction

CARD_FILE = "MODEL_CARD.md"
_LONGEST = 110
"""Characters of a text in a table."""
_TITLES = {
    "so_sr": "one object, one region",
    "so_mr": "one object, several regions",
    "mo_sr": "several objects, one region each",
    "mo_mr": "several objects, several regions",
}


class CardError(MedRegAError):
    """A file of facts that cannot be used: the message names it and what is wrong."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What no evaluation can tell. rows : of the table at the top. sections : (title, Markdown), after the scores."""

    rows: dict[str, str]
    sections: tuple[tuple[str, str], ...]


def read_facts(path: Path) -> CardFacts:
    """A TOML file: texts are rows, the tables under ``[sections]`` are titles with their text. Raises `CardError`."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(f"cannot read the card's facts {path}: {error}") from error
    sections = data.pop("sections", {})
    if not isinstance(sections, dict):
        raise CardError(f"{path}: sections must be a table of titles and texts")
    texts = tuple((str(title), str(text).strip()) for title, text in sections.items())
    return CardFacts({key: str(value) for key, value in data.items()}, texts)


def write_card(
    manifest: ModelManifest, report: dict[str, Any], facts: CardFacts, failures: Sequence[Prediction] = ()
) -> ModelManifest:
    """Write ``MODEL_CARD.md`` and put the headline figures into the manifest; returns the new manifest.

    report : what `training.evaluation.summary.summarize` made. failures : to be told in words; the pictures, of other
    people's patients, stay with the report.
    """
    metrics = report["metrics"]
    named, found = metrics.get("region_to_text", {}), metrics.get("text_to_region", {})
    lines = [
        f"# {manifest.name}",
        "",
        "**Not for diagnostic use.** Written by `medrega evaluate --card`: scores and failures come from that run,",
        "through the GGUF files that ship. What stands after them is told by those who made the model.",
        "",
        "| | |",
        "|---|---|",
        f"| id, version | {manifest.id} {manifest.version} |",
        f"| model hash | `{manifest.sha256}` |",
        f"| trained for | {', '.join(manifest.tasks) or 'not written down'} |",
        *(f"| {key} | {value} |" for key, value in facts.rows.items()),
        f"| scored on | {report['dataset']['records']} questions, set `{report['dataset']['sha256'][:16]}` |",
        "",
        "## Scores on held-out patients",
        "",
        *_named_lines(named, report),
        *_found_lines(found),
        *_calibration_lines(report["calibration"]),
        "",
        *_other_lines(metrics),
        *_label_lines(report["by"]["label"]),
        *_stratum_lines("source", report["by"].get("source", {})),
        *_stratum_lines("modality", report["by"].get("modality", {})),
        *_stratum_lines("language", report["by"]["language"]),
        *_failure_lines(failures),
    ]
    for title, text in facts.sections:
        lines += [f"## {title}", "", text, ""]
    (manifest.folder / CARD_FILE).write_text("\n".join(lines), encoding="utf-8")
    scores = {
        "region_to_text_accuracy": named.get("accuracy"),
        "text_to_region_mean_iou": found.get("mean_iou"),
        "text_to_region_so_sr_iou": found.get("so_sr", {}).get("iou"),
        "calibration_error": report["calibration"]["ece"],
        "dataset_sha256": report["dataset"]["sha256"],
        LABELS: label_scores(manifest.labels(), report["by"]["label"]),
    }
    updated = replace(manifest, scores=scores)
    updated.write()
    return updated


def label_scores(labels: LabelSet, strata: dict[str, Any]) -> dict[str, Any]:
    """Figures of each label that was asked for, under its id, its English and Chinese questions together."""
    scores = {}
    for label in labels:
        rows = [strata[name] for name in {label.en, label.zh} if name in strata]
        (named, named_of), (overlap, found_of) = (
            _pooled([row[task] for row in rows], figure)
            for task, figure in (("region_to_text", "accuracy"), ("text_to_region", "iou"))
        )
        if named_of or found_of:
            scores[label.id] = LabelScore(named, named_of, overlap, found_of).to_json()
    return scores


def _pooled(rows: list[dict[str, Any]], figure: str) -> tuple[float | None, int]:
    """The mean of a figure over the questions of all rows, and how many they are."""
    asked = [row for row in rows if row["n"]]
    count = sum(row["n"] for row in asked)
    return (sum(row[figure] * row["n"] for row in asked) / count if count else None), count


def _named_lines(named: dict[str, Any], report: dict[str, Any]) -> Iterator[str]:
    yield "| region to text | |"
    yield "|---|---|"
    yield f"| accuracy (95% interval by patient) | {_percent(named, 'accuracy')} ({_interval(named)}) |"
    yield f"| always the most frequent name | {_percent(named, 'baseline_accuracy')} |"
    if "source_baseline_accuracy" in named:
        yield f"| always the most frequent name of the source | {_percent(named, 'source_baseline_accuracy')} |"
    # Not every draw of patients shows every label.
    recalls = f"{_percent(named, 'mean_label_recall')} ({_interval(named, 'ci95_mean_label_recall')})"
    yield f"| mean of per-label recalls | {recalls} |"
    if "source_baseline_mean_label_recall" in named:
        baseline = _percent(named, "source_baseline_mean_label_recall")
        yield f"| the same, always the most frequent name of the source | {baseline} |"
    for kind, title in (
        ("known", "names that it was taught"),
        ("structures", "structures alone"),
        ("lesions", "lesions alone"),
    ):
        if kind in named:
            row = named[kind]
            figures = "; ".join(
                f"{_percent(row, key)} ({_interval(row, interval)})"
                for key, interval in (("accuracy", "ci95"), ("mean_label_recall", "ci95_mean_label_recall"))
            )
            yield f"| {title}: accuracy; mean of per-label recalls | {figures}, {row['n']} questions |"
            if "source_baseline_accuracy" in row:
                guessed = (_percent(row, f"source_baseline_{key}") for key in ("accuracy", "mean_label_recall"))
                yield f"| the same, always the most frequent name of the source | {'; '.join(guessed)} |"
    yield f"| questions, patients | {named.get('n', 0)}, {named.get('patients', 0)} |"
    calibration = report["calibration"]
    errors = f"{_number(calibration, 'ece')}; {_number(calibration, 'ece_before')} before calibration"
    yield f"| calibration error (ECE, {calibration['ece_bins']} bins) | {errors} |"
    yield from _abstention_rows(calibration["abstention"])
    yield ""
    yield "Intervals draw patients anew. A label whose only patients a draw leaves out has no part in that mean of"
    yield "recalls, so these intervals are wide and lopsided where one patient shows many labels."
    yield ""


def _found_lines(found: dict[str, Any]) -> Iterator[str]:
    yield "| text to region | questions | mean IoU | IoU >= 0.5 | region F1 |"
    yield "|---|---|---|---|---|"
    for kind, title in _TITLES.items():
        if kind in found:
            row = found[kind]
            iou = f"{row['iou']:.3f}" + (f" ({_interval(row, 'ci95_iou', 3)})" if row.get("ci95_iou") else "")
            shares = (f"{_percent(row, key)} ({_interval(row, f'ci95_{key}')})" for key in ("acc50", "region_f1"))
            yield f"| {title} | {row['n']} | {iou} | {' | '.join(shares)} |"
    if "mean_iou" in found:
        yield f"| all that is there | | {found['mean_iou']:.3f} | | |"
    if "absent" in found:
        row = found["absent"]
        yield f"| not there, and said so | {row['n']} | | {_percent(row, 'accuracy')} | |"
    if "presence" in found:
        row = found["presence"]
        figures = f"{row['balanced_accuracy']:.1%} ({row['sensitivity']:.1%} and {row['specificity']:.1%})"
        yield f"| there or not: balanced accuracy (of what is there, is not) | | | {figures} | |"


def _abstention_rows(row: dict[str, Any] | None) -> list[str]:
    if row is None:
        return []
    said = f"{row['said']:.1%} of the questions, {_percent(row, 'accuracy_said')} of them right"
    return [
        f'| answered (else "not sure": best name below {row["below"]:g}) | {said} |',
        f"| of what it withholds, right | {_percent(row, 'accuracy_withheld')} |",
    ]


def _calibration_lines(row: dict[str, Any]) -> list[str]:
    """What was fitted, and how far each confidence can be believed."""
    if row["fitted_on"] is None:
        return []
    heats = ", ".join(f"{task.replace('_', ' ')} {value:g}" for task, value in row["temperatures"].items())
    lines = [
        "",
        f"Calibrated on the set `{row['fitted_on'][:16]}`, not the one scored on: temperatures {heats or '-'}.",
    ]
    trust = row["name_map"]
    if trust != asdict(NameMap()):
        lines.append(
            f"A region's best name is believed by its log-odds times {trust['scale']:g}, {trust['shift']:+g}, and "
            f"{trust['experience']:g} times ln(1 + patients), those that taught it as `labels.json` counts them."
        )
    if row["present_above"] is not None:
        lines.append(
            f'A thing that is there with less than {row["present_above"]:.1%} is answered with "not present": on that '
            "set this bound has the best F1 of such answers."
        )
    lines += [
        "",
        f"| confidence (ECE, {row['ece_bins']} bins) | answers | before | calibrated |",
        "|---|---|---|---|",
    ]
    for name, title in (
        ("names", "of the best name"),
        ("presence", "that a thing is there"),
        ("boxes", "that a box is right (its name, IoU >= 0.5)"),
    ):
        if row[name] is not None:
            one = row[name]
            lines.append(f"| {title} | {one['n']} | {one['ece_before']:.3f} | {one['ece']:.3f} |")
    return lines


def _other_lines(metrics: dict[str, Any]) -> Iterator[str]:
    """Accuracy of the tasks that choose or write words, beside always giving the most frequent answer."""
    rows = [
        (f"visual questions, {kind}, {language}", row[kind])
        for language, row in metrics.get("vqa", {}).items()
        for kind in ("closed", "open")
        if kind in row
    ]
    rows += [(f"diagnosis among {name}", row) for name, row in metrics.get("diagnosis", {}).items()]
    if rows:
        yield "| other tasks | accuracy | always the most frequent answer | questions |"
        yield "|---|---|---|---|"
        for title, row in rows:
            yield f"| {title} | {_percent(row, 'accuracy')} | {_percent(row, 'baseline_accuracy')} | {row['n']} |"
        yield ""
    yield from _report_lines(metrics)


def _report_lines(metrics: dict[str, Any]) -> Iterator[str]:
    """Reports, by the words that they share with the true ones; and the boxes of grounded ones."""
    grounded = metrics.get("grounded_report", {})
    texts = [("reports", metrics.get("report", {})), ("grounded reports", grounded.get("text", {}))]
    rows = [(f"{title}, {language}", row) for title, some in texts for language, row in some.items()]
    if rows:
        yield "| texts | mean F1 of words | BLEU-4 | ROUGE-L | texts |"
        yield "|---|---|---|---|---|"
        for title, row in rows:
            # Chinese has no spaces: by character, as its figures are usually told.
            unit = row.get("character") or row["word"]
            f1 = f"{row['token_f1']:.3f} ({_interval(row, 'ci95_token_f1', 3)})"
            yield f"| {title} | {f1} | {unit['bleu4']:.3f} | {unit['rouge_l']:.3f} | {row['n']} |"
        yield ""
    kinds = [kind for kind in ("lesion", "organ") if kind in grounded]
    if kinds:
        yield "| boxes of grounded reports | mean IoU | regions found | malformed | reports |"
        yield "|---|---|---|---|---|"
        for kind in kinds:
            row = grounded[kind]
            iou = f"{row['iou']:.3f} ({_interval(row, 'ci95_iou', 3)})"
            shares = f"{_percent(row, 'region_accuracy')} | {_percent(row, 'malformed')}"
            yield f"| {kind}s | {iou} | {shares} | {row['n']} |"
        yield ""


def _failure_lines(failures: Sequence[Prediction]) -> Iterator[str]:
    """The worst answers, the surest first; a report's text is too long for a table."""
    if not failures:
        return
    yield "## Failures"
    yield ""
    yield "Of each task the worst answers to its test, the surest first, at most two a label."
    yield ""
    yield "| picture of | question | true | said | as sure as, before calibration |"
    yield "|---|---|---|---|---|"
    for one in failures:
        record = one.record
        # A report is asked for by the preamble alone.
        asked = record.human.partition(IMAGE_MARKER)[2].strip() or record.task.value.replace("_", " ")
        sure = confidence_of(one)
        cells = (
            f"{record.source or 'unknown'} ({record.modality or 'unknown'})",
            *(_cell(text) for text in (asked, record.gpt, one.raw)),
            "-" if sure is None else f"{sure:.0%}",
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _cell(text: str) -> str:
    words = " ".join(text.split())
    short = words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
    plain = short.replace("|", "/").replace("`", "'")
    return f"`{plain}`"


def _label_lines(labels: dict[str, Any]) -> Iterator[str]:
    yield "| label | region to text | questions | text to region, mean IoU | questions |"
    yield "|---|---|---|---|---|"
    for label, row in labels.items():
        one, two = row["region_to_text"], row["text_to_region"]
        if not one["n"] and not two["n"]:
            continue
        accuracy = f"{one['accuracy']:.1%}" if one["n"] else "-"
        iou = f"{two['iou']:.3f}" if two["n"] else "-"
        yield f"| {label} | {accuracy} | {one['n']} | {iou} | {two['n']} |"
    yield ""


def _stratum_lines(kind: str, strata: dict[str, Any]) -> Iterator[str]:
    if not strata:
        return
    against = kind == "source"
    more = " mean of per-label recalls | its most frequent label alone |" if against else " mean of per-label recalls |"
    yield f"| {kind} | region to text | questions |{more} text to region, mean IoU | questions |"
    yield "|---|---|---|" + ("---|---|" if against else "---|") + "---|---|"
    for name, row in strata.items():
        one, two = row["region_to_text"], row["text_to_region"]
        cells = [f"{one['accuracy']:.1%}" if one["n"] else "-", str(one["n"])]
        if against:
            told = one.get("labels", 0) > 1
            cells += [
                _percent(one, key) if told else "-" for key in ("mean_label_recall", "majority_mean_label_recall")
            ]
        else:
            cells.append(_percent(one, "mean_label_recall") if one["n"] else "-")
        cells += [f"{two['iou']:.3f}" if two["n"] else "-", str(two["n"])]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""


def _number(row: dict[str, Any], key: str) -> str:
    return "-" if row.get(key) is None else f"{row[key]:.3f}"


def _percent(row: dict[str, Any], key: str) -> str:
    return "-" if row.get(key) is None else f"{row[key]:.1%}"


def _interval(row: dict[str, Any], key: str = "ci95", digits: int = 0) -> str:
    values = row.get(key) or []
    return " to ".join(f"{value:.{digits}f}" if digits else f"{value:.1%}" for value in values) or "-"
