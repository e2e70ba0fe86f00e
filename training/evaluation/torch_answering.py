"""A torch checkpoint that answers as llama.cpp does: same prompt ids, same grammars, same scoring of choices."""

from __future__ import annotations

import copy
import ctypes
import hashlib
import tempfile
import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import llama_cpp as lc
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from engine.regions import LabelSet
from engine.runtime import (
    UNCALIBRATED,
    AskRequest,
    AskResult,
    Choice,
    EngineError,
    TextPiece,
    Timings,
    to_model_image,
)
from engine.runtime.scoring import distinct_choices
from engine.runtime.writing import NAME_END_TOKENS, Fork, Vocabulary, way_out
from training.evaluation.answering import ModelFacts
from training.export.checkpoint import load_checkpoint, tokenizer_json, weights_sha256
from training.export.text import write_vocabulary
from training.model import image_embeddings, image_tensor
from training.tokenizer import PromptEncoder, load_tokenizer

_CHOICES_AT_ONCE = 32
_NEVER = float("-inf")


class TorchAnswerer:
    """A checkpoint folder of the trainer, or a LoRA adapter's, which is merged into its base.

    Runs on a GPU where torch sees one. Raises `CheckpointError` naming what is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = load_checkpoint(folder).eval().to(self._device)
        tokenizer = load_tokenizer(folder)
        self._encoder = PromptEncoder(tokenizer, self._model.config.image_seq_length)
        self._size = int(self._model.config.vision_config.image_size[0])
        self._vocabulary = _Vocabulary(folder)
        labels = folder / "labels.json"
        self.labels: LabelSet | None = LabelSet.from_file(labels) if labels.is_file() else None
        self.facts = ModelFacts(folder.name or "checkpoint", "", weights_sha256(folder), "torch")
        self.calibration = UNCALIBRATED
        self.abstain_below = 0.0
        self._image: tuple[str, torch.Tensor] = ("", torch.empty(0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._vocabulary.close()

    @torch.no_grad()
    def ask(self, request: AskRequest) -> AskResult:
        """Answer one question, greedily; see `engine.runtime.messages.AskRequest`."""
        started = time.perf_counter()
        embedded = self._prompt_embeddings(request)
        cache = DynamicCache(config=self._model.config.text_config)
        logits = self._forward(embedded, cache)[0, -1]
        prompted = time.perf_counter()
        choices: tuple[Choice, ...] = ()
        pieces: tuple[TextPiece, ...] = ()
        presence: tuple[float, ...] = ()
        finished = True
        if request.choices:
            choices = self._score(distinct_choices(request), logits, cache)
            raw = choices[0].text
        else:
            raw, pieces, finished, presence = self._generate(request, logits, cache)
        ended = time.perf_counter()
        timings = Timings(0.0, (prompted - started) * 1000, (ended - prompted) * 1000, (ended - started) * 1000)
        return AskResult(request.request_id, raw, pieces, choices, timings, finished=finished, presence=presence)

    def _prompt_embeddings(self, request: AskRequest) -> torch.Tensor:
        """(1, positions, text width), the image's embeddings in their places."""
        before, after = self._encoder.split_at_image(request.prompt)
        ids = torch.tensor([before + after], device=self._device)
        embedded: torch.Tensor = self._model.get_input_embeddings()(ids)
        places = ids == self._model.config.image_token_id
        features = self._image_features(to_model_image(request.image, self._size))
        return embedded.masked_scatter(places[..., None], features.to(embedded.dtype))

    def _image_features(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        if digest != self._image[0]:
            tensor = image_tensor(torch.from_numpy(pixels.copy())[None]).to(self._device)
            self._image = (digest, image_embeddings(self._model, tensor))
        return self._image[1]

    def _forward(self, embedded: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
        """(batch, new positions, vocabulary) float32; the cache grows by the new positions."""
        hidden = self._model.model.language_model(
            inputs_embeds=embedded, past_key_values=cache, use_cache=True
        ).last_hidden_state
        logits: torch.Tensor = self._model.lm_head(hidden).float()
        if not torch.isfinite(logits[:, -1]).all():
            raise EngineError("the checkpoint's output is not a number: it was damaged, or its training diverged")
        return logits

    def _score(self, choices: dict[str, float], logits: torch.Tensor, cache: DynamicCache) -> tuple[Choice, ...]:
        """Every choice as the whole answer: softmax over the sums of log-probabilities, as the engine does.

        choices : with their leanings.
        """
        distinct = list(choices)
        answers = [self._encoder.answer_ids(choice) for choice in distinct]
        first = logits.log_softmax(-1)
        scores = np.array([float(first[answer[0]]) for answer in answers])
        for start in range(0, len(answers), _CHOICES_AT_ONCE):
            part = answers[start : start + _CHOICES_AT_ONCE]
            longest = max(len(answer) for answer in part) - 1
            if longest == 0:
                continue
            ids = torch.tensor(
                [answer[:-1] + [self._encoder.pad_id] * (longest + 1 - len(answer)) for answer in part],
                device=self._device,
            )
            shared = copy.deepcopy(cache)
            shared.batch_repeat_interleave(len(part))
            after = self._forward(self._model.get_input_embeddings()(ids), shared).log_softmax(-1)
            for number, answer in enumerate(part):
                scores[start + number] += sum(float(after[number, i, token]) for i, token in enumerate(answer[1:]))
        scores += list(choices.values())
        probabilities = np.exp(scores - np.logaddexp.reduce(scores))
        order = np.argsort(-scores, kind="stable")
        return tuple(Choice(distinct[i], float(probabilities[i])) for i in order)

    def _generate(
        self, request: AskRequest, logits: torch.Tensor, cache: DynamicCache
    ) -> tuple[str, tuple[TextPiece, ...], bool, tuple[float, ...]]:
        grammar = self._vocabulary.grammar(request.grammar)
        # Without a grammar nothing is decided: the answer may go a third way.
        fork = None if request.grammar is None else Fork.of(request.absence, self._encoder.text_ids)
        ids: list[int] = []
        logprobs: list[float] = []
        presence: list[float] = []
        finished = broken_off = False
        try:
            for _ in range(request.max_tokens):
                found = logits.cpu().numpy()
                decided = None
                if fork is not None and self._at_fork(fork, ids, grammar, found):
                    odds, decided = fork.decide(found)
                    presence.append(odds)
                if decided is None and request.grammar is not None and not self._vocabulary.ends(int(found.argmax())):
                    decided = way_out(ids, self._vocabulary.line_ends, partial(grammar.allows, logits=found))
                    broken_off = broken_off or decided is not None
                if decided is None and request.grammar is not None and ids and self._vocabulary.is_digit(ids[-1]):
                    decided = self._vocabulary.number_goes_on(found)
                    decided = decided if decided is not None and grammar.allows(decided, found) else None
                token = grammar.choose(found) if decided is None else grammar.take(decided)
                if self._vocabulary.ends(token):
                    finished = not broken_off
                    break
                ids.append(token)
                logprobs.append(float(logits.log_softmax(-1)[token]))
                step = torch.tensor([[token]], device=self._device)
                logits = self._forward(self._model.get_input_embeddings()(step), cache)[0, -1]
        finally:
            grammar.close()
        texts = self._vocabulary.texts(ids)
        return "".join(texts), tuple(map(TextPiece, texts, logprobs)), finished, tuple(presence)

    def _at_fork(self, fork: Fork, ids: list[int], grammar: _Constraint, logits: NDArray[np.float32]) -> bool:
        texts = self._vocabulary.texts(ids[-NAME_END_TOKENS:])
        return fork.reached(texts, lambda token: grammar.allows(token, logits))


class _Vocabulary:
    """The checkpoint's tokenizer inside llama.cpp, without weights: its grammars constrain torch's logits."""

    def __init__(self, folder: Path) -> None:
        lc.llama_log_set(_SILENT, ctypes.c_void_p(0))
        lc.llama_backend_init()
        params = lc.llama_model_default_params()
        params.vocab_only = True
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "vocabulary.gguf"
            write_vocabulary(tokenizer_json(folder), path)
            self._model = lc.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            raise EngineError(f"llama.cpp cannot read the tokenizer of {folder}")
        self._known = Vocabulary(self._model)
        self._vocab = self._known.handle
        self.line_ends = self._known.end, self._known.line_end
        self.number_goes_on = self._known.number_goes_on

    def close(self) -> None:
        """Free it."""
        lc.llama_model_free(self._model)

    def grammar(self, gbnf: str | None) -> _Constraint:
        """A fresh constraint. Raises `EngineError` for a grammar that llama.cpp refuses."""
        return _Constraint(self._vocab, gbnf)

    def ends(self, token: int) -> bool:
        """Whether llama.cpp takes a token for the end of an answer: it knows more such than the end of turn."""
        return bool(lc.llama_vocab_is_eog(self._vocab, token))

    def is_digit(self, token: int) -> bool:
        """Whether a token is one digit."""
        piece = self._known.piece(token)
        return len(piece) == 1 and piece.isdigit()

    def texts(self, ids: list[int]) -> list[str]:
        """The text of each token; a character made of several belongs to the last of them."""
        import codecs

        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        texts = [decoder.decode(self._known.piece(token)) for token in ids]
        if texts:
            texts[-1] += decoder.decode(b"", final=True)
        return texts


class _Constraint:
    """Greedy choice under one grammar."""

    def __init__(self, vocab: Any, gbnf: str | None) -> None:
        self._sampler = None
        if gbnf is not None:
            self._sampler = lc.llama_sampler_init_grammar(vocab, gbnf.encode(), b"root")
            if not self._sampler:
                raise EngineError(f"llama.cpp refuses the grammar {gbnf[:200]!r}")

    def choose(self, logits: NDArray[np.float32]) -> int:
        """The most probable token that the grammar allows; it counts as said."""
        if self._sampler is None:
            return int(logits.argmax())
        # The best first: most often the grammar allows it, and need not look at the whole vocabulary.
        best = int(logits.argmax())
        token = best if self.allows(best, logits) else -1
        if token < 0:
            everything = np.arange(len(logits))
            allowed = self._allowed(everything, logits)
            token = int(allowed.argmax())
            if allowed[token] == _NEVER:
                raise EngineError("the grammar of the answer allows no token at all")
        lc.llama_sampler_accept(self._sampler, token)
        return token

    def allows(self, token: int, logits: NDArray[np.float32]) -> bool:
        """Whether the grammar would take a token next."""
        return bool(self._allowed(np.array([token]), logits)[0] > _NEVER)

    def take(self, token: int) -> int:
        """A token that the grammar allows counts as said."""
        lc.llama_sampler_accept(self._sampler, token)
        return token

    def _allowed(self, tokens: NDArray[np.int64], logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The logits of some tokens, minus infinity where the grammar forbids one."""
        array = (lc.llama_token_data * len(tokens))()
        for place, token in zip(array, tokens, strict=True):
            place.id, place.logit, place.p = int(token), float(logits[token]), 0.0
        candidates = lc.llama_token_data_array(data=array, size=len(tokens), selected=-1, sorted=False)
        lc.llama_sampler_apply(self._sampler, ctypes.byref(candidates))
        return np.array([array[i].logit for i in range(len(tokens))], np.float32)

    def close(self) -> None:
        """Free it."""
        if self._sampler is not None:
            lc.llama_sampler_free(self._sampler)


# llama.cpp tells of every key it reads; ctypes callbacks must outlive their use.
_SILENT = lc.llama_log_callback(lambda *_: None)
