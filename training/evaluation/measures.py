"""The figures of one task over its predictions, under the field's names, rounded for reading."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.labels import LabelSet
from engine.protocol import Language
from training.evaluation.average_precision import Detections, mean_average_precision
from training.evaluation.classes import mean_label_recall, score_classes
from training.evaluation.intervals import interval_by_group, recalls_by_group
from training.evaluation.judges import Judges
from training.evaluation.prediction import Prediction
from training.evaluation.questions import is_lesion_report
from training.evaluation.regions import THRESHOLDS, Hits
from training.evaluation.reports import score_reports
from training.evaluation.words import PAPER_RECALL, TextScore, chinese_words, score_text, tokens
from training.instruct.naming import Naming

YES_NO = frozenset({"yes", "no", "是", "否", "有", "没有", "无"})
"""Truths of closed questions."""


def named_metrics(predictions: Sequence[Prediction], judges: Judges, labels: LabelSet | None = None) -> dict[str, Any]:
    """Region to text. accuracy : the name is the true one. accuracy_recall75 : the paper's, three quarters of the
    truth's tokens. baseline : always the most frequent name of the question's language.
    labels : the names that the model knows; known : its figures of questions whose true name is one of them, where
    there are others.
    """
    scores = [text_score(one) for one in predictions]
    hits = [float(score.exact) for score in scores]
    truths = [one.truth.text for one in predictions]
    guesses = {
        language: Counter(one.truth.text for one in members).most_common(1)[0][0]
        for language, members in by_language(predictions).items()
    }
    guessed = [float(one.truth.text == guesses[one.record.language]) for one in predictions]
    by_source = _source_guesses(predictions)
    result = {
        "accuracy": mean(hits),
        "ci95": interval(hits, predictions),
        "accuracy_recall75": mean([float(score.recall >= PAPER_RECALL) for score in scores]),
        **_recalls(predictions, hits),
        "baseline_accuracy": mean(guessed),
        "baseline_mean_label_recall": round(mean_label_recall(truths, guessed), 4),
        "baseline_answers": {language.value: name for language, name in guesses.items()},
        **_source_baseline(predictions, by_source),
        **_by_kind(predictions, hits, by_source),
        **_known(predictions, hits, by_source, labels),
        "precision": mean([score.precision for score in scores]),
        "recall": mean([score.recall for score in scores]),
        "f1": mean([score.f1 for score in scores]),
        "bleu1": mean([score.bleu1 for score in scores]),
        "labels": len(set(truths)),
    }
    return result | _judged(predictions, judges) | counts(predictions)


def _source_guesses(predictions: Sequence[Prediction]) -> list[float] | None:
    """For each question whether always naming the most frequent label of its source and language is right.

    None where no source is told.
    """
    if not any(one.record.source for one in predictions):
        return None
    names: dict[tuple[str, Language], Counter[str]] = defaultdict(Counter)
    for one in predictions:
        names[one.record.source, one.record.language][one.truth.text] += 1
    return [
        float(one.truth.text == names[one.record.source, one.record.language].most_common(1)[0][0])
        for one in predictions
    ]


def _source_baseline(predictions: Sequence[Prediction], right: Sequence[float] | None) -> dict[str, Any]:
    if right is None:
        return {}
    return {
        "source_baseline_accuracy": mean(right),
        "source_baseline_mean_label_recall": round(
            mean_label_recall([one.truth.text for one in predictions], right), 4
        ),
    }


def _recalls(predictions: Sequence[Prediction], hits: Sequence[float]) -> dict[str, Any]:
    """The mean over labels of the share that is right, with its interval."""
    truths = [one.truth.text for one in predictions]
    found = recalls_by_group(truths, hits, [one.record.group for one in predictions])
    return {
        "mean_label_recall": round(mean_label_recall(truths, hits), 4),
        "ci95_mean_label_recall": None if found is None else [round(value, 4) for value in found],
    }


_Member = tuple[Prediction, float, float | None]
"""A question, whether it was named right, and whether its source's most frequent label is right, if that is told."""


def _members(
    predictions: Sequence[Prediction], hits: Sequence[float], guessed: Sequence[float] | None
) -> list[_Member]:
    none: list[float | None] = [None] * len(predictions)
    return list(zip(predictions, hits, none if guessed is None else guessed, strict=True))


