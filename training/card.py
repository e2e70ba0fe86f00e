"""The model card: what a model was trained on, how it scored, and what it is not for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.runtime import ModelManifest

CARD_FILE = "MODEL_CARD.md"


def write_card(manifest: ModelManifest, report: dict[str, Any], facts: dict[str, str]) -> ModelManifest:
    """Write ``MODEL_CARD.md`` and put the headline figures into the manifest; returns the new manifest.

    report : what `training.evaluation.summary.summarize` made. facts : rows for the table at the top.
    """
    metrics = report["metrics"]
    named, found = metrics.get("region_to_text", {}), metrics.get("text_to_region", {})
    calibration = report["calibration"]
    lines = [
        f"# {manifest.name}",
        "",
        "**Not for diagnostic use.** Written by `medrega evaluate --card`; every figure comes from that run,",
        "through the GGUF files that ship.",
        "",
        "| | |",
        "|---|---|",
        f"| id, version | {manifest.id} {manifest.version} |",
        f"| model hash | `{manifest.sha256}` |",
        f"| trained for | {', '.join(manifest.tasks) or 'not written down'} |",
        *(f"| {key} | {value} |" for key, value in facts.items()),
        f"| scored on | {report['dataset']['records']} questions, set `{report['dataset']['sha256'][:16]}` |",
        "",
        "## Scores on held-out patients",
        "",
        "| region to text | |",
        "|---|---|",
        f"| accuracy (95% interval by patient) | {_percent(named, 'accuracy')} ({_interval(named)}) |",
        f"| always the most frequent name | {_percent(named, 'baseline_accuracy')} |",
        f"| mean of per-label recalls | {_percent(named, 'mean_label_recall')} |",
        f"| questions, patients | {named.get('n', 0)}, {named.get('patients', 0)} |",
        f"| calibration error (ECE, {calibration['ece_bins']} bins) | {_number(calibration, 'ece')}; "
        f"{_number(calibration, 'ece_before')} before calibration |",
        *_abstention_rows(calibration["abstention"]),
        "",
        "| text to region | questions | mean IoU | IoU >= 0.5 | region F1 |",
        "|---|---|---|---|---|",
    ]
    titles = {
        "so_sr": "one object, one region",
        "so_mr": "one object, several regions",
        "mo_sr": "several objects, one region each",
        "mo_mr": "several objects, several regions",
    }
    for kind, title in titles.items():
        if kind in found:
            row = found[kind]
            figures = f"{row['iou']:.3f} | {_percent(row, 'acc50')} | {_percent(row, 'region_f1')}"
            lines.append(f"| {title} | {row['n']} | {figures} |")
    if "mean_iou" in found:
        lines.append(f"| all that is there | | {found['mean_iou']:.3f} | | |")
    if "absent" in found:
        row = found["absent"]
        lines.append(f"| not there, and said so | {row['n']} | | {_percent(row, 'accuracy')} | |")
    if "presence" in found:
        row = found["presence"]
        figures = f"{row['balanced_accuracy']:.1%} ({row['sensitivity']:.1%} and {row['specificity']:.1%})"
        lines.append(f"| there or not: balanced accuracy (of what is there, is not) | | | {figures} | |")
    lines += _calibration_lines(calibration)
    lines += [
        "",
        "| label | region to text | questions | text to region, mean IoU | questions |",
        "|---|---|---|---|---|",
    ]
    for label, row in report["by"]["label"].items():
        one, two = row["region_to_text"], row["text_to_region"]
        accuracy = f"{one['accuracy']:.1%}" if one["n"] else "-"
        iou = f"{two['iou']:.3f}" if two["n"] else "-"
        lines.append(f"| {label} | {accuracy} | {one['n']} | {iou} | {two['n']} |")
    lines += [
        "",
        "| language | region to text | text to region, mean IoU |",
        "|---|---|---|",
        *(
            f"| {name} | {row['region_to_text']['accuracy']:.1%} | {row['text_to_region']['iou']:.3f} |"
            for name, row in report["by"]["language"].items()
        ),
        "",
        "## Intended use and limits",
        "",
        "To try and to develop MedRegA Desktop on any computer: it makes the whole road from a box to a name, a",
        "correction and a new training set work offline. It was trained on generated phantoms of the upper abdomen",
        "in CT and on nothing else: on a real scan, on another modality or body part, its answers are guesses.",
        "It knows the names in `labels.json` and no others, and it names one of them whatever it is shown, unless",
        'the best one is so improbable that it says "not sure".',
        "",
    ]
    (manifest.folder / CARD_FILE).write_text("\n".join(lines), encoding="utf-8")
    scores = {
        "region_to_text_accuracy": named.get("accuracy"),
        "text_to_region_mean_iou": found.get("mean_iou"),
        "text_to_region_so_sr_iou": found.get("so_sr", {}).get("iou"),
        "calibration_error": calibration["ece"],
        "dataset_sha256": report["dataset"]["sha256"],
    }
    updated = replace(manifest, scores=scores)
    updated.write()
    return updated


def _abstention_rows(row: dict[str, Any] | None) -> list[str]:
    if row is None:
        return []
    said = f"{row['said']:.1%} of the questions, {_share(row['accuracy_said'])} of them right"
    return [
        f'| answered (else "not sure": best name below {row["below"]:g}) | {said} |',
        f"| of what it withholds, right | {_share(row['accuracy_withheld'])} |",
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _calibration_lines(row: dict[str, Any]) -> list[str]:
    """What was fitted, and how far each confidence can be believed."""
    if row["fitted_on"] is None:
        return []
    heats = ", ".join(f"{task.replace('_', ' ')} {value:g}" for task, value in row["temperatures"].items())
    lines = [
        "",
        f"Calibrated on the set `{row['fitted_on'][:16]}`, not the one scored on: temperatures {heats or '-'}.",
    ]
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


def read_facts(path: Path) -> dict[str, str]:
    """The card's facts from a TOML file of texts."""
    import tomllib

    return {key: str(value) for key, value in tomllib.loads(path.read_text(encoding="utf-8")).items()}


def _number(row: dict[str, Any], key: str) -> str:
    return "-" if row.get(key) is None else f"{row[key]:.3f}"


def _percent(row: dict[str, Any], key: str) -> str:
    return f"{row[key]:.1%}" if key in row else "-"


def _interval(row: dict[str, Any]) -> str:
    return " to ".join(f"{value:.1%}" for value in row.get("ci95") or []) or "-"
