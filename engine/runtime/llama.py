"""llama.cpp through llama-cpp-python's low-level bindings: one model, one context, one question at a time.

With `vision`, the only module that knows ctypes. The high-level chat handler is not used: it fetches URLs, parses
control tokens in people's words, and evaluates the picture anew for every question.
"""

from __future__ import annotations

import codecs
import ctypes
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp as lc
import llama_cpp.mtmd_cpp as mtmd
import numpy as np
from numpy.typing import NDArray

from engine.progress import Cancelled
from engine.protocol import PartKind, Prompt, PromptPart
from engine.runtime.errors import EngineError, ModelError
from engine.runtime.lora import LoraAdapters
from engine.runtime.manifest import ModelManifest
from engine.runtime.messages import AskRequest, AskResult, Choice, TextPiece, Timings
from engine.runtime.preprocess import to_model_image
from engine.runtime.vision import VisionTower

logger = logging.getLogger(__name__)

_BATCH = 512
_MAX_CONTEXT = 4096
_MAX_SEQUENCES = 128
_DECODE_ABORTED = 2
_ALL_LAYERS = 999
_GGML_F32, _GGML_F16 = 0, 1
_LOG_LEVEL_ERROR = 4


def _log(level: int, text: bytes, _: Any) -> None:
    # What llama.cpp says below errors is of use to its developers only.
    ours = logging.WARNING if level == _LOG_LEVEL_ERROR else logging.DEBUG
    logger.log(ours, "%s", text.decode(errors="replace").rstrip())


# ctypes callbacks must outlive every call that uses them.
_LOG_CALLBACK = lc.llama_log_callback(_log)


@dataclass(frozen=True, slots=True, eq=False)
class _Evaluated:
    """A prompt in the context. logits : (vocabulary,) float32 after its last token."""

    logits: NDArray[np.float32]
    image_cached: bool
    prefix_reused: bool
    encode_ms: float


def _never() -> bool:
    return False


