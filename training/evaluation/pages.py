"""The report of an evaluation for people: one HTML page that needs nothing else, the same as Markdown, and the JSON."""

from __future__ import annotations

import base64
import html
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.files import whole_file
from engine.protocol import Task
from training.evaluation.gallery import WorstCase, worst_cases
from training.evaluation.plots import calibration_plot, iou_plot, label_plot
from training.evaluation.prediction import Prediction
from training.evaluation.summary import calibration_of

_STYLE = """
body{font:14px/1.45 system-ui,sans-serif;max-width:1080px;margin:1.5em auto;padding:0 1em;color:#222;background:#fff}
h1{font-size:1.5em;margin-bottom:.2em}h2{font-size:1.15em;margin:1.6em 0 .4em;border-bottom:1px solid #ccc}
table{border-collapse:collapse;margin:.4em 0}td,th{padding:.15em .7em;text-align:right;border-bottom:1px solid #e4e4e4}
td:first-child,th:first-child{text-align:left}.note{color:#555;max-width:60em}img{max-width:100%}
.cases{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:14px}
.case{border:1px solid #ddd;padding:8px;font-size:12px;overflow-wrap:anywhere}.case img{width:100%;display:block}
.true{color:#177a2f}.said{color:#b35900}.warn{font-weight:bold}
"""


@dataclass(frozen=True, slots=True)
class _Section:
    """A titled part of the page. rows : the first is the header. figure : name of its picture, "" for none."""

    title: str
    note: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    figure: str = ""


def write_pages(report: dict[str, Any], predictions: Sequence[Prediction], dataset: Path, out: Path) -> None:
    """Write ``report.html`` (self-contained), ``report.md`` with its pictures in ``pictures/``, and ``report.json``.

    The gallery holds images of the dataset: a report goes where they may go. Raises `DatasetError` for a lost image.
    """
    pictures = out / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    folder = dataset if dataset.is_dir() else dataset.parent
    plots = {
        "iou": iou_plot(predictions),
        "labels": label_plot(report["by"]["label"]),
        "calibration": calibration_plot(calibration_of(predictions)),
    }
    figures = {name: png for name, png in plots.items() if png is not None}
    cases = worst_cases(predictions, folder)
    sections = _sections(report, predictions, figures)
    for name, png in {**figures, **{f"case{n}": case.png for n, case in enumerate(cases, start=1)}}.items():
        (pictures / f"{name}.png").write_bytes(png)
    for file, text in (
        ("report.json", json.dumps(report, ensure_ascii=False, indent=2) + "\n"),
        ("report.md", _markdown(report, sections, cases)),
        ("report.html", _html(report, sections, figures, cases)),
    ):
        with whole_file(out / file) as target:
            target.write_text(text, encoding="utf-8")


def _sections(
    report: dict[str, Any], predictions: Sequence[Prediction], figures: dict[str, bytes]
) -> list[_Section]:
    metrics = report["metrics"]
    sections = []
    if "region_to_text" in metrics:
        sections.append(_Section("Region to text", _NAMED_NOTE, _named_rows(metrics["region_to_text"])))
        confusions = _confusions(predictions)
        if len(confusions) > 1:
            sections.append(_Section("Most frequent wrong names", rows=confusions))
    if "text_to_region" in metrics:
        rows = _found_rows(metrics["text_to_region"])
        sections.append(_Section("Text to region", _found_note(metrics["text_to_region"]), rows, _has("iou", figures)))
    for task, title in (
        ("grounded_report", "Grounded reports"),
        ("report", "Reports"),
        ("vqa", "Questions and answers"),
        ("diagnosis", "Classification"),
    ):
        if task in metrics:
            sections.append(_Section(title, rows=_flat_rows(metrics[task])))
    for key, title in (("modality", "By modality"), ("language", "By language"), ("region_size", "By size of region")):
        sections.append(_Section(title, rows=_stratum_rows(report["by"][key])))
    label = _has("labels", figures)
    sections.append(_Section("By label", "" if label else "No label to show.", _stratum_rows(report["by"]["label"]), label))
    if "calibration" in figures:
        sections.append(_Section("Calibration", _CALIBRATION_NOTE, figure="calibration"))
    if "paper_compatible" in report:
        note = "By the published definitions: precision and recall are swapped there, on purpose here."
        paper = {key: value for key, value in report["paper_compatible"].items() if key != "note"}
        sections.append(_Section("Paper-compatible", note, _flat_rows(paper)))
    rows = (("measure", "why"), *report["not_run"].items())
    sections.append(_Section("Not run", rows=rows))
    skipped = report["dataset"]["skipped"]
    if skipped:
        sections.append(_Section("Left out", rows=(("line", "why"), *((s["where"], s["reason"]) for s in skipped))))
    return sections


