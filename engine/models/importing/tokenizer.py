"""The SentencePiece tokenizer of a released checkpoint (Yi's), with the tokens that MedRegA added to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import gguf

from engine.runtime.errors import ModelError

VISIBLE = ("<ref>", "</ref>", "<box>", "</box>", "<quad>", "</quad>")
"""Part of an answer's text: a person must see them, unlike turns and images."""
_CONTROL = ("<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|startoftext|>", "<|endoftext|>")
END_OF_TURN = "<|im_end|>"
_CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """tokens, scores, types : one an id. space_prefix : whether a text begins as if a space stood before it."""

    tokens: tuple[str, ...]
    scores: tuple[float, ...]
    types: tuple[int, ...]
    bos: int
    space_prefix: bool

    def put(self, out: gguf.GGUFWriter) -> None:
        """Write its keys."""
        out.add_tokenizer_model("llama")
        out.add_tokenizer_pre("default")
        out.add_token_list(list(self.tokens))
        out.add_token_scores(list(self.scores))
        out.add_token_types(list(self.types))
        if self.bos >= 0:
            out.add_bos_token_id(self.bos)
        out.add_eos_token_id(self.tokens.index(END_OF_TURN))
        out.add_add_bos_token(False)
        out.add_add_eos_token(False)
        out.add_add_space_prefix(self.space_prefix)
        out.add_chat_template(_CHAT_TEMPLATE)


def read_vocabulary(folder: Path, rows: int) -> Vocabulary:
    """The tokenizer of a checkpoint. rows : of its embedding table; those without a token are unused.

    Raises `ModelError` when a file is missing, or a token that the prompts need.
    """
    import sentencepiece

    path = folder / "tokenizer.model"
    if not path.is_file():
        raise ModelError(f"the checkpoint lacks {path}: its text model cannot be imported without")
    try:
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (RuntimeError, OSError) as error:
        raise ModelError(f"{path} is no SentencePiece tokenizer: {error}") from error
    tokens = [f"[PAD{number}]" for number in range(rows)]
    types = [int(gguf.TokenType.UNUSED)] * rows
    scores = [0.0] * rows
    if pieces.vocab_size() > rows:
        raise ModelError(f"{path} has {pieces.vocab_size()} tokens, the checkpoint's table {rows} rows")
    for number in range(pieces.vocab_size()):
        tokens[number], scores[number] = pieces.id_to_piece(number), pieces.get_score(number)
        types[number] = _type(pieces, number)
    for text, number in _added(folder).items():
        if not 0 <= number < rows:
            raise ModelError(f"the added token {text!r} has the number {number}, the checkpoint's table {rows} rows")
        tokens[number] = text
        types[number] = int(gguf.TokenType.USER_DEFINED if text in VISIBLE else gguf.TokenType.CONTROL)
    for text in _CONTROL:
        # A person's words must never become the end of a turn.
        if text in tokens:
            types[tokens.index(text)] = int(gguf.TokenType.CONTROL)
    for text in (END_OF_TURN, "<|im_start|>", "<img>", "</img>", *VISIBLE[:4]):
        if text not in tokens:
            raise ModelError(f"the tokenizer of {folder} lacks the token {text}, which MedRegA's prompts need")
    # Told from what it does: its own settings can only be read with protobuf.
    prefix = pieces.encode("a", out_type=str)[0].startswith("▁")
    return Vocabulary(tuple(tokens), tuple(scores), tuple(types), pieces.bos_id(), prefix)


def _type(pieces: object, number: int) -> int:
    for name, kind in (
        ("is_unknown", gguf.TokenType.UNKNOWN),
        ("is_control", gguf.TokenType.CONTROL),
        ("is_unused", gguf.TokenType.UNUSED),
        ("is_byte", gguf.TokenType.BYTE),
    ):
        if getattr(pieces, name)(number):
            return int(kind)
    return int(gguf.TokenType.NORMAL)


def _added(folder: Path) -> dict[str, int]:
    """Tokens beside the SentencePiece model's: of added_tokens.json, else of tokenizer_config.json."""
    for name in ("added_tokens.json", "tokenizer_config.json"):
        path = folder / name
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            if name == "added_tokens.json":
                return {str(text): int(number) for text, number in said.items()}
            return {str(one["content"]): int(number) for number, one in said["added_tokens_decoder"].items()}
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"cannot read the added tokens in {path}: {error}") from error
    raise ModelError(f"{folder} has neither added_tokens.json nor tokenizer_config.json: MedRegA's tags are in there")
