"""Scores of a choice among labels: macro-F1, recall a label, and what guessing would reach."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassScore:
    """macro_f1 : over the labels that are in a truth or an answer (scikit-learn). accuracy : label sets equal.

    baseline_accuracy, baseline_macro_f1 : of always giving the most frequent answer.
    """

    macro_f1: float
    accuracy: float
    baseline_accuracy: float
    baseline_macro_f1: float


def score_classes(said: Sequence[Sequence[str]], meant: Sequence[Sequence[str]]) -> ClassScore:
    """Compare label sets, one or several labels each. Raises `ValueError` when there are none."""
    if not meant:
        raise ValueError("no labels to compare")
    sets = [frozenset(one) for one in meant]
    majority = Counter(sets).most_common(1)[0][0]
    hits = [frozenset(a) == b for a, b in zip(said, sets, strict=True)]
    return ClassScore(
        _macro_f1(said, meant),
        sum(hits) / len(hits),
        sum(one == majority for one in sets) / len(sets),
        _macro_f1([sorted(majority)] * len(sets), meant),
    )


def _macro_f1(said: Sequence[Sequence[str]], meant: Sequence[Sequence[str]]) -> float:
    from sklearn.metrics import f1_score
    from sklearn.preprocessing import MultiLabelBinarizer

    labels = sorted({label for one in (*said, *meant) for label in one})
    if not labels:
        return 0.0
    encoder = MultiLabelBinarizer(classes=labels)
    encoder.fit([labels])
    # One column would be read as a binary problem's, whose macro average is over yes and no.
    average = "macro" if len(labels) > 1 else "binary"
    truth, answer = encoder.transform(meant), encoder.transform(said)
    return float(f1_score(truth, answer, average=average, zero_division=0))


def mean_label_recall(truths: Sequence[str], hits: Sequence[float]) -> float:
    """The mean over labels of the share that was right (balanced accuracy)."""
    by_label: dict[str, list[float]] = defaultdict(list)
    for truth, hit in zip(truths, hits, strict=True):
        by_label[truth].append(hit)
    return sum(sum(one) / len(one) for one in by_label.values()) / len(by_label) if by_label else 0.0
