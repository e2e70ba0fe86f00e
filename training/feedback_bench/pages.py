"""What the bench leaves behind: a plot of the labels needed, a page of tables, rows beside the goals."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from engine.bench import Row, row
from training.evaluation.pages import markdown_table
from training.evaluation.plots import BLUE, GREY, ORANGE, png
from training.feedback_bench.active import FIGURES, LEARNER, MAIN_SHARE, SHARES, SeedResult, median_ratio
from training.feedback_bench.figures import REGION_TO_TEXT, Change
from training.feedback_bench.new_site import SiteResult

GAIN_GOAL, FALL_GOAL, MINUTES_GOAL, LABELS_GOAL = 20.0, 1.0, 10.0, 60.0
"""Points, points, minutes, and percent of the labels that random order needs."""
_NAMES = {"accuracy": "accuracy", "recall": "mean of the labels' recalls"}


def site_rows(result: SiteResult) -> list[Row]:
    """The goals of the new site."""
    rows = [
        row(
            "new site, region to text, points gained",
            "points",
            100 * result.site[REGION_TO_TEXT].difference,
            goal=GAIN_GOAL,
            larger_is_better=True,
        )
    ]
    for name, change in result.site.items():
        if name != REGION_TO_TEXT:
            rows.append(row(f"new site, {name}, points gained", "points", 100 * change.difference))
    for where, tasks in result.base.items():
        for task, change in tasks.items():
            rows.append(row(f"{where}: {task}, points lost", "points", -100 * change.difference, goal=FALL_GOAL))
    return [*rows, row("fine-tuning, slowest fold", "minutes", result.seconds / 60, goal=MINUTES_GOAL)]


def active_rows(results: Sequence[SeedResult]) -> list[Row]:
    """The goal of the order: the median over the seeds, of one share of one figure; the others are told beside it."""
    rows = []
    for figure in FIGURES:
        for share in SHARES:
            main = figure == "accuracy" and share == MAIN_SHARE
            name = f"labels for {share:.0%} of the {_NAMES[figure]} of all, of what random order needs"
            ratio = median_ratio(results, figure, share)
            rows.append(row(name, "%", 100 * ratio, goal=LABELS_GOAL if main else None))
    return rows


def site_page(result: SiteResult) -> list[str]:
    """Markdown: before and after, on the site and on the base's test sets."""
    counts = [run["counts"] for run in result.runs]
    lines = [
        "## A new site",
        "",
        f"{result.source}. {len(counts)} of 5 folds, each trained on {_span([c['corrections'] for c in counts])} "
        f"corrections of {_span([c['train_patients'] for c in counts])} patients and asked about "
        f"{_span([c['heldout_regions'] for c in counts])} regions of "
        f"{_span([c['heldout_patients'] for c in counts])} others. The annotator is simulated; snapshot, fine-tuning "
        "and gate are the product's. Fine-tuning took "
        f"{_span([round(run['seconds']) for run in result.runs])} s on "
        f"{result.runs[0]['run']['threads']} thread(s). Intervals: 95 %, bootstrap by patient, in points.",
        "",
        *_change_table("held-out patients of the site", result.site),
        f"Always saying the most frequent corrected name: {100 * result.majority:.1f} % right.",
        "",
    ]
    for name, tasks in result.base.items():
        lines += _change_table(f"forgetting: {name}", tasks)
    passed = sum(bool(run["gate"]["passed"]) for run in result.runs)
    return [*lines, f"The gate passed {passed} of {len(result.runs)} adapters.", ""]


def active_page(results: Sequence[SeedResult], source: str, plot: str) -> list[str]:
    """Markdown: how many labels either order needs, by seed. plot : the picture's file."""
    lines = [
        "## What to label next",
        "",
        f"{source}. The learner is no adapter: it is a {LEARNER}, fitted anew after each round of pictures, and the "
        "doubt is its own. Labels are regions, at most two of a name a picture. Both orders start from the same "
        "pictures. A target is a share of what the learner can with every label.",
        "",
        f"![labels and accuracy]({plot})",
        "",
    ]
    for figure in FIGURES:
        rows: list[tuple[str, ...]] = [("seed", *(f"{share:.0%} of {_NAMES[figure]}" for share in SHARES))]
        for result in results:
            cells = (f"{one.product:.0f} of {one.random:.0f} ({one.ratio:.0%})" for one in result.needed[figure])
            rows.append((str(result.seed), *cells))
        medians = (f"{median_ratio(results, figure, share):.0%}" for share in SHARES)
        lines += markdown_table([*rows, ("median", *medians)])
    return lines


def active_plot(results: Sequence[SeedResult]) -> bytes:
    """Accuracy over labels, a thin line a seed, and how many labels each seed needed."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, result in enumerate(results):
        for curve, colour, name in ((result.product, BLUE, "the product's order"), (result.random, ORANGE, "random")):
            left.plot(curve.labels, curve.accuracy, color=colour, lw=1, alpha=0.8, label="" if number else name)
    left.set(xlabel="labels (regions)", ylabel="share of held-out regions named right")
    left.set_title(f"{len(results)} deals of the patients", fontsize=10)
    left.legend(fontsize=8)
    left.grid(alpha=0.3)
    for place, share in enumerate(SHARES):
        ratios = [100 * one.ratio for result in results for one in result.needed["accuracy"] if one.share == share]
        right.plot([place] * len(ratios), ratios, "o", color=BLUE, alpha=0.6, clip_on=False)
        right.hlines(100 * median_ratio(results, "accuracy", share), place - 0.25, place + 0.25, color=BLUE, lw=2)
    right.axhline(LABELS_GOAL, color=GREY, ls="--", lw=1, label=f"goal {LABELS_GOAL:.0f} %")
    right.axhline(100, color=ORANGE, lw=1, label="random order")
    right.set(xlim=(-0.5, len(SHARES) - 0.5), ylim=(0, None), ylabel="% of the labels that random order needs")
    right.set_xticks(range(len(SHARES)), [f"{share:.0%} of the\naccuracy of all" for share in SHARES], fontsize=8)
    right.legend(fontsize=8)
    right.grid(axis="y", alpha=0.3)
    return png(figure)


def _change_table(title: str, changes: dict[str, Change]) -> list[str]:
    rows: list[tuple[str, ...]] = [(title, "before", "after", "difference", "questions", "patients")]
    rows += [(name, *change.cells(), str(change.n), str(change.patients)) for name, change in changes.items()]
    return markdown_table(rows)


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"