def _by_kind(
    predictions: Sequence[Prediction], hits: Sequence[float], guessed: Sequence[float] | None
) -> dict[str, Any]:
    """Lesions and structures apart, as the paper scores them, told by the ontology; other names in neither."""
    naming = Naming()
    kinds: dict[str, list[_Member]] = defaultdict(list)
    for member in _members(predictions, hits, guessed):
        key = naming.resolve(member[0].truth.text, {})
        if key is not None:
            kinds["lesions" if naming.is_finding(key) else "structures"].append(member)
    return {kind: _figures(members) for kind, members in sorted(kinds.items())}


def _known(
    predictions: Sequence[Prediction],
    hits: Sequence[float],
    guessed: Sequence[float] | None,
    labels: LabelSet | None,
) -> dict[str, Any]:
    """Apart from the names that a model was never taught: no scan of a patient it learnt from showed them."""
    if labels is None:
        return {}
    members = [one for one in _members(predictions, hits, guessed) if labels.find(one[0].truth.text)]
    return {} if len(members) == len(predictions) else {"known": _figures(members)}


def _figures(members: Sequence[_Member]) -> dict[str, Any]:
    """Of some questions."""
    some, hits = [one for one, _, _ in members], [hit for _, hit, _ in members]
    guessed = [guess for _, _, guess in members if guess is not None]
    figures = {"accuracy": mean(hits), "ci95": interval(hits, some), **_recalls(some, hits)}
    return figures | (_source_baseline(some, guessed) if guessed else {}) | counts(some)


