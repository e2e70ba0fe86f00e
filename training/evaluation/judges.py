"""Measures that need a model of their own: only where a folder on this machine holds it, nothing is fetched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import MedRegAError


class JudgeError(MedRegAError):
    """A judging model that cannot be used: the message names the folder."""


@dataclass(frozen=True, slots=True)
class Judges:
    """Folders of transformers models. bertscore : any encoder. chexbert : CheXbert's BERT with its tokenizer."""

    bertscore: Path | None = None
    chexbert: Path | None = None

    def bert_f1(self, said: Sequence[str], meant: Sequence[str]) -> float | None:
        """Mean BERTScore F1 (Zhang et al. 2020), 0..1, without baseline rescaling; None without a model.

        Raises `JudgeError` when the folder holds none.
        """
        if self.bertscore is None or not said:
            return None
        _require_model(self.bertscore)
        from torchmetrics.functional.text import bert_score

        layers = _layers(self.bertscore)
        score = bert_score(list(said), list(meant), model_name_or_path=str(self.bertscore), num_layers=layers)
        return float(score["f1"].double().mean())

    def chexbert_similarity(self, said: Sequence[str], meant: Sequence[str]) -> float | None:
        """Mean cosine of CheXbert's [CLS] embeddings (the paper's form of the measure); None without a model.

        Raises `JudgeError` when the folder holds none.
        """
        if self.chexbert is None or not said:
            return None
        _require_model(self.chexbert)
        import torch
        from transformers import AutoModel, AutoTokenizer

        tokenizer, model = AutoTokenizer.from_pretrained(self.chexbert), AutoModel.from_pretrained(self.chexbert).eval()
        total = 0.0
        with torch.no_grad():
            for pair in zip(said, meant, strict=True):
                inputs = tokenizer(list(pair), padding=True, truncation=True, max_length=512, return_tensors="pt")
                first, second = model(**inputs).last_hidden_state[:, 0]
                total += float(torch.nn.functional.cosine_similarity(first, second, dim=0))
        return total / len(said)

    def not_run(self) -> dict[str, str]:
        """The measures of the field that this run leaves out, and why."""
        left_out = {
            # Tried: its tokenizer calls encode_plus, which transformers 5 no longer has.
            "radgraph": "its package (radgraph 0.1.18) does not run with transformers 5, which the trainer needs: "
            "score predictions.jsonl with it elsewhere",
            "radcliq": "needs RadGraph",
            "meteor_synonyms": "needs WordNet's data, which is not fetched: exact and stem matches only",
        }
        if self.bertscore is None:
            left_out["bertscore"] = "no local model was given (--bertscore FOLDER)"
        if self.chexbert is None:
            left_out["chexbert"] = "no local model was given (--chexbert FOLDER)"
        return left_out


def _require_model(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise JudgeError(f"{folder} holds no transformers model: it needs config.json, weights and a tokenizer")
    # transformers looks on the hub for whatever a folder leaves out.
    os.environ["HF_HUB_OFFLINE"] = "1"


def _layers(folder: Path) -> int:
    from transformers import AutoConfig

    return int(AutoConfig.from_pretrained(folder).num_hidden_layers)
