"""Plots of an evaluation as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names

from engine.protocol import Task
from training.evaluation.confidences import KINDS
from training.evaluation.prediction import Prediction

BLUE, ORANGE, GREY = "#1f77b4", "#ff7f0e", "#888888"
_MOST_LABELS = 40
_DPI = 110
# Label names are in either language; of those that are there each draws what the ones before it lack.
_FONTS = ("DejaVu Sans", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Zen Hei")


def label_plot(by_label: dict[str, Any]) -> bytes | None:
    """Accuracy of names and IoU of boxes, a row a label, with 95% intervals; None without a label of these tasks.

    A dot is a figure, 0 too; where there is none the label was not asked about.

    by_label : the report's ``by.label``. At most 40 labels, those with the most questions.
    """
    rows = [(name, row) for name, row in by_label.items() if name not in ("(several)", "(none)")]
    rows = [(name, row) for name, row in rows if _count(row)]
    rows = sorted(rows, key=lambda pair: -_count(pair[1]))[:_MOST_LABELS]
    if not rows:
        return None
    rows.sort(key=lambda pair: _height(pair[1]))
    figure = Figure(figsize=(9.5, 1.2 + 0.24 * len(rows)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(rows))
    for axes, task, key, title, colour in (
        (left, "region_to_text", "accuracy", "region to text: accuracy", BLUE),
        (right, "text_to_region", "iou", "text to region: mean IoU", ORANGE),
    ):
        values = np.array([row[task][key] if row[task]["n"] else np.nan for _, row in rows])
        bounds = [row[task]["ci95"] if row[task]["n"] else None for _, row in rows]
        errors = np.array([[v - b[0], b[1] - v] if b else [0, 0] for v, b in zip(values, bounds, strict=True)]).T
        axes.barh(places, values, color=colour, height=0.7)
        axes.errorbar(
            values, places, xerr=np.clip(errors, 0, None), fmt="o", ms=2.5, color="#333333", lw=0.8, clip_on=False
        )
        axes.set_xlim(0, 1)
        axes.set_title(title, fontsize=10)
        axes.grid(axis="x", alpha=0.3)
    left.set_ylim(-0.6, len(rows) - 0.4)
    left.set_yticks(places, [f"{name} ({_count(row)})" for name, row in rows], fontsize=8, fontfamily=_fonts())
    return png(figure)


def calibration_plot(calibration: dict[str, Any]) -> bytes | None:
    """Reliability diagrams of names, of presence and of boxes; None where nothing has a confidence.

    calibration : the report's.
    """
    shown = {name: calibration[name] for name in KINDS if calibration[name] is not None}
    if not shown:
        return None
    figure = Figure(figsize=(4.2 * len(shown), 3.9), layout="constrained")
    for axes, (name, one) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown.items(), strict=True):
        bins = one["bins"]
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="perfect")
        axes.plot(
            [part["confidence"] for part in bins],
            [part["accuracy"] for part in bins],
            "o-",
            color=BLUE,
            label="model",
            # The most and the least sure answers stand at the edges.
            clip_on=False,
        )
        axes.bar(
            [(part["low"] + part["high"]) / 2 for part in bins],
            [part["count"] / one["n"] for part in bins],
            width=0.09,
            color=GREY,
            alpha=0.35,
            label="share of answers",
        )
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="share right")
        axes.set_title(f"{name}: ECE {one['ece']:.3f}, {one['n']} answers", fontsize=10)
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    return png(figure)


def iou_plot(predictions: Sequence[Prediction]) -> bytes | None:
    """The share of questions whose IoU reaches each threshold, by sub-task; None without text-to-region."""
    kinds: dict[str, list[float]] = {}
    for one in predictions:
        if one.record.task is Task.TEXT_TO_REGION and one.subtask != "absent":
            kinds.setdefault(one.subtask, []).append(one.match.iou)
    if not kinds:
        return None
    figure = Figure(figsize=(5.6, 3.9), layout="constrained")
    axes = figure.subplots()
    thresholds = np.linspace(0, 1, 101)
    for kind, ious in sorted(kinds.items()):
        shares = [float(np.mean(np.array(ious) >= threshold)) for threshold in thresholds]
        axes.plot(thresholds, shares, label=f"{kind.replace('_', '-').upper()} (n={len(ious)})")
    axes.axvline(0.5, color=GREY, linewidth=1, linestyle="--")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="IoU at least", ylabel="share of questions")
    axes.set_title("text to region", fontsize=10)
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    return png(figure)


def _fonts() -> list[str]:
    present = set(get_font_names())
    return [name for name in _FONTS if name in present] or ["sans-serif"]


def _count(row: dict[str, Any]) -> int:
    return int(row["region_to_text"]["n"] + row["text_to_region"]["n"])


def _height(row: dict[str, Any]) -> float:
    """The mean of the figures a label has."""
    one, two = row["region_to_text"], row["text_to_region"]
    return float(np.mean([*[one["accuracy"]][: one["n"]], *[two["iou"]][: two["n"]]]))


def png(figure: Figure) -> bytes:
    """A figure as PNG, without pyplot, which would look for a screen."""
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(stream, dpi=_DPI)
    return stream.getvalue()