def against_majority(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Region to text of one source beside its most frequent label in each language.

    mean_label_recall : each language's mean of its labels' recalls, over both. majority_mean_label_recall : what always
    naming the most frequent one gives, one over the number of labels; margin : the difference.
    """
    recalls, majority, guessed = [], [], []
    labels = 0
    for members in by_language(predictions).values():
        truths = [one.truth.text for one in members]
        recalls.append(mean_label_recall(truths, [float(text_score(one).exact) for one in members]))
        counts_ = Counter(truths)
        labels = max(labels, len(counts_))
        majority.append(1 / len(counts_))
        guessed += [float(truth == counts_.most_common(1)[0][0]) for truth in truths]
    return {
        "labels": labels,
        "mean_label_recall": mean(recalls),
        "majority_accuracy": mean(guessed),
        "majority_mean_label_recall": mean(majority),
        "margin": round(mean(recalls) - mean(majority), 4),
    }


def found_metrics(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Text to region, by sub-task; ``map`` is COCO's over all questions with their confidences."""
    metrics: dict[str, Any] = {}
    kinds: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        kinds[prediction.subtask].append(prediction)
    for kind, members in sorted(kinds.items()):
        if kind == "absent":
            right = [float(not one.match.said) for one in members]
            metrics[kind] = {"accuracy": mean(right), "ci95": interval(right, members)} | counts(members)
        else:
            metrics[kind] = region_metrics(members, first_box=kind == "so_sr")
    present = [one for one in predictions if one.subtask != "absent"]
    if present:
        ious = [one.match.iou for one in present]
        metrics["mean_iou"] = mean(ious)
        metrics["ci95_mean_iou"] = interval(ious, present)
    presence = presence_metrics(predictions)
    if presence is not None:
        metrics["presence"] = presence
    precision = mean_average_precision([_detections(one) for one in predictions])
    if precision is not None:
        metrics["map"] = {
            "map50_95": round(precision.mean, 4),
            "map50": round(precision.at50, 4),
            "map75": round(precision.at75, 4),
        }
    metrics["malformed"] = mean([float(one.answer.malformed) for one in predictions])
    return metrics


def presence_metrics(predictions: Sequence[Prediction]) -> dict[str, Any] | None:
    """Whether each asked name was drawn or denied, against its being there; None where one of the two never is true.

    balanced_accuracy : mean of sensitivity (there, and drawn) and specificity (not there, and not drawn).
    """
    drawn: dict[bool, list[float]] = {True: [], False: []}
    for one in predictions:
        said, meant = ({name.casefold() for name, _ in side} for side in (one.match.said, one.match.meant))
        for name in one.question.names:
            drawn[name.casefold() in meant].append(float(name.casefold() in said))
    if not drawn[True] or not drawn[False]:
        return None
    sensitivity, specificity = float(np.mean(drawn[True])), 1 - float(np.mean(drawn[False]))
    return _round(
        {
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "present": len(drawn[True]),
            "absent": len(drawn[False]),
        }
    )


def region_metrics(members: Sequence[Prediction], *, first_box: bool = False) -> dict[str, Any]:
    """The region-aligned framework over some answers: means over questions, and ``micro`` over all boxes.

    first_box : the IoU is that of the first box said, as single-object single-region questions are scored.
    """
    ious = [one.match.first_iou if first_box else one.match.iou for one in members]
    result: dict[str, Any] = {
        "acc50": mean([float(iou >= 0.5) for iou in ious]),
        "ci95_acc50": interval([float(iou >= 0.5) for iou in ious], members),
        "iou": mean(ious),
        "ci95_iou": interval(ious, members),
        "object": _hits([one.match.objects() for one in members]),
        "region": _hits([one.match.regions() for one in members]),
        "aligned": _hits([one.match.aligned() for one in members]),
        "at": {
            f"{threshold:.2f}": {
                "accuracy": mean([float(iou >= threshold) for iou in ious]),
                "region_f1": mean([one.match.regions(threshold).f1 for one in members]),
                "aligned_f1": mean([one.match.aligned(threshold).f1 for one in members]),
            }
            for threshold in THRESHOLDS
        },
    }
    result |= {f"{name}_f1": result[name]["f1"] for name in ("object", "region", "aligned")}
    result["ci95_region_f1"] = interval([one.match.regions().f1 for one in members], members)
    said, meant = (sum(len(boxes) for boxes in side) for side in _sides(members))
    result["micro"] = _round(asdict(Hits.of(sum(one.match.aligned_count() for one in members), said, meant)))
    return result | counts(members)


def grounded_metrics(predictions: Sequence[Prediction], judges: Judges) -> dict[str, Any]:
    """Grounded reports: accuracies are over the true regions, means over reports; text as reports are scored."""
    result: dict[str, Any] = {}
    for name, members in (
        ("lesion", [one for one in predictions if is_lesion_report(one.record)]),
        ("organ", [one for one in predictions if not is_lesion_report(one.record)]),
    ):
        if members:
            ious = [one.match.iou for one in members]
            result[name] = {
                "object_accuracy": mean([one.match.objects().recall for one in members]),
                "region_accuracy": mean([one.match.regions().recall for one in members]),
                "alignment_accuracy": mean([one.match.aligned().recall for one in members]),
                "iou": mean(ious),
                "ci95_iou": interval(ious, members),
                "malformed": mean([float(one.answer.malformed) for one in members]),
            } | counts(members)
    return result | {"text": report_metrics(predictions, judges)}


def report_metrics(predictions: Sequence[Prediction], judges: Judges) -> dict[str, Any]:
    """Reports by language; Chinese by ``character`` and by ``word``."""
    result: dict[str, Any] = {}
    for language, members in by_language(predictions).items():
        said, meant = [one.answer.text for one in members], [one.truth.text for one in members]
        row: dict[str, Any] = {unit: _round(asdict(s)) for unit, s in score_reports(said, meant, language).items()}
        # An interval of corpus BLEU would need its counts by report; that of the mean F1 does not.
        f1 = [score_text(a, t, _cut(language)).f1 for a, t in zip(said, meant, strict=True)]
        row |= {"token_f1": mean(f1), "ci95_token_f1": interval(f1, members)}
        row |= _judged(members, judges)
        if language is Language.EN:
            similarity = judges.chexbert_similarity(said, meant)
            row |= {} if similarity is None else {"chexbert_similarity": round(similarity, 4)}
        result[language.value] = row | counts(members)
    return result


def vqa_metrics(predictions: Sequence[Prediction], judges: Judges) -> dict[str, Any]:
    """Questions and answers by language: all, closed (the truth is yes or no) and open. Chinese by jieba's words."""
    result: dict[str, Any] = {}
    for language, members in by_language(predictions).items():
        closed = [one for one in members if is_closed(one)]
        opened = [one for one in members if not is_closed(one)]
        row = {
            name: _short_answers(some, language)
            for name, some in (("all", members), ("closed", closed), ("open", opened))
            if some
        }
        result[language.value] = row | _judged(members, judges)
    return result


def is_closed(prediction: Prediction) -> bool:
    """Whether the truth is yes or no."""
    return prediction.truth.text.strip(" .。").lower() in YES_NO


def _short_answers(members: Sequence[Prediction], language: Language) -> dict[str, Any]:
    scores = [score_text(_bare(one.answer.text), _bare(one.truth.text), _cut(language)) for one in members]
    hits = [float(score.exact) for score in scores]
    truths = [_bare(one.truth.text) for one in members]
    return {
        "accuracy": mean(hits),
        "ci95": interval(hits, members),
        "accuracy_recall75": mean([float(score.recall >= PAPER_RECALL) for score in scores]),
        "baseline_accuracy": round(Counter(truths).most_common(1)[0][1] / len(truths), 4),
        "recall": mean([score.recall for score in scores]),
        "f1": mean([score.f1 for score in scores]),
        "bleu1": mean([score.bleu1 for score in scores]),
    } | counts(members)


def diagnosis_metrics(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Classification, each list of labels apart, named by its first labels."""
    lists: dict[tuple[str, ...], list[Prediction]] = defaultdict(list)
    for one in predictions:
        lists[one.question.options].append(one)
    result: dict[str, Any] = {}
    for labels, members in lists.items():
        said, meant = [one.answer.labels or (one.answer.text,) for one in members], [_true_labels(m) for m in members]
        hits = [float(set(a) == set(t)) for a, t in zip(said, meant, strict=True)]
        name = ", ".join(labels[:3]) + (f" and {len(labels) - 3} more" if len(labels) > 3 else "")
        result[name or "no list"] = (
            _round(asdict(score_classes(said, meant)))
            | {
                "ci95": interval(hits, members),
                "labels": len(labels),
                "malformed": mean([float(one.answer.malformed) for one in members]),
            }
            | counts(members)
        )
    return result


def _true_labels(prediction: Prediction) -> tuple[str, ...]:
    return prediction.truth.labels or (prediction.truth.text,)


def text_score(prediction: Prediction) -> TextScore:
    """The answer's words against the truth's."""
    return score_text(prediction.answer.text, prediction.truth.text)


def by_language(predictions: Sequence[Prediction]) -> dict[Language, list[Prediction]]:
    """The predictions of each language there is."""
    found = {language: [one for one in predictions if one.record.language is language] for language in Language}
    return {language: members for language, members in found.items() if members}


def counts(predictions: Sequence[Prediction]) -> dict[str, int]:
    """How many questions, of how many patients."""
    return {"n": len(predictions), "patients": len({one.record.group for one in predictions})}


def mean(values: Sequence[float]) -> float:
    """Rounded for reading; 0 without any."""
    return round(float(np.mean(values)), 4) if len(values) else 0.0


def interval(values: Sequence[float], predictions: Sequence[Prediction]) -> list[float] | None:
    """95% by patient; None for fewer than two patients."""
    found = interval_by_group(values, [one.record.group for one in predictions])
    return None if found is None else [round(value, 4) for value in found]


def _judged(predictions: Sequence[Prediction], judges: Judges) -> dict[str, float]:
    score = judges.bert_f1([one.answer.text for one in predictions], [one.truth.text for one in predictions])
    return {} if score is None else {"bertscore_f1": round(score, 4)}


def _detections(prediction: Prediction) -> Detections:
    said = zip(prediction.match.said, prediction.said_scores, strict=True)
    return Detections(tuple((name, box, score) for (name, box), score in said), prediction.match.meant)


def _sides(members: Sequence[Prediction]) -> tuple[list[Any], list[Any]]:
    return [one.match.said for one in members], [one.match.meant for one in members]


def _hits(rows: Sequence[Hits]) -> dict[str, float]:
    return {name: mean([getattr(row, name) for row in rows]) for name in ("precision", "recall", "f1")}


def _cut(language: Language) -> Callable[[str], list[str]]:
    return chinese_words if language is Language.ZH else tokens


def _bare(text: str) -> str:
    return text.strip(" .。，,").lower()


def _round(row: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
