"""The tables of an evaluation report: which sections there are, and what stands in their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.protocol import Task
from training.evaluation.confidences import KINDS
from training.evaluation.prediction import Prediction


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of the page. rows : the first is the header. figure : name of its picture, "" for none."""

    title: str
    note: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    figure: str = ""


def report_sections(
    report: dict[str, Any], predictions: Sequence[Prediction], figures: dict[str, bytes]
) -> list[Section]:
    """The sections of a report in reading order; only those whose tasks or pictures it has."""
    metrics = report["metrics"]
    sections = []
    if "region_to_text" in metrics:
        sections.append(Section("Region to text", _NAMED_NOTE, _named_rows(metrics["region_to_text"])))
        confusions = _confusions(predictions)
        if len(confusions) > 1:
            sections.append(Section("Most frequent wrong names", rows=confusions))
    if "text_to_region" in metrics:
        rows = _found_rows(metrics["text_to_region"])
        sections.append(Section("Text to region", _found_note(metrics["text_to_region"]), rows, _has("iou", figures)))
    for task, title in (
        ("grounded_report", "Grounded reports"),
        ("report", "Reports"),
        ("vqa", "Questions and answers"),
        ("diagnosis", "Classification"),
    ):
        if task in metrics:
            found = dict(metrics[task])
            text = found.pop("text") if task == "grounded_report" else None
            sections.append(Section(title, rows=_grouped_rows(found)))
            if text is not None:
                sections.append(Section(f"{title}: their text", rows=_grouped_rows(text)))
    for key, title in (("modality", "By modality"), ("language", "By language"), ("region_size", "By size of region")):
        sections.append(Section(title, rows=_stratum_rows(report["by"][key])))
    label = _has("labels", figures)
    sections.append(
        Section("By label", "" if label else "No label to show.", _stratum_rows(report["by"]["label"]), label)
    )
    if "calibration" in figures:
        calibration = report["calibration"]
        note = _calibration_note(calibration)
        sections.append(Section("Calibration", note, _calibration_rows(calibration), "calibration"))
    if "paper_compatible" in report:
        note = "By the published definitions: precision and recall are swapped there, on purpose here."
        paper = {key: value for key, value in report["paper_compatible"].items() if key != "note"}
        sections.append(Section("Paper-compatible", note, _flat_rows(paper)))
    rows = (("measure", "why"), *report["not_run"].items())
    sections.append(Section("Not run", rows=rows))
    skipped = report["dataset"]["skipped"]
    if skipped:
        sections.append(Section("Left out", rows=(("line", "why"), *((s["where"], s["reason"]) for s in skipped))))
    return sections


_NAMED_NOTE = (
    "Accuracy: the name is the true one. Baselines: always the most frequent name. Intervals: 95% bootstrap by patient."
)


def _calibration_note(row: dict[str, Any]) -> str:
    parts = [
        f"ECE over {row['ece_bins']} equal bins. Names: probability of the chosen name against its being right. "
        "Presence: probability that an asked name is in the image against its being there. Boxes: a box's probability "
        "against the right name with IoU of at least 0.5."
    ]
    if row["fitted_here"]:
        parts.append("The calibration was fitted on this very set: these figures flatter the model.")
    elif row["fitted_on"]:
        parts.append(f"Calibrated on the set {row['fitted_on'][:16]}.")
    else:
        parts.append("The model is not calibrated.")
    abstention = row["abstention"]
    if abstention is not None:
        parts.append(_abstention(abstention))
    return " ".join(parts)


def _abstention(row: dict[str, Any]) -> str:
    said = f'Below {row["below"]:g} it says "not sure": it answers {row["said"]:.1%} of the questions'
    right = "" if row["accuracy_said"] is None else f", {row['accuracy_said']:.1%} of them right"
    withheld = row["accuracy_withheld"]
    return said + right + ("." if withheld is None else f"; of what it withholds {withheld:.1%} was right.")


