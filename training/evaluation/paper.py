"""The published figures' definitions, slips included, so that they can be compared with.

Source: Wang et al., ICLR 2025, section 4 and appendix, and what its released evaluators do. Two columns where they
differ: ``text`` as the paper says, ``code`` as the released code does. In both, **precision is over the true boxes
and recall over the said ones**, the reverse of the standard names. Figures are 0..1, the paper's are in percent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from engine.protocol import Language, Located
from engine.regions import Box
from training.evaluation.regions import best_iou, flat
from training.evaluation.words import PAPER_RECALL, bleu1, chinese_words, score_token_sets

_CLOSED_RECALL = 0.8
_SYNONYMS = {"head": "brain", "tumour": "tumor", "both": "bilateral", "pa": "posterior anterior"}
"""Those of the released table that are published in words; it has more."""

Sample = tuple[Sequence[Located], Sequence[Located]]
"""(answer, truth)."""


@dataclass(frozen=True, slots=True)
class PaperRules:
    """lenient : a name fits if it is empty or one holds the other. so_mr_threshold : IoU of a region hit there.

    strict : the IoU must exceed the threshold instead of reaching it.
    """

    lenient: bool
    so_mr_threshold: float
    strict: bool


RULES = {"text": PaperRules(False, 0.5, False), "code": PaperRules(True, 0.75, True)}


def paper_regions(kind: str, samples: Sequence[Sample], rules: PaperRules) -> dict[str, float]:
    """A text-to-region sub-task (so_sr, so_mr, mo_sr, mo_mr) over its samples."""
    if kind == "so_sr":
        return _single(samples, rules)
    threshold = rules.so_mr_threshold if kind == "so_mr" else 0.5
    rows = [_matched(answer, truth, threshold, rules) for answer, truth in samples]
    result: dict[str, float] = {}
    for what in ("region",) if kind == "so_mr" else ("object", "region", "aligned"):
        hits = [(getattr(row, what), row.said, row.meant) for row in rows]
        precisions = [_over(hit, meant) for hit, _, meant in hits]
        if kind == "mo_sr" and rules.lenient:
            # The released class gives accuracies over the true boxes only.
            result[f"{what}_accuracy"] = _mean(precisions)
            continue
        recalls = [_over(hit, said) for hit, said, _ in hits]
        result[f"{what}_precision"] = _mean(precisions)
        result[f"{what}_recall"] = _mean(recalls)
        result[f"{what}_f1"] = _mean([_f1(p, r) for p, r in zip(precisions, recalls, strict=True)])
    pairs = "pairs" if kind == "so_mr" else "meant"
    result["iou"] = _mean([_over(row.iou_sum, getattr(row, pairs)) for row in rows])
    if kind == "mo_mr":
        result["alignment_ratio"] = _over(sum(row.aligned for row in rows), sum(row.region for row in rows))
        result["detection_ratio"] = _over(sum(row.aligned for row in rows), sum(row.object for row in rows))
    return result


def paper_grounding(samples: Sequence[Sample], rules: PaperRules, *, lesion: bool) -> dict[str, float]:
    """Regions of grounded reports: lesions as SO-SR, organs and chest structures by accuracies over the true boxes."""
    if lesion:
        return _single(samples, rules)
    rows = [_matched(answer, truth, 0.5, rules) for answer, truth in samples]
    return {
        "object_accuracy": _mean([_over(row.object, row.meant) for row in rows]),
        "region_accuracy": _mean([_over(row.region, row.meant) for row in rows]),
        "alignment_accuracy": _mean([_over(row.aligned, row.meant) for row in rows]),
        "iou": _mean([_over(row.iou_sum, row.meant) for row in rows]),
    }


def paper_names(answers: Sequence[str], truths: Sequence[str], language: Language) -> dict[str, float]:
    """Region-to-text: token sets, BLEU-1 a sample, accuracy = recall of at least 0.75. Chinese is cut by jieba."""
    cut: Callable[[str], list[str]] = chinese_words if language is Language.ZH else _spaces
    scores = [score_token_sets(cut(a), cut(t)) for a, t in zip(answers, truths, strict=True)]
    return {
        "bleu1": _mean([score.bleu1 for score in scores]),
        "precision": _mean([score.precision for score in scores]),
        "recall": _mean([score.recall for score in scores]),
        "f1": _mean([score.f1 for score in scores]),
        "accuracy": _mean([float(score.recall >= PAPER_RECALL) for score in scores]),
    }


def paper_vqa(answers: Sequence[str], truths: Sequence[str], language: Language) -> dict[str, float]:
    """VQA. English is cleaned and told into closed (truth yes or no) and open; Chinese is one kind."""
    if language is Language.ZH:
        return paper_names(answers, truths, language)
    pairs = [(clean_answer(a).split(), clean_answer(t).split()) for a, t in zip(answers, truths, strict=True)]
    scores = [score_token_sets(said, meant) for said, meant in pairs]
    closed = [s.recall for s, (_, meant) in zip(scores, pairs, strict=True) if meant in (["yes"], ["no"])]
    opened = [s.recall for s, (_, meant) in zip(scores, pairs, strict=True) if meant not in (["yes"], ["no"])]
    result = {"bleu1": _mean([s.bleu1 for s in scores]), "f1": _mean([s.f1 for s in scores])}
    if closed:
        result["closed_accuracy"] = _mean([float(recall >= _CLOSED_RECALL) for recall in closed])
    if opened:
        result["open_recall"] = _mean(opened)
        result["open_accuracy"] = _mean([float(recall >= PAPER_RECALL) for recall in opened])
    return result


def clean_answer(text: str) -> str:
    """The released cleaning of an English answer: split at ``, : .``, parts with ``_`` dropped, synonyms."""
    parts = [part for part in re.split(r"[,:.]", text.lower()) if "_" not in part]
    return " ".join(_SYNONYMS.get(word, word) for part in parts for word in part.split())


def paper_labels(answer: str, labels: Sequence[str]) -> tuple[str, ...]:
    """A diagnosis: split at commas, every piece taken for the label with the largest BLEU-1, whatever it is."""
    pieces = [piece.strip().lower() for piece in answer.replace(", ", ",").split(",") if piece.strip()]
    return tuple(
        dict.fromkeys(max(labels, key=lambda label: bleu1(piece.split(), label.lower().split())) for piece in pieces)
    )


@dataclass(frozen=True, slots=True)
class _Matched:
    object: int
    region: int
    aligned: int
    said: int
    meant: int
    pairs: int
    iou_sum: float


def _matched(answer: Sequence[Located], truth: Sequence[Located], threshold: float, rules: PaperRules) -> _Matched:
    said, meant = flat(answer), flat(truth)
    if not said or not meant:
        return _Matched(0, 0, 0, len(said), len(meant), 0, 0.0)
    ious = np.array([[a.iou(b) for _, b in meant] for _, a in said])
    rows, columns = linear_sum_assignment(-ious)
    names = [_same(said[i][0], meant[j][0], rules) for i, j in zip(rows, columns, strict=True)]
    # Only the single-region class of the released code asks for more than the threshold.
    hits = [bool(ious[i, j] >= threshold) for i, j in zip(rows, columns, strict=True)]
    return _Matched(
        sum(names),
        sum(hits),
        sum(name and hit for name, hit in zip(names, hits, strict=True)),
        len(said),
        len(meant),
        len(rows),
        float(ious[rows, columns].sum()),
    )


def _single(samples: Sequence[Sample], rules: PaperRules) -> dict[str, float]:
    ious = [_single_iou([b for _, b in flat(answer)], [b for _, b in flat(truth)]) for answer, truth in samples]

    def share(threshold: float) -> float:
        return _mean([float(iou > threshold if rules.strict else iou >= threshold) for iou in ious])

    return {"accuracy25": share(0.25), "accuracy": share(0.5), "accuracy75": share(0.75), "iou": _mean(ious)}


def _single_iou(said: Sequence[Box], meant: Sequence[Box]) -> float:
    """More boxes said than there are: the best of them with the first true one; else first with first."""
    if not said or not meant:
        return 0.0
    return best_iou(meant[0], said) if len(said) > len(meant) else said[0].iou(meant[0])


def _same(said: str, meant: str, rules: PaperRules) -> bool:
    if not rules.lenient:
        return said == meant
    return not said or said in meant or meant in said


def _spaces(text: str) -> list[str]:
    return text.lower().split()


def _over(hits: float, count: float) -> float:
    return hits / count if count else 0.0


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0
