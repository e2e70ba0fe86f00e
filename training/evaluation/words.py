"""Answers compared as words: exact match, token precision, recall and F1, BLEU-1."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PAPER_RECALL = 0.75
"""An answer is right for the paper when so much of the truth's tokens were said (Wang et al., ICLR 2025)."""


def tokens(text: str) -> list[str]:
    """Lower-case words; a Chinese character is a word."""
    found: list[str] = []
    word = ""
    for character in text.lower():
        if "\u4e00" <= character <= "\u9fff":
            found += [word] if word else []
            found.append(character)
            word = ""
        elif character.isspace():
            found += [word] if word else []
            word = ""
        else:
            word += character
    return found + ([word] if word else [])


def chinese_words(text: str) -> list[str]:
    """Lower-case words of a text with Chinese in it, as jieba's dictionary cuts them; without spaces."""
    import jieba

    jieba.setLogLevel(logging.WARNING)
    return [word for word in jieba.lcut(text.lower()) if word.strip()]


@dataclass(frozen=True, slots=True)
class TextScore:
    """One answer against the truth, 0..1. precision, recall, f1 : over tokens. bleu1 : Papineni et al. 2002."""

    exact: bool
    precision: float
    recall: float
    f1: float
    bleu1: float


def score_text(answer: str, truth: str, cut: Callable[[str], list[str]] = tokens) -> TextScore:
    """Compare a short answer with the truth; a token that is said twice counts twice (as SQuAD's F1)."""
    said, meant = cut(answer), cut(truth)
    overlap = sum((Counter(said) & Counter(meant)).values())
    precision, recall, f1 = _overlap_scores(overlap, len(said), len(meant))
    return TextScore(said == meant, precision, recall, f1, bleu1(said, meant))


def score_token_sets(said: Sequence[str], meant: Sequence[str]) -> TextScore:
    """The paper's form of the same: tokens as sets, each counted once. bleu1 counts them all."""
    both = len(set(said) & set(meant))
    precision, recall, f1 = _overlap_scores(both, len(set(said)), len(set(meant)))
    return TextScore(list(said) == list(meant), precision, recall, f1, bleu1(said, meant))


def bleu1(said: Sequence[str], meant: Sequence[str]) -> float:
    """Clipped unigram precision with the brevity penalty; 0 when nothing was said."""
    if not said:
        return 0.0
    overlap = sum((Counter(said) & Counter(meant)).values())
    brevity = 1.0 if len(said) > len(meant) else math.exp(1 - len(meant) / len(said))
    return brevity * overlap / len(said)


def _overlap_scores(overlap: int, said: int, meant: int) -> tuple[float, float, float]:
    precision = overlap / said if said else 0.0
    recall = overlap / meant if meant else float(not said)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return precision, recall, f1