def _calibration_rows(row: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    rows: list[tuple[str, ...]] = [("", "n", "ECE before", "ECE", "Brier before", "Brier")]
    for name in KINDS:
        one = row[name]
        if one is not None:
            figures = (one["ece_before"], one["ece"], one["brier_before"], one["brier"])
            rows.append((name, str(one["n"]), *(f"{figure:.3f}" for figure in figures)))
    return tuple(rows)


def _found_note(found: dict[str, Any]) -> str:
    parts = ["Precision is over the boxes said, recall over those that are there; means over questions."]
    if "map" in found:
        row = found["map"]
        parts.append(
            f"mAP@[.5:.95] {row['map50_95']:.3f}, mAP@.5 {row['map50']:.3f}, mAP@.75 {row['map75']:.3f} (COCO)."
        )
    if "mean_iou" in found:
        parts.append(f"Mean IoU of all that is there {_with(found['mean_iou'], found['ci95_mean_iou'])}.")
    if "presence" in found:
        row = found["presence"]
        parts.append(
            f"Whether a name is there: balanced accuracy {row['balanced_accuracy']:.3f}, sensitivity "
            f"{row['sensitivity']:.3f}, specificity {row['specificity']:.3f}."
        )
    parts.append(f"Malformed answers {found['malformed']:.1%}.")
    return " ".join(parts)


def _named_rows(row: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    rows = [
        ("", "model", "baseline"),
        ("accuracy", _with(row["accuracy"], row["ci95"]), f"{row['baseline_accuracy']:.3f}"),
        ("mean recall a label", f"{row['mean_label_recall']:.3f}", f"{row['baseline_mean_label_recall']:.3f}"),
        ("accuracy, token recall >= 0.75", f"{row['accuracy_recall75']:.3f}", ""),
        ("token F1 / recall", f"{row['f1']:.3f} / {row['recall']:.3f}", ""),
        ("BLEU-1", f"{row['bleu1']:.3f}", ""),
    ]
    if "known" in row:
        known = row["known"]
        rows += [
            ("accuracy, names it was taught", _with(known["accuracy"], known["ci95"]), ""),
            ("mean recall a label, names it was taught", f"{known['mean_label_recall']:.3f}", ""),
        ]
    if "bertscore_f1" in row:
        rows.append(("BERTScore F1", f"{row['bertscore_f1']:.3f}", ""))
    rows.append(("questions, patients, labels", f"{row['n']}, {row['patients']}, {row['labels']}", ""))
    return tuple(rows)


_HITS = ("precision", "recall", "f1")
_KINDS = {
    "so_sr": "one object, one region",
    "so_mr": "one object, several regions",
    "mo_sr": "several objects, one region each",
    "mo_mr": "several objects, several regions",
}


def _found_rows(found: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    rows: list[tuple[str, ...]] = [
        ("", "n", "mean IoU", "acc .25", "acc .5", "acc .75", "object F1", "region P / R / F1", "aligned P / R / F1")
    ]
    for kind, title in _KINDS.items():
        if kind in found:
            row = found[kind]
            at = [f"{row['at'][t]['accuracy']:.3f}" for t in ("0.25", "0.50", "0.75")]
            hits = [" / ".join(f"{row[w][k]:.2f}" for k in _HITS) for w in ("region", "aligned")]
            iou = _with(row["iou"], row["ci95_iou"])
            rows.append((title, str(row["n"]), iou, *at, f"{row['object_f1']:.3f}", *hits))
    if "absent" in found:
        row = found["absent"]
        rows.append(("not there, and said so", str(row["n"]), "", "", _with(row["accuracy"], row["ci95"]), *[""] * 4))
    return tuple(rows)


def _stratum_rows(strata: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """A row a stratum, columns for the tasks that occur."""
    tasks = [t.value for t in Task if any(row.get(t.value, {}).get("n") for row in strata.values())]
    rows: list[tuple[str, ...]] = [("", *(part for t in tasks for part in (t.replace("_", " "), "n")))]
    for name, row in strata.items():
        cells = []
        for task in tasks:
            one = row.get(task, {})
            figure = next((v for k, v in one.items() if k not in ("n", "ci95")), 0.0)
            cells += [_with(figure, one["ci95"]), str(one["n"])] if one.get("n") else ["", ""]
        if any(cells):
            rows.append((name, *cells))
    return tuple(rows)


_HEADS = {
    "accuracy_recall75": "recall >= 0.75",
    "baseline_accuracy": "accuracy of the most frequent",
    "baseline_macro_f1": "macro-F1 of the most frequent",
    "bertscore_f1": "BERTScore F1",
    "bleu1": "BLEU-1",
    "bleu4": "BLEU-4",
    "chexbert_similarity": "CheXbert",
    "f1": "F1",
    "iou": "IoU",
    "macro_f1": "macro-F1",
    "meteor": "METEOR",
    "rouge_l": "ROUGE-L",
    "token_f1": "token F1",
}
_GROUPS = {"en": "English", "zh": "Chinese", "word": "by word", "character": "by character"}


def _grouped_rows(metrics: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """A row a group of figures, however deep it lies, and a column a measure; intervals stand with what they are of."""
    groups = list(_groups(metrics))
    columns = list(dict.fromkeys(key for _, figures in groups for key in figures))
    # Last, as everywhere.
    columns.sort(key=lambda key: key in ("labels", "n", "patients"))
    rows = [("", *(_HEADS.get(key, key.replace("_", " ")) for key in columns))]
    rows += [(name, *(figures.get(key, "") for key in columns)) for name, figures in groups]
    return tuple(rows)


def _groups(metrics: dict[str, Any], name: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """(name, measure to what its cell says) of each group."""
    figures: dict[str, str] = {}
    for key, value in metrics.items():
        if isinstance(value, float):
            bounds = metrics.get(f"ci95_{key}", metrics.get("ci95") if key == "accuracy" else None)
            figures[key] = _with(value, bounds)
        elif isinstance(value, int):
            figures[key] = str(value)
    if figures:
        yield name, figures
    for key, value in metrics.items():
        if isinstance(value, dict):
            title = _GROUPS.get(key, key.replace("_", " "))
            yield from _groups(value, f"{name}, {title}" if name else title)


def _flat_rows(metrics: dict[str, Any], prefix: str = "") -> tuple[tuple[str, ...], ...]:
    rows: list[tuple[str, ...]] = [] if prefix else [("measure", "value")]
    for key, value in metrics.items():
        name = f"{prefix} {key.replace('_', ' ')}".strip()
        if isinstance(value, dict):
            rows += _flat_rows(value, name)
        elif isinstance(value, list):
            rows.append((name, " to ".join(f"{one:.3f}" for one in value)))
        else:
            rows.append((name, f"{value:.4f}" if isinstance(value, float) else str(value)))
    return tuple(rows)


def _confusions(predictions: Sequence[Prediction]) -> tuple[tuple[str, ...], ...]:
    wrong = Counter(
        (one.truth.text, one.answer.text)
        for one in predictions
        if one.record.task is Task.REGION_TO_TEXT and one.truth.text.casefold() != one.answer.text.casefold()
    )
    return (("true", "said", "times"), *((t, s, str(n)) for (t, s), n in wrong.most_common(12)))


def _with(value: float, bounds: Sequence[float] | None) -> str:
    return f"{value:.3f} [{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else f"{value:.3f}"


def _has(name: str, figures: dict[str, bytes]) -> str:
    return name if name in figures else ""
