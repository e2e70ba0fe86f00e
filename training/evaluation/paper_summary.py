"""The paper's columns over a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.protocol import Task
from training.evaluation.classes import score_classes
from training.evaluation.measures import by_language
from training.evaluation.paper import RULES, paper_grounding, paper_labels, paper_names, paper_regions, paper_vqa
from training.evaluation.paper_reports import paper_reports
from training.evaluation.prediction import Prediction
from training.evaluation.questions import is_lesion_report


def paper_metrics(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """The published definitions over the same answers; **precision and recall are swapped**, as published."""
    result: dict[str, Any] = {"note": "precision is over the true boxes and recall over the said ones, as published"}
    of = {task: [one for one in predictions if one.record.task is task] for task in Task}
    texts = ((Task.REGION_TO_TEXT, paper_names), (Task.VQA, paper_vqa), (Task.REPORT, paper_reports))
    for task, measure in texts:
        for language, members in by_language(of[task]).items():
            answers, truths = [one.answer.text for one in members], [one.truth.text for one in members]
            result.setdefault(task.value, {})[language.value] = _round(measure(answers, truths, language))
    found = of[Task.TEXT_TO_REGION]
    for kind in sorted({one.subtask for one in found} - {"absent"}):
        samples = [(one.answer.located, one.truth.located) for one in found if one.subtask == kind]
        columns = {name: _round(paper_regions(kind, samples, rules)) for name, rules in RULES.items()}
        result.setdefault(Task.TEXT_TO_REGION.value, {})[kind] = columns
    for lesion in (False, True):
        some = [one for one in of[Task.GROUNDED_REPORT] if is_lesion_report(one.record) is lesion]
        if some:
            samples = [(one.answer.located, one.truth.located) for one in some]
            columns = {name: _round(paper_grounding(samples, rules, lesion=lesion)) for name, rules in RULES.items()}
            result.setdefault(Task.GROUNDED_REPORT.value, {})["lesion" if lesion else "organ"] = columns
    diagnoses = [one for one in of[Task.DIAGNOSIS] if one.question.options]
    for labels in sorted({one.question.options for one in diagnoses}):
        some = [one for one in diagnoses if one.question.options == labels]
        said = [paper_labels(one.raw, labels) for one in some]
        score = score_classes(said, [one.truth.labels for one in some])
        row = {"macro_f1": score.macro_f1, "accuracy": score.accuracy}
        result.setdefault(Task.DIAGNOSIS.value, {})[", ".join(labels[:3])] = _round(row)
    return result


def _round(row: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in row.items()}
