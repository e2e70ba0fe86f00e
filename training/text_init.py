"""A text model that starts from another's weights, whose tokenizer may differ: what words mean moves with the words."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from transformers import InternVLForConditionalGeneration, PreTrainedTokenizerFast

from training.gguf_checkpoint import load_gguf
from training.model import CheckpointError

logger = logging.getLogger(__name__)


def start_text(model: InternVLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path) -> int:
    """Copy the text model of a GGUF model folder; returns how many tokens had a row to take.

    A token takes the rows of the token of the same text. One that the other tokenizer has not takes the mean of those
    that it cuts it into. Raises `CheckpointError` where the layers are of other sizes.
    """
    other, their_tokenizer = load_gguf(folder)
    layers = model.model.language_model.layers
    theirs = other.model.language_model.layers
    if len(layers) != len(theirs):
        raise CheckpointError(f"{folder} has {len(theirs)} text layers, the preset has {len(layers)}")
    try:
        layers.load_state_dict(theirs.state_dict())
        model.model.language_model.norm.load_state_dict(other.model.language_model.norm.state_dict())
    except RuntimeError as error:
        raise CheckpointError(f"the text layers of {folder} do not fit the preset: {error}") from error
    vocabulary = their_tokenizer.get_vocab()
    known = 0
    with torch.no_grad():
        for token, row in tokenizer.get_vocab().items():
            sources = [vocabulary[token]] if token in vocabulary else _pieces(tokenizer, their_tokenizer, row)
            known += token in vocabulary
            for ours, others in (
                (model.get_input_embeddings(), other.get_input_embeddings()),
                (model.lm_head, other.lm_head),
            ):
                ours.weight[row] = others.weight[sources].mean(dim=0)
    logger.info("text model from %s: %d of %d tokens taken as they were", folder.name, known, len(tokenizer))
    return known


def _pieces(tokenizer: PreTrainedTokenizerFast, other: PreTrainedTokenizerFast, row: int) -> list[int]:
    """What another tokenizer cuts a token into. A byte-level alphabet cuts anything into something."""
    vocabulary = other.get_vocab()
    token = tokenizer.convert_ids_to_tokens(row)
    pieces = [piece.value for piece in other.backend_tokenizer.model.tokenize(token)]
    return [vocabulary[piece] for piece in pieces]