_NAMED_NOTE = (
    "Accuracy: the name is the true one. Baselines: always the most frequent name. Intervals: 95% bootstrap by patient."
)
_CALIBRATION_NOTE = (
    "Names: probability of the chosen name against its being right. Boxes: probability of a box's digits against "
    "the right name with IoU of at least 0.5."
)


def _found_note(found: dict[str, Any]) -> str:
    parts = ["Precision is over the boxes said, recall over those that are there; means over questions."]
    if "map" in found:
        row = found["map"]
        parts.append(
            f"mAP@[.5:.95] {row['map50_95']:.3f}, mAP@.5 {row['map50']:.3f}, mAP@.75 {row['map75']:.3f} (COCO, by label)."
        )
    if "mean_iou" in found:
        parts.append(f"Mean IoU of all that is there {_with(found['mean_iou'], found['ci95_mean_iou'])}.")
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
    if "bertscore_f1" in row:
        rows.append(("BERTScore F1", f"{row['bertscore_f1']:.3f}", ""))
    rows.append(("questions, patients, labels", f"{row['n']}, {row['patients']}, {row['labels']}", ""))
    return tuple(rows)


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
            rows.append(
                (title, str(row["n"]), _with(row["iou"], row["ci95_iou"]), *at, f"{row['object_f1']:.3f}")
                + tuple(" / ".join(f"{row[w][k]:.2f}" for k in ("precision", "recall", "f1")) for w in ("region", "aligned"))
            )
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


def _title(report: dict[str, Any]) -> tuple[str, str]:
    model, dataset = report["model"], report["dataset"]
    version = f" {model['version']}" if model["version"] else ""
    return (
        f"{model['id']}{version} on {dataset['name']}",
        f"{dataset['records']} questions of {dataset['patients']} patients, set {dataset['sha256'][:12]}; model "
        f"{model['sha256'][:12]} through {model['runs_on']}.",
    )


_WARNING = "Not for diagnostic use."


def _markdown(report: dict[str, Any], sections: Sequence[_Section], cases: Sequence[WorstCase]) -> str:
    title, facts = _title(report)
    lines = [f"# {title}", "", f"**{_WARNING}** {facts}", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        lines += [section.note, ""] if section.note else []
        lines += [f"![{section.title}](pictures/{section.figure}.png)", ""] if section.figure else []
        for number, row in enumerate(section.rows):
            lines.append("| " + " | ".join(_cell(cell) for cell in row) + " |")
            lines += ["|" + "---|" * len(row)] if number == 0 else []
        lines += [""] if section.rows else []
    if cases:
        lines += ["## Worst answers", ""]
    for number, case in enumerate(cases, start=1):
        lines += [
            f"![{case.where}](pictures/case{number}.png)",
            "",
            f"{case.where}, {case.task}, {_scores(case)}",
            "",
            f"- asked: {_cell(case.asked)}",
            f"- true: {_cell(case.truth)}",
            f"- said: {_cell(case.said)}",
            "",
        ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Text that cannot end a table's cell or become markup."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")


def _html(
    report: dict[str, Any], sections: Sequence[_Section], figures: dict[str, bytes], cases: Sequence[WorstCase]
) -> str:
    title, facts = _title(report)
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>',
        f"<style>{_STYLE}</style></head><body><h1>{html.escape(title)}</h1>",
        f'<p class="note"><span class="warn">{_WARNING}</span> {html.escape(facts)}</p>',
    ]
    for section in sections:
        parts.append(f"<h2>{html.escape(section.title)}</h2>")
        if section.note:
            parts.append(f'<p class="note">{html.escape(section.note)}</p>')
        if section.rows:
            parts.append(_table(section.rows))
        if section.figure:
            parts.append(_image(figures[section.figure], section.title))
    if cases:
        legend = '<span class="true">green: true</span>, <span class="said">orange: said</span>, blue: asked about'
        parts.append(f'<h2>Worst answers</h2><p class="note">{legend}.</p><div class="cases">')
        for case in cases:
            parts.append(
                f'<div class="case">{_image(case.png, case.where)}'
                f"<div>{html.escape(case.where)}, {html.escape(case.task)}, {_scores(case)}</div>"
                f"<div>{html.escape(case.asked)}</div>"
                f'<div class="true">{html.escape(case.truth)}</div><div class="said">{html.escape(case.said)}</div></div>'
            )
        parts.append("</div>")
    parts.append("</body></html>\n")
    return "\n".join(parts)


def _scores(case: WorstCase) -> str:
    sure = "" if case.confidence is None else f", confidence {case.confidence:.2f}"
    return f"score {case.score:.2f}{sure}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = ["<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in body]
    return "<table>" + "".join(lines) + "</table>"


def _image(png: bytes, alt: str) -> str:
    encoded = base64.b64encode(png).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{encoded}">'
