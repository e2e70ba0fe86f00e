"""One answer being written: its grammar, its tokens, and what else its numbers might have been."""

from __future__ import annotations

import codecs
import ctypes
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llama_cpp as lc
import numpy as np
from numpy.typing import NDArray

from engine.protocol.syntax import BOX_TAG
from engine.runtime.errors import EngineError, QuestionError
from engine.runtime.messages import Absence, TextPiece

_NAME_END = "</ref>"
NAME_END_TOKENS = len(_NAME_END)
"""So many tokens write the end of a name at most."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Where an answer goes one of two ways, behind a name: the first tokens of its boxes and of its absence.

    below : see `engine.runtime.messages.Absence`.
    """

    boxes: int
    absent: int
    below: float | None

    @classmethod
    def of(cls, absence: Absence | None, tokens: Callable[[str], Sequence[int]]) -> Fork | None:
        """None where an answer cannot say that something is not there. tokens : of a text."""
        if absence is None:
            return None
        return cls(tokens(BOX_TAG)[0], tokens(absence.words)[0], absence.below)

    def reached(self, texts: Sequence[str], allowed: Callable[[int], bool]) -> bool:
        """Whether an answer that has just ended a name, in whatever tokens, may now go either way.

        texts : of its last `NAME_END_TOKENS`. allowed : whether the grammar takes a token next. It does not where the
        name is described together with the next one: it has been said to be there.
        """
        return "".join(texts).endswith(_NAME_END) and allowed(self.boxes) and allowed(self.absent)

    def decide(self, logits: NDArray[np.floating[Any]]) -> tuple[float, int | None]:
        """The log-odds of boxes, and the token that the bound decides on; None for whichever is the likelier.

        logits : (vocabulary,), the model's own.
        """
        odds = float(logits[self.boxes] - logits[self.absent])
        if self.below is None:
            return odds, None
        return odds, self.boxes if odds >= self.below else self.absent


_MOST_REPEATED = 24
"""Tokens of the longest phrase that is looked for."""
_REPEATS, _REPEATED_TOKENS = 4, 12


