"""The gate's report: tables per task and label, names confused before and after, pictures of what changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.files import whole_file
from engine.protocol import Task
from engine.regions import LabelSet
from training.evaluation.gallery import draw_case
from training.evaluation.pages import markdown_cell, markdown_table
from training.evaluation.paired import Difference, Pair, difference, difference_of
from training.evaluation.prediction import Prediction
from training.evaluation.summary import label_of, score_of
from training.feedback.sets import write_json
from training.feedback.verdict import too_few_words

REPORT_FILE, PAGE_FILE = "report.json", "report.md"
_PICTURES = "pictures"
_EXAMPLES = 6
"""Of what got better, and again of what got worse."""
_CONFUSED = 20
"""Names of a confusion table: the most frequent."""
_OTHER = "(other)"
ANSWERS, IDS = "answers", "ids"
MEASURES = {
    ANSWERS: "Answers through the engine: right names, mean IoU of boxes.",
    IDS: "No answers: the ids (tokens) of true answers, each predicted from what the base remembers and the true ids "
    "before it. Names, questions and diagnoses count where every id is right; boxes and reports by the share of right "
    "ids.",
}
"""What the scores of a set are."""
WORDS = {ANSWERS: "score of the answers", IDS: "share of remembered answers predicted right, id by id"}
"""The same in short."""


def part_report(pairs: Sequence[Pair], names: LabelSet) -> dict[str, Any]:
    """One set's figures. pairs : before and after. names : of the labels, so that both languages are one row.

    measure : what its scores are, a key of `MEASURES`.
    """
    tasks: dict[str, list[Pair]] = defaultdict(list)
    labels: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        task = pair[0].record.task.value
        tasks[task].append(pair)
        labels[(english(label_of(pair[0]), names), task)].append(pair)
    rows = [
        {"label": label, "task": task, **_figures(difference_of(some))}
        for (label, task), some in sorted(labels.items())
    ]
    named = [pair for pair in pairs if pair[0].record.task is Task.REGION_TO_TEXT]
    return {
        "measure": ANSWERS,
        "overall": _figures(difference_of(pairs)),
        "tasks": {task: _figures(difference_of(some)) for task, some in sorted(tasks.items())},
        "labels": rows,
        "confusion": confusion(named, names) if named else None,
    }


def scores_report(scored: Mapping[Task, Sequence[tuple[float, float, str]]]) -> dict[str, Any]:
    """As `part_report`, of scores alone: before, after, and whose."""
    return {
        "measure": IDS,
        "overall": _figures(difference([one for rows in scored.values() for one in rows])),
        "tasks": {task.value: _figures(difference(rows)) for task, rows in scored.items()},
        "labels": [],
        "confusion": None,
    }


def confusion(pairs: Sequence[Pair], names: LabelSet) -> dict[str, Any]:
    """How often each true name (rows) was called what (columns), before and after.

    labels : the most frequent true names, then "(other)" for all the rest.
    """
    triples = [tuple(english(one, names) for one in (a.truth.text, a.answer.text, b.answer.text)) for a, b in pairs]
    labels = [name for name, _ in Counter(truth for truth, _, _ in triples).most_common(_CONFUSED)]
    place = {name: number for number, name in enumerate(labels)}
    last = len(labels)
    tables = [[[0] * (last + 1) for _ in range(last + 1)] for _ in range(2)]
    for truth, before, after in triples:
        for table, said in zip(tables, (before, after), strict=True):
            table[place.get(truth, last)][place.get(said, last)] += 1
    return {"labels": [*labels, _OTHER], "before": tables[0], "after": tables[1]}


def english(name: str, names: LabelSet) -> str:
    """A label's English name, of its name in either language; any other text as it is."""
    label = names.find(name)
    return name if label is None else label.en


def examples_of(pairs: Sequence[Pair], count: int = _EXAMPLES) -> list[Pair]:
    """What changed most: at most `count` answers that got better, and as many that got worse, of many labels."""
    found: list[Pair] = []
    for sign in (1, -1):
        ranked = sorted(pairs, key=lambda pair: (-sign * _change(pair), pair[0].where))
        labels: Counter[str] = Counter()
        chosen: list[Pair] = []
        for pair in ranked:
            label = label_of(pair[0])
            if sign * _change(pair) > 0 and labels[label] < 2 and len(chosen) < count:
                labels[label] += 1
                chosen.append(pair)
        found += chosen
    return found


