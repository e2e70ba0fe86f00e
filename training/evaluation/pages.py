"""The report of an evaluation for people: one HTML page that needs nothing else, the same as Markdown, and the JSON."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.files import whole_file
from training.evaluation.gallery import WorstCase, worst_cases
from training.evaluation.plots import calibration_plot, iou_plot, label_plot
from training.evaluation.prediction import Prediction
from training.evaluation.tables import Section, report_sections

_STYLE = """
body{font:14px/1.45 system-ui,sans-serif;max-width:1080px;margin:1.5em auto;padding:0 1em;color:#222;background:#fff}
h1{font-size:1.5em;margin-bottom:.2em}h2{font-size:1.15em;margin:1.6em 0 .4em;border-bottom:1px solid #ccc}
table{border-collapse:collapse;margin:.4em 0}td,th{padding:.15em .7em;text-align:right;border-bottom:1px solid #e4e4e4}
td:first-child,th:first-child{text-align:left}.note{color:#555;max-width:60em}img{max-width:100%}
.cases{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:14px}
.case{border:1px solid #ddd;padding:8px;font-size:12px;overflow-wrap:anywhere}.case img{width:100%;display:block}
.true{color:#177a2f}.said{color:#b35900}.warn{font-weight:bold}
"""


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
        "calibration": calibration_plot(report["calibration"]),
    }
    figures = {name: png for name, png in plots.items() if png is not None}
    cases = worst_cases(predictions, folder)
    sections = report_sections(report, predictions, figures)
    for name, png in {**figures, **{f"case{n}": case.png for n, case in enumerate(cases, start=1)}}.items():
        (pictures / f"{name}.png").write_bytes(png)
    for file, text in (
        ("report.json", json.dumps(report, ensure_ascii=False, indent=2) + "\n"),
        ("report.md", _markdown(report, sections, cases)),
        ("report.html", _html(report, sections, figures, cases)),
    ):
        with whole_file(out / file) as target:
            target.write_text(text, encoding="utf-8")


def _title(report: dict[str, Any]) -> tuple[str, str]:
    model, dataset = report["model"], report["dataset"]
    version = f" {model['version']}" if model["version"] else ""
    return (
        f"{model['id']}{version} on {dataset['name']}",
        f"{dataset['records']} questions of {dataset['patients']} patients, set {dataset['sha256'][:12]}; model "
        f"{model['sha256'][:12]} through {model['runs_on']}.",
    )


_WARNING = "Not for diagnostic use."


def _markdown(report: dict[str, Any], sections: Sequence[Section], cases: Sequence[WorstCase]) -> str:
    title, facts = _title(report)
    lines = [f"# {title}", "", f"**{_WARNING}** {facts}", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        lines += [section.note, ""] if section.note else []
        lines += [f"![{section.title}](pictures/{section.figure}.png)", ""] if section.figure else []
        lines += markdown_table(section.rows)
    if cases:
        lines += ["## Worst answers", ""]
    for number, case in enumerate(cases, start=1):
        lines += [
            f"![{case.where}](pictures/case{number}.png)",
            "",
            f"{case.where}, {case.task}, {_scores(case)}",
            "",
            f"- asked: {markdown_cell(case.asked)}",
            f"- true: {markdown_cell(case.truth)}",
            f"- said: {markdown_cell(case.said)}",
            "",
        ]
    return "\n".join(lines)


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Its lines and an empty one after it; none for no rows. The first row is the header."""
    lines = ["| " + " | ".join(markdown_cell(cell) for cell in row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:], ""] if lines else []


def markdown_cell(text: str) -> str:
    """Text that cannot end a table's cell or become markup."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")


def _html(
    report: dict[str, Any], sections: Sequence[Section], figures: dict[str, bytes], cases: Sequence[WorstCase]
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
                f'<div class="true">true: {html.escape(case.truth)}</div>'
                f'<div class="said">said: {html.escape(case.said)}</div></div>'
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
