"""Long texts compared: corpus BLEU, METEOR, ROUGE-L; Chinese by character and by word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.protocol import Language
from training.evaluation.words import chinese_words, tokens


@dataclass(frozen=True, slots=True)
class ReportScore:
    """0..1 each. bleu1, bleu4 : of the corpus (sacreBLEU). meteor, rouge_l : means over the texts.

    meteor : Lavie & Agarwal 2007 as in NLTK, by exact and stem matches alone: its synonym stage needs WordNet,
    which is not fetched. rouge_l : F-measure (Lin 2004). unit : what was counted, ``word`` or ``character``.
    """

    bleu1: float
    bleu4: float
    meteor: float
    rouge_l: float
    unit: str


def score_reports(said: Sequence[str], meant: Sequence[str], language: Language) -> dict[str, ReportScore]:
    """Scores by unit: English ``word``; Chinese ``character`` and ``word`` (jieba), Latin words whole in both."""
    if language is Language.EN:
        return {"word": _score(said, meant, _english, "word")}
    return {
        "character": _score(said, meant, tokens, "character"),
        "word": _score(said, meant, chinese_words, "word"),
    }


def _english(text: str) -> list[str]:
    """Lower-case words with punctuation apart, as mteval's 13a tokenizer cuts them."""
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    return str(Tokenizer13a()(text.lower())).split()


def _score(said: Sequence[str], meant: Sequence[str], cut: Callable[[str], list[str]], unit: str) -> ReportScore:
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU

    answers, truths = [cut(text) for text in said], [cut(text) for text in meant]

    def bleu(order: int) -> float:
        joined = [" ".join(one) for one in answers], [[" ".join(one) for one in truths]]
        # Already cut: sacreBLEU must not do so again.
        score = BLEU(max_ngram_order=order, tokenize="none", force=True).corpus_score(*joined)
        return float(score.score) / 100

    rouge = RougeScorer(["rougeL"], tokenizer=_Cut(cut))
    pairs = list(zip(answers, truths, strict=True))
    rouges = [rouge.score(truth, answer)["rougeL"].fmeasure for answer, truth in zip(said, meant, strict=True)]
    meteors = [_meteor(answer, truth) for answer, truth in pairs]
    return ReportScore(bleu(1), bleu(4), sum(meteors) / len(meteors), sum(rouges) / len(rouges), unit)


class _Cut:
    """What rouge-score wants of a tokenizer; its own keeps only a-z and 0-9, so that Chinese would score nothing."""

    def __init__(self, cut: Callable[[str], list[str]]) -> None:
        self._cut = cut

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text."""
        return self._cut(text)


class _NoWordNet:
    """No synonyms of anything."""

    def synsets(self, word: str) -> list[object]:
        """None."""
        return []


def _meteor(said: Sequence[str], meant: Sequence[str]) -> float:
    from nltk.translate.meteor_score import single_meteor_score

    return float(single_meteor_score(meant, said, wordnet=_NoWordNet())) if said and meant else 0.0