def write_report(report: dict[str, Any], corrections: Sequence[Pair], heldout: Path, out: Path) -> dict[str, Any]:
    """Add pictures of the held-out corrections and write the JSON and the Markdown page into `out`; returns the JSON.

    The JSON comes last: without it there was no gate. Raises `DatasetError` for a lost image.
    """
    pictures = out / _PICTURES
    pictures.mkdir(parents=True, exist_ok=True)
    examples = []
    for number, (before, after) in enumerate(examples_of(corrections), start=1):
        files = {}
        for side, one in (("before", before), ("after", after)):
            files[side] = f"{_PICTURES}/{number}-{side}.png"
            with whole_file(out / files[side]) as target:
                target.write_bytes(draw_case(one, heldout).png)
        examples.append(_example(before, after, files))
    report = {**report, "examples": examples}
    with whole_file(out / PAGE_FILE) as target:
        target.write_text(markdown(report), encoding="utf-8")
    write_json(out / REPORT_FILE, report)
    return report


def markdown(report: dict[str, Any]) -> str:
    """The page for people."""
    verdict = "passed" if report["passed"] else "NOT passed"
    lines = [f"# Gate of {report['adapter']['id']}: {verdict}", "", "**Not for diagnostic use.**", ""]
    lines += markdown_table([("condition", "measured", "bound", ""), *map(_check_row, report["checks"])])
    if few := too_few_words(report):
        lines += [f"Cannot be judged: {few}.", ""]
    against = report["compared_with"]
    lines += [
        f"Base {report['base']['id']} ({report['base']['sha256'][:12]}), snapshot {report['snapshot']['sha256'][:12]}. "
        f"Corrections are compared with {'the base alone' if against is None else against['id']}, the base test set "
        "with the base alone. Intervals: 95% of the difference, Student's t over patients.",
        "",
    ]
    for key, title in (("heldout", "Held-out corrections"), ("base_test", "Base test set")):
        lines += _part_lines(report[key], title)
    if report["examples"]:
        lines += ["## What changed", "", "Green: true, orange: said, blue: asked about.", ""]
    for one in report["examples"]:
        lines += [
            f"![before]({one['pictures']['before']}) ![after]({one['pictures']['after']})",
            "",
            f"{one['where']}: {markdown_cell(one['asked'])}",
            "",
            f"- true: {markdown_cell(one['truth'])}",
            f"- before ({one['scores'][0]:.2f}): {markdown_cell(one['before'])}",
            f"- after ({one['scores'][1]:.2f}): {markdown_cell(one['after'])}",
            "",
        ]
    return "\n".join(lines)


def _part_lines(part: dict[str, Any], title: str) -> list[str]:
    overall = part["overall"]
    lines = [f"## {title}", "", f"{part['source']}: {overall['n']} questions of {overall['patients']} patients.", ""]
    lines += [MEASURES[part["measure"]], ""]
    head = ("", "n", "before", "after", "difference", "95%")
    tasks = [(name, *_cells(row)) for name, row in part["tasks"].items()]
    lines += markdown_table([head, ("all", *_cells(overall)), *tasks])
    if part["labels"]:
        lines += markdown_table(
            [("label", *head[1:])] + [(f"{r['label']}, {r['task']}", *_cells(r)) for r in part["labels"]]
        )
    if part["confusion"] is not None:
        for side in ("before", "after"):
            names = part["confusion"]["labels"]
            rows = [(name, *map(str, row)) for name, row in zip(names, part["confusion"][side], strict=True)]
            lines += [f"### Names, {side}: true in rows, said in columns", ""]
            lines += markdown_table([("", *names), *rows])
    return lines


def _check_row(check: dict[str, Any]) -> tuple[str, ...]:
    value = "too few patients to tell" if check["value"] is None else f"{check['value']:+.4f}"
    sign = ">" if check["what"] == "improves" else "≥"
    return check["what"], value, f"{sign} {check['bound']:g}", "yes" if check["passed"] else "NO"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    bounds = row["interval"]
    return (
        str(row["n"]),
        f"{row['before']:.3f}",
        f"{row['after']:.3f}",
        f"{row['difference']:+.3f}",
        "" if bounds is None else f"{bounds[0]:+.3f} to {bounds[1]:+.3f}",
    )


def _figures(found: Difference) -> dict[str, Any]:
    figures = asdict(found)
    # As JSON has it: a report that is read again is the same.
    bounds = None if found.interval is None else list(found.interval)
    return {"before": figures.pop("first"), "after": figures.pop("second"), **figures, "interval": bounds}


def _example(before: Prediction, after: Prediction, pictures: dict[str, str]) -> dict[str, Any]:
    return {
        "where": before.where,
        "task": before.record.task.value,
        "asked": " ".join(before.record.human.rpartition("\n")[2].split()),
        "truth": before.record.gpt,
        "before": before.raw,
        "after": after.raw,
        "scores": [score_of(before), score_of(after)],
        "pictures": pictures,
    }


def _change(pair: Pair) -> float:
    return score_of(pair[1]) - score_of(pair[0])
