"""Report scores as the released evaluators make them, slips included (see `training.evaluation.paper`)."""

from __future__ import annotations

from collections.abc import Sequence

from engine.protocol import Language
from training.evaluation.words import chinese_words


def paper_reports(said: Sequence[str], meant: Sequence[str], language: Language) -> dict[str, float]:
    """English: corpus BLEU-1/-4 over cased 13a tokens, ROUGE-L. Chinese: means of each report's BLEU over jieba's
    words, and ROUGE with its default tokenizer, which keeps a-z and 0-9 only, stored under each other's names.
    """
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU

    scorer = RougeScorer(["rouge1", "rougeL"])
    if language is Language.EN:
        result = {}
        for order in (1, 4):
            score = BLEU(max_ngram_order=order, tokenize="13a", smooth_method="none", force=True)
            result[f"bleu{order}"] = float(score.corpus_score(list(said), [list(meant)]).score) / 100
        rouges = [scorer.score(t, a)["rougeL"].fmeasure for a, t in zip(said, meant, strict=True)]
        return result | {"rouge_l": sum(rouges) / len(rouges)}
    pairs = [(" ".join(chinese_words(a)), " ".join(chinese_words(t))) for a, t in zip(said, meant, strict=True)]
    result = {}
    for order in (1, 4):
        metric = BLEU(max_ngram_order=order, tokenize="none", smooth_method="none", force=True)
        scores = [float(metric.corpus_score([a], [[t]]).score) / 100 for a, t in pairs]
        result[f"bleu{order}"] = sum(scores) / len(scores)
    rows = [scorer.score(t, a) for a, t in pairs]
    # Swapped, as published.
    result["rouge_1"] = sum(row["rougeL"].fmeasure for row in rows) / len(rows)
    result["rouge_l"] = sum(row["rouge1"].fmeasure for row in rows) / len(rows)
    return result