class LlamaModel:
    """A loaded model. Not thread-safe.

    threads : of text and vision. gpu_layers : how many layers of the text model go to a GPU, all of them when None
    and the engine was built for one; with any, the vision tower goes too.
    exact : 32-bit keys and values and no flash attention, for parity with torch; slower.
    Raises `ModelError` when llama.cpp refuses a file.
    """

    def __init__(
        self, manifest: ModelManifest, *, threads: int, gpu_layers: int | None = None, exact: bool = False
    ) -> None:
        self._manifest = manifest
        self._limit = min(manifest.context_length, _MAX_CONTEXT)
        self._stopped: Callable[[], bool] = _never
        self._prefix_key: tuple[tuple[int, ...], str] | None = None
        self._prefix_length = 0
        self._position = 0
        lc.llama_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
        mtmd.mtmd_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
        mtmd.mtmd_helper_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
        lc.llama_backend_init()
        if gpu_layers is None:
            gpu_layers = _ALL_LAYERS if lc.llama_supports_gpu_offload() else 0
        path = manifest.path("text")
        model_params = lc.llama_model_default_params()
        model_params.n_gpu_layers = gpu_layers
        self._model = lc.llama_model_load_from_file(str(path).encode(), model_params)
        if not self._model:
            raise ModelError(f"llama.cpp cannot load the text model {path}: install the model again")
        flash = lc.LLAMA_FLASH_ATTN_TYPE_DISABLED if exact else lc.LLAMA_FLASH_ATTN_TYPE_ENABLED
        params = lc.llama_context_default_params()
        # Room for one full batch of choices beside the longest prompt.
        params.n_ctx = self._limit + _BATCH
        params.n_batch = params.n_ubatch = _BATCH
        params.n_seq_max = _MAX_SEQUENCES
        # One pool of cells for all sequences: choices share the prefix instead of copying it.
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = flash
        params.type_k = params.type_v = _GGML_F32 if exact else _GGML_F16
        self._context = lc.llama_init_from_model(self._model, params)
        if not self._context:
            raise ModelError(f"llama.cpp cannot make a context for {path}: there may be too little memory")
        # Works on the CPU only (llama.h); `_check` looks between batches as well.
        self._abort_callback = lc.ggml_abort_callback(lambda _: self._stopped())
        lc.llama_set_abort_callback(self._context, self._abort_callback, None)
        self._memory = lc.llama_get_memory(self._context)
        self._adapters = LoraAdapters(self._model, self._context)
        self._vocab = lc.llama_model_get_vocab(self._model)
        self._vocab_size = int(lc.llama_vocab_n_tokens(self._vocab))
        # Gemma's answers end with their turn and not with the text. llama_vocab_eot guesses: it may say <|endoftext|>.
        turn_end = self.tokenize("<end_of_turn>", special=True)
        self._end = turn_end[0] if len(turn_end) == 1 else int(lc.llama_vocab_eos(self._vocab))
        self._vision = VisionTower(
            manifest.path("mmproj"),
            self._model,
            image_size=manifest.image_size,
            image_tokens=manifest.image_tokens,
            width=int(lc.llama_model_n_embd(self._model)),
            threads=threads,
            gpu=gpu_layers != 0,
            flash=flash,
            by_columns=manifest.token_order == "columns",
        )

    def use_adapter(self, path: Path | None, scale: float = 1.0) -> None:
        """Answer with a LoRA adapter from now on, or with none; the base stays loaded.

        Raises `ModelError` when the file is hostile or llama.cpp refuses it; what was used before stays in use then.
        """
        if self._adapters.use(path, scale):
            # Keys and values of the other weights.
            self._forget()

    def close(self) -> None:
        """Free everything; the object is of no use afterwards."""
        self._adapters.close()
        self._vision.close()
        lc.llama_free(self._context)
        lc.llama_model_free(self._model)

    def ask(self, request: AskRequest, stopped: Callable[[], bool] = _never) -> AskResult:
        """Answer one request.

        stopped : looked at often, from llama.cpp's threads too; the answer is given up once it says so.
        Raises `Cancelled`, or `EngineError` when the request does not fit or llama.cpp fails.
        """
        self._stopped = stopped
        started = time.perf_counter()
        try:
            evaluated = self._evaluate(request)
            prompted = time.perf_counter()
            choices: tuple[Choice, ...] = ()
            pieces: tuple[TextPiece, ...] = ()
            finished = True
            if request.choices:
                choices = self._score(request.choices, evaluated.logits)
                raw = choices[0].text
            else:
                raw, pieces, finished = self._generate(request, evaluated.logits)
        except BaseException:
            # What the cells hold after a failure is not worth reasoning about.
            self._forget()
            raise
        finally:
            self._stopped = _never
        ended = time.perf_counter()
        timings = Timings(
            encode=evaluated.encode_ms,
            prompt=(prompted - started) * 1000 - evaluated.encode_ms,
            decode=(ended - prompted) * 1000,
            total=(ended - started) * 1000,
        )
        return AskResult(
            request.request_id,
            raw,
            pieces,
            choices,
            timings,
            evaluated.image_cached,
            evaluated.prefix_reused,
            finished,
        )

    def embed_image(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(S, S, 3) uint8 of the tower's own size to (image tokens, text width) float32."""
        return self._vision.encode(image)[0].embedding

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Tokens of a text; only with `special` can it become control tokens.

        MedRegA's visible tags (``<ref>``, ``<box>``) become their own tokens either way.
        """
        try:
            encoded = text.encode()
        except UnicodeEncodeError:
            raise EngineError("a text holds half a character (a lone surrogate): type it again") from None
        buffer = (lc.llama_token * (len(encoded) + 8))()
        count = lc.llama_tokenize(self._vocab, encoded, len(encoded), buffer, len(buffer), False, special)
        if count < 0:
            raise EngineError(f"llama.cpp cannot tokenise a text of {len(encoded)} bytes")
        return list(buffer[:count])

    def next_logits(self, prompt: Prompt, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(vocabulary,) float32 after a prompt; for parity tests."""
        return self._evaluate(AskRequest(0, image, prompt)).logits

    def greedy(self, prompt: Prompt, image: NDArray[np.uint8], count: int) -> list[int]:
        """`count` greedy tokens after a prompt, end tokens included; for parity tests."""
        logits = self.next_logits(prompt, image)
        tokens: list[int] = []
        while len(tokens) < count:
            tokens.append(int(np.argmax(logits)))
            logits = self._decode([tokens[-1]])
        return tokens

    def _evaluate(self, request: AskRequest) -> _Evaluated:
        """Put the prompt into sequence 0, keeping what the last question left of it there."""
        before, after = self._prompt_tokens(request.prompt.parts)
        started = time.perf_counter()
        pixels = to_model_image(request.image, self._manifest.image_size)
        image, image_cached = self._vision.encode(pixels)
        encode_ms = 0.0 if image_cached else (time.perf_counter() - started) * 1000
        around = len(image.before) + len(image.after)
        needed = len(before) + around + self._manifest.image_tokens + len(after) + 1
        if needed > self._limit:
            raise EngineError(
                f"the question needs {needed} tokens, the model {self._manifest.id} takes {self._limit}: "
                "ask about fewer names at once"
            )
        key = (tuple(before), image.digest)
        prefix_reused = key == self._prefix_key
        if prefix_reused:
            self._trim(self._prefix_length)
        else:
            self._forget()
            self._decode([*before, *image.before])
            code, self._position = self._vision.decode(self._context, image, self._position, _BATCH)
            self._check(code)
            if image.after:
                self._decode(image.after)
            self._prefix_key, self._prefix_length = key, self._position
        return _Evaluated(self._decode(after), image_cached, prefix_reused, encode_ms)

    def _prompt_tokens(self, parts: Sequence[PromptPart]) -> tuple[list[int], list[int]]:
        """The tokens before and after the picture. Each part on its own: no text can join into a control token."""
        kinds = [part.kind for part in parts]
        if kinds.count(PartKind.IMAGE) != 1 or kinds[-1] is PartKind.IMAGE:
            raise EngineError("a prompt needs exactly one picture, with words after it")
        at = kinds.index(PartKind.IMAGE)

        def tokens(some: Sequence[PromptPart]) -> list[int]:
            return [t for p in some for t in self.tokenize(p.text, special=p.kind is PartKind.TEMPLATE)]

        return tokens(parts[:at]), tokens(parts[at + 1 :])

    def _decode(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Append tokens, at least one, to sequence 0; the logits after the last of them."""
        for start in range(0, len(tokens), _BATCH):
            part = tokens[start : start + _BATCH]
            rows = [(token, self._position + i, 0) for i, token in enumerate(part)]
            logits = self._run(rows, all_logits=False)
            self._position += len(part)
        return logits[0]

    def _run(self, rows: Sequence[tuple[int, int, int]], *, all_logits: bool) -> list[NDArray[np.float32]]:
        """Decode rows of (token, position, sequence); the logits of all rows or of the last one."""
        batch = lc.llama_batch_init(len(rows), 0, 1)
        try:
            batch.n_tokens = len(rows)
            for i, (token, position, sequence) in enumerate(rows):
                batch.token[i] = token
                batch.pos[i] = position
                batch.n_seq_id[i] = 1
                batch.seq_id[i][0] = sequence
                batch.logits[i] = all_logits or i == len(rows) - 1
            self._check(lc.llama_decode(self._context, batch))
            wanted = range(len(rows)) if all_logits else [len(rows) - 1]
            return [
                np.ctypeslib.as_array(lc.llama_get_logits_ith(self._context, i), shape=(self._vocab_size,)).copy()
                for i in wanted
            ]
        finally:
            lc.llama_batch_free(batch)

    def _check(self, code: int) -> None:
        """Raise unless llama_decode's `code` says that all went well."""
        if code == _DECODE_ABORTED or self._stopped():
            raise Cancelled
        if code:
            raise EngineError(f"llama.cpp failed with code {code} while evaluating: ask again")

    def _score(self, choices: Sequence[str], logits: NDArray[np.float32]) -> tuple[Choice, ...]:
        """Every choice as the whole answer, its end included: softmax over the sums of log-probabilities.

        Each is a sequence of its own behind the shared prompt, as many at once as fit.
        """
        distinct = list(dict.fromkeys(choices))
        answers = [[*self.tokenize(choice, special=False), self._end] for choice in distinct]
        longest = max(len(answer) for answer in answers)
        if longest > min(_BATCH, self._limit - self._position):
            raise EngineError(f"an allowed answer of {longest} tokens does not fit: shorten the name")
        first = log_softmax(logits)
        scores = [float(first[answer[0]]) for answer in answers]
        for numbers in _rounds([len(answer) - 1 for answer in answers]):
            for number, score in zip(numbers, self._score_round([answers[i] for i in numbers]), strict=True):
                scores[number] += score
        values = np.array(scores)
        probabilities = np.exp(values - np.logaddexp.reduce(values))
        order = np.argsort(-values, kind="stable")
        return tuple(Choice(distinct[i], float(probabilities[i])) for i in order)

    def _score_round(self, answers: Sequence[list[int]]) -> list[float]:
        """For each answer the log-probability of its tokens after the first, in one batch."""
        rows: list[tuple[int, int, int]] = []
        targets: list[tuple[int, int]] = []
        for number, answer in enumerate(answers):
            lc.llama_memory_seq_cp(self._memory, 0, number + 1, -1, -1)
            for i, (token, target) in enumerate(itertools.pairwise(answer)):
                rows.append((token, self._position + i, number + 1))
                targets.append((number, target))
        scores = [0.0] * len(answers)
        if rows:
            for (number, target), after in zip(targets, self._run(rows, all_logits=True), strict=True):
                scores[number] += float(log_softmax(after)[target])
        for number in range(len(answers)):
            lc.llama_memory_seq_rm(self._memory, number + 1, -1, -1)
        return scores

    def _generate(self, request: AskRequest, logits: NDArray[np.float32]) -> tuple[str, tuple[TextPiece, ...], bool]:
        """Greedy under the grammar: the text, its tokens, and whether it came to its end.

        A token's log-probability is that of the model's own, unconstrained distribution: under a grammar that
        leaves one token it would always be 0 and say nothing.
        """
        chain = lc.llama_sampler_chain_init(lc.llama_sampler_chain_default_params())
        pieces: list[TextPiece] = []
        # A Chinese character may take several tokens: its text goes to the one that completes it.
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        finished = False
        try:
            if request.grammar is not None:
                grammar = lc.llama_sampler_init_grammar(self._vocab, request.grammar.encode(), b"root")
                if not grammar:
                    raise EngineError(f"llama.cpp refuses the grammar {request.grammar[:200]!r}")
                lc.llama_sampler_chain_add(chain, grammar)
            lc.llama_sampler_chain_add(chain, lc.llama_sampler_init_greedy())
            for _ in range(min(request.max_tokens, self._limit - self._position)):
                token = lc.llama_sampler_sample(chain, self._context, -1)
                if lc.llama_vocab_is_eog(self._vocab, token):
                    finished = True
                    break
                text = decoder.decode(self._piece(token))
                pieces.append(TextPiece(text, float(log_softmax(logits)[token])))
                logits = self._decode([token])
        finally:
            lc.llama_sampler_free(chain)
        if pieces:
            last = pieces.pop()
            pieces.append(TextPiece(last.text + decoder.decode(b"", final=True), last.logprob))
        return "".join(piece.text for piece in pieces), tuple(pieces), finished

    def _piece(self, token: int) -> bytes:
        size = 256
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = lc.llama_token_to_piece(self._vocab, token, buffer, size, 0, True)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def _trim(self, length: int) -> None:
        if not lc.llama_memory_seq_rm(self._memory, 0, length, -1):
            raise EngineError("llama.cpp cannot drop the last question: ask again")
        self._position = length

    def _forget(self) -> None:
        lc.llama_memory_clear(self._memory, True)
        self._prefix_key = None
        self._prefix_length = self._position = 0


def _rounds(lengths: Sequence[int]) -> Iterator[range]:
    """Cut answers of these many rows into runs that fit into one batch and its sequences (0 is the prompt's)."""
    start = rows = 0
    for number, length in enumerate(lengths):
        if number > start and (rows + length > _BATCH or number - start == _MAX_SEQUENCES - 1):
            yield range(start, number)
            start, rows = number, 0
        rows += length
    yield range(start, len(lengths))


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-probabilities of (vocabulary,) logits. Raises `EngineError` when a logit is not a number."""
    wide = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):
        total = np.logaddexp.reduce(wide)
    if not np.isfinite(total):
        raise EngineError("the model's output is not a number: its files or the memory are damaged; verify the model")
    result: NDArray[np.float64] = wide - total
    return result
