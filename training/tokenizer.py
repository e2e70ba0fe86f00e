"""A bilingual byte-level BPE whose GGUF form tokenises exactly alike.

llama.cpp knows pre-tokenizers by name only; ours is its ``qwen2`` one: the split expression below followed by
the byte alphabet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from engine.protocol import PartKind, Prompt

QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""llama.cpp's LLAMA_VOCAB_PRE_TYPE_QWEN2 expression (src/llama-vocab.cpp)."""

CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>")
"""Never made from text and never shown."""

VISIBLE_TOKENS = ("<box>", "</box>", "<ref>", "</ref>")
"""MedRegA's markup: single tokens that are part of an answer's text."""

END_OF_TURN = "<|im_end|>"
IMAGE_CONTEXT = "<IMG_CONTEXT>"


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Learn a byte-level BPE of at most `vocab_size` tokens from `texts`."""
    tokenizer = _byte_level(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[*CONTROL_TOKENS, *VISIBLE_TOKENS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _wrapped(tokenizer)


def tokenizer_of(tokens: Sequence[str], merges: Sequence[str]) -> PreTrainedTokenizerFast:
    """The tokenizer with this vocabulary, in the order of its ids, and these merges, as GGUF files hold them."""
    vocabulary = {token: number for number, token in enumerate(tokens)}
    pairs = []
    for merge in merges:
        left, _, right = merge.partition(" ")
        pairs.append((left, right))
    tokenizer = _byte_level(models.BPE(vocab=vocabulary, merges=pairs))
    tokenizer.add_special_tokens([token for token in (*CONTROL_TOKENS, *VISIBLE_TOKENS) if token in vocabulary])
    return _wrapped(tokenizer)


def _byte_level(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _wrapped(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END_OF_TURN, pad_token=CONTROL_TOKENS[0], model_max_length=4096
    )


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer saved in a checkpoint folder."""
    return PreTrainedTokenizerFast.from_pretrained(folder)


class PromptEncoder:
    """Turns prompts into ids the way the runtime does: each part on its own.

    image_tokens : how many positions an image takes between ``<img>`` and ``</img>``.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, image_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._control = {token: tokenizer.convert_tokens_to_ids(token) for token in CONTROL_TOKENS}
        self.image_context_id: int = self._control[IMAGE_CONTEXT]
        self.end_id: int = self._control[END_OF_TURN]
        self.pad_id: int = self._control[CONTROL_TOKENS[0]]
        self.image_tokens = image_tokens
        self.digit_ids: tuple[int, ...] = tuple(tokenizer.convert_tokens_to_ids(list("0123456789")))
        self.box_ids: tuple[int, int] = tuple(tokenizer.convert_tokens_to_ids(["<box>", "</box>"]))
        self._image_ids = [
            self._control["<img>"],
            *[self.image_context_id] * image_tokens,
            self._control["</img>"],
        ]

    def text_ids(self, text: str) -> list[int]:
        """Ids of plain text. Raises `ValueError` if a control token hides in it."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        if set(ids) & set(self._control.values()):
            raise ValueError(f"control token in the text {text!r}")
        return ids

    def answer_ids(self, text: str) -> list[int]:
        """Ids of an answer, the end of its turn included."""
        return [*self.text_ids(text), self.end_id]

    def split_at_image(self, prompt: Prompt) -> tuple[list[int], list[int]]:
        """Ids up to and including the image, and ids after it."""
        before: list[int] = []
        after: list[int] = []
        ids = before
        for part in prompt.parts:
            if part.kind is PartKind.IMAGE:
                ids += self._image_ids
                ids = after
            elif part.kind is PartKind.TEMPLATE:
                ids += self._tokenizer(part.text, add_special_tokens=False).input_ids
            else:
                ids += self.text_ids(part.text)
        return before, after