def goes_in_circles(tokens: Sequence[int]) -> bool:
    """Whether a text ends in one phrase over and over: four times at least, and twelve tokens of it at least."""
    for length in range(1, min(_MOST_REPEATED, len(tokens) // _REPEATS) + 1):
        size = length * max(_REPEATS, -(-_REPEATED_TOKENS // length))
        tail = tokens[-size:]
        if len(tail) == size and tail[length:] == tail[:-length]:
            return True
    return False


def way_out(tokens: Sequence[int], ends: Sequence[int | None], allowed: Callable[[int], bool]) -> int | None:
    """The first of some tokens, each ending a text or its line, that the grammar takes, where it goes in circles."""
    if not goes_in_circles(tokens):
        return None
    return next((token for token in ends if token is not None and allowed(token)), None)


class Vocabulary:
    """Tokens and texts. handle : llama.cpp's. size : tokens. end : the token that ends an answer.

    line_end : the one that ends a line, None where there is no single one.
    """

    def __init__(self, model: Any) -> None:
        self.handle = lc.llama_model_get_vocab(model)
        self.size = int(lc.llama_vocab_n_tokens(self.handle))
        # Gemma's answers end with their turn and not with the text. llama_vocab_eot guesses: it may say <|endoftext|>.
        turn_end = self.tokenize("<end_of_turn>", special=True)
        self.end = turn_end[0] if len(turn_end) == 1 else int(lc.llama_vocab_eos(self.handle))
        last = self.tokenize("\n", special=False)[-1:]
        self.line_end = last[0] if last and self.piece(last[0]) == b"\n" else None
        digits, ends = self._numbers()
        self._digits = np.array(digits, np.intp)
        self._ends = np.array(ends, np.intp)

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Tokens of a text; only with `special` can it become control tokens.

        MedRegA's visible tags (``<ref>``, ``<box>``) become their own tokens either way.
        """
        try:
            encoded = text.encode()
        except UnicodeEncodeError:
            raise QuestionError("a text holds half a character (a lone surrogate): type it again") from None
        buffer = (lc.llama_token * (len(encoded) + 8))()
        count = lc.llama_tokenize(self.handle, encoded, len(encoded), buffer, len(buffer), False, special)
        if count < 0:
            raise EngineError(f"llama.cpp cannot tokenise a text of {len(encoded)} bytes")
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        """The token's bytes, control tokens by their names."""
        size = 256
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = lc.llama_token_to_piece(self.handle, token, buffer, size, 0, True)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def number_odds(self, logprobs: NDArray[np.float64]) -> tuple[float, ...]:
        """Of (vocabulary,) log-probabilities those of 0 to 9 and of the number's end, among these eleven.

        Empty where the vocabulary has no token of its own for each digit.
        """
        if len(self._digits) != 10 or not len(self._ends):
            return ()
        odds = np.exp(np.append(logprobs[self._digits], np.logaddexp.reduce(logprobs[self._ends])))
        total = odds.sum()
        return tuple(float(one) for one in odds / total) if total > 0 else ()

    def number_goes_on(self, scores: NDArray[np.floating[Any]]) -> int | None:
        """Behind a digit the likeliest digit, or the likeliest end where ends together are likelier than digits.

        The last digits of a coordinate are nearly anyone's guess: each is less likely than an end by itself, and the
        likeliest token alone would write 60 for 600. None where the likeliest token is neither a digit nor an end.
        scores : (vocabulary,) logits or log-probabilities.
        """
        if len(self._digits) != 10 or not len(self._ends):
            return None
        best = scores.max()
        if best > max(scores[self._digits].max(), scores[self._ends].max()):
            return None
        digits, ends = (np.logaddexp.reduce(scores[group]) for group in (self._digits, self._ends))
        likelier = self._digits if digits > ends else self._ends
        return int(likelier[scores[likelier].argmax()])

    def _numbers(self) -> tuple[list[int], list[int]]:
        """The tokens of the ten digits, and those that end a number: a comma or a bracket, with whatever follows."""
        by_text: dict[bytes, int] = {}
        ends: list[int] = []
        for token in range(self.size):
            text = self.piece(token)
            if len(text) == 1 and text.isdigit():
                by_text.setdefault(text, token)
            elif text[:1] in (b",", b"]"):
                ends.append(token)
        digits = [by_text[b"%d" % digit] for digit in range(10) if b"%d" % digit in by_text]
        return digits, ends


class Writer:
    """Greedy under a grammar, in numbers as `Vocabulary.number_goes_on` says.

    A token's log-probability is that of the model's own, unconstrained distribution.
    Under a grammar that leaves one token it would always be 0 and say nothing. fork : decides between boxes and
    absence by its bound instead. Under a grammar a text that goes in circles is ended, or where more must follow its
    line is. Raises `EngineError` for a grammar that llama.cpp refuses.

    presence : the log-odds of boxes at each fork so far. finished : the model itself came to the end.
    """

    def __init__(self, vocabulary: Vocabulary, grammar: str | None, limit: int, fork: Fork | None = None) -> None:
        self._vocabulary = vocabulary
        self._limit = limit
        self._fork = fork
        self.presence: list[float] = []
        self._pieces: list[TextPiece] = []
        self._tokens: list[int] = []
        self._broken_off = False
        # A Chinese character may take several tokens: its text goes to the one that completes it.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._in_number = False
        self._over = False
        self._chain = lc.llama_sampler_chain_init(lc.llama_sampler_chain_default_params())
        self._grammar: Any = None
        if grammar is not None:
            self._grammar = lc.llama_sampler_init_grammar(vocabulary.handle, grammar.encode(), b"root")
            if not self._grammar:
                self.close()
                raise EngineError(f"llama.cpp refuses the grammar {grammar[:200]!r}")
            lc.llama_sampler_chain_add(self._chain, self._grammar)
        lc.llama_sampler_chain_add(self._chain, lc.llama_sampler_init_greedy())

    @property
    def ended(self) -> bool:
        """Whether nothing more will be written."""
        return self._over or len(self._pieces) >= self._limit

    @property
    def finished(self) -> bool:
        """Whether it came to its end, and all of it is the model's own."""
        return self._over and not self._broken_off

    def take(self, context: Any, row: int, logprobs: NDArray[np.float64]) -> int | None:
        """Choose the token after a row of the last batch; None at the answer's end.

        logprobs : (vocabulary,), the model's own.
        """
        token = self._at_fork(logprobs)
        if token is None:
            token = self._out_of_circles(logprobs)
        if token is None:
            token = self._inside_number(logprobs)
        if token is None:
            token = self._choose(context, row, logprobs)
        if lc.llama_vocab_is_eog(self._vocabulary.handle, token):
            self._over = True
            return None
        self._tokens.append(token)
        text = self._decoder.decode(self._vocabulary.piece(token))
        digit = len(text) == 1 and text.isascii() and text.isdigit()
        odds = self._vocabulary.number_odds(logprobs) if digit or self._in_number else ()
        self._in_number = digit
        self._pieces.append(TextPiece(text, float(logprobs[token]), odds))
        return token

    def _at_fork(self, logprobs: NDArray[np.float64]) -> int | None:
        """Note the odds behind a name; the token that the fork's bound decides on, None where nothing decides."""
        fork = self._fork
        if fork is None or self._grammar is None:
            return None
        if not fork.reached([piece.text for piece in self._pieces[-NAME_END_TOKENS:]], self._allowed):
            return None
        odds, token = fork.decide(logprobs)
        self.presence.append(odds)
        if token is not None:
            lc.llama_sampler_accept(self._chain, token)
        return token

    def _out_of_circles(self, logprobs: NDArray[np.float64]) -> int | None:
        """The token that ends a text, or a line, that says the same again and again; None where none has to."""
        if self._grammar is None or lc.llama_vocab_is_eog(self._vocabulary.handle, int(np.argmax(logprobs))):
            return None
        token = way_out(self._tokens, (self._vocabulary.end, self._vocabulary.line_end), self._allowed)
        if token is not None:
            self._broken_off = True
            lc.llama_sampler_accept(self._chain, token)
        return token

    def _inside_number(self, logprobs: NDArray[np.float64]) -> int | None:
        """Under a grammar, how a number that has begun goes on; None where the grammar has it otherwise."""
        if self._grammar is None or not self._in_number:
            return None
        token = self._vocabulary.number_goes_on(logprobs)
        if token is None or not self._allowed(token):
            return None
        lc.llama_sampler_accept(self._chain, token)
        return token

    def _allowed(self, token: int) -> bool:
        one = lc.llama_token_data(token, 0.0, 0.0)
        array = lc.llama_token_data_array(ctypes.pointer(one), 1, -1, False)
        lc.llama_sampler_apply(self._grammar, ctypes.byref(array))
        return not math.isinf(one.logit)

    def _choose(self, context: Any, row: int, logprobs: NDArray[np.float64]) -> int:
        """The likeliest allowed token; the grammar is first asked about the likeliest alone, which it mostly allows."""
        best = int(np.argmax(logprobs))
        if self._grammar is not None and not self._allowed(best):
            # It takes the token in, too.
            return int(lc.llama_sampler_sample(self._chain, context, row))
        lc.llama_sampler_accept(self._chain, best)
        return best

    @property
    def last(self) -> TextPiece:
        """The newest token."""
        return self._pieces[-1]

    def pieces(self) -> tuple[TextPiece, ...]:
        """All tokens; half a character at the end becomes a replacement mark."""
        if not self._pieces:
            return ()
        *before, last = self._pieces
        rest = self._decoder.decode(b"", final=True)
        return (*before, TextPiece(last.text + rest, last.logprob, last.odds))

    def close(self) -> None:
        """Free llama.cpp's part."""
        if self._chain is not None:
            lc.llama_sampler_free(self._chain)
            self._chain = None
