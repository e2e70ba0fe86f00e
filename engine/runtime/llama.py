"""llama.cpp through llama-cpp-python's low-level bindings: one model, one context, one question at a time.

With `vision`, the only module that knows ctypes. The high-level chat handler is not used: it fetches URLs, parses
control tokens in people's words, and evaluates the picture anew for every question.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import itertools
import logging
import threading
import time
from collections import OrderedDict
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
from engine.protocol.syntax import BOX_TAG
from engine.runtime.errors import EngineError, ModelError
from engine.runtime.lora import LoraAdapters
from engine.runtime.manifest import ModelManifest
from engine.runtime.messages import Absence, AskRequest, AskResult, Choice, TextPiece, Timings
from engine.runtime.prefixes import PrefixKey, PrefixStore
from engine.runtime.preprocess import to_model_image
from engine.runtime.vision import VisionTower
from engine.runtime.writing import Fork, Vocabulary, Writer

logger = logging.getLogger(__name__)

_BATCH = 512
_MAX_CONTEXT = 4096
_MAX_SEQUENCES = 128
_DECODE_ABORTED = 2
# About 100 pictures of 224 pixels a side, 25 of 448.
_PIXEL_BYTES = 16 << 20
_ALL_LAYERS = 999
_GGML_F32, _GGML_F16 = 0, 1
_LOG_LEVEL_ERROR = 4


# An answer that is given up makes llama.cpp report a failed graph.
_giving_up = threading.Event()


def _log(level: int, text: bytes, _: Any) -> None:
    # What llama.cpp says below errors is of use to its developers only.
    ours = logging.WARNING if level == _LOG_LEVEL_ERROR and not _giving_up.is_set() else logging.DEBUG
    logger.log(ours, "%s", text.decode(errors="replace").rstrip())


# ctypes callbacks must outlive every call that uses them.
_LOG_CALLBACK = lc.llama_log_callback(_log)


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """A prompt up to its picture in sequence 0. after : the tokens still to come."""

    after: list[int]
    image_cached: bool
    prefix_reused: bool
    encode_ms: float


@dataclass(slots=True, eq=False)
class _Line:
    """An answer being written in a sequence. position : of its next token. row : of the batch it goes on from."""

    writer: Writer
    sequence: int
    position: int
    row: int
    logits: NDArray[np.float32]


def _never() -> bool:
    return False


def _no_one(piece: TextPiece) -> None:
    pass


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
        self._pixels: OrderedDict[bytes, NDArray[np.uint8]] = OrderedDict()
        self._prefix_key: PrefixKey | None = None
        self._preamble_length = self._prefix_length = 0
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
        self._prefixes = PrefixStore(self._context)
        self._adapters = LoraAdapters(self._model, self._context)
        self._vocabulary = Vocabulary(self._model)
        self._vocab = self._vocabulary.handle
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
            stopped=lambda: self._stopped(),
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

    def ask(
        self,
        request: AskRequest,
        stopped: Callable[[], bool] = _never,
        on_piece: Callable[[TextPiece], None] = _no_one,
    ) -> AskResult:
        """Answer one request.

        stopped : looked at often, from llama.cpp's threads too; the answer is given up once it says so.
        on_piece : hears of each token as it is written.
        Raises `Cancelled`, or `EngineError` when the request does not fit or llama.cpp fails.
        """
        with self._stoppable(stopped):
            clock = _Clock()
            begun = self._begin(request)
            choices: tuple[Choice, ...] = ()
            lines: list[_Line] = []
            if not request.prepare:
                if request.choices:
                    choices = self._score(request.choices, begun.after, request.temperature)
                else:
                    logits = self._decode(begun.after)
                    clock.prompted()
                    lines.append(self._line(request, 0, self._position, -1, logits))
                    self._write(lines, on_piece)
            return _result(request, begun, clock, choices, lines[0].writer if lines else None)

    def ask_batch(self, requests: Sequence[AskRequest], stopped: Callable[[], bool] = _never) -> tuple[AskResult, ...]:
        """Answer several questions about one picture, written ones together: each step is one batch of all of them.

        One that ranks choices, or that has other words before the picture than the first, is answered by itself.
        Raises as `ask` does.
        """
        results: dict[int, AskResult] = {}
        before = self._prompt_tokens(requests[0].prompt.parts)[0]
        together = []
        for number, request in enumerate(requests):
            same = self._prompt_tokens(request.prompt.parts)[0] == before
            if request.choices or request.prepare or not same:
                results[number] = self.ask(request, stopped)
            else:
                together.append(number)
        with self._stoppable(stopped):
            while together:
                taken = self._ask_together([requests[number] for number in together])
                results.update(zip(together, taken, strict=False))
                together = together[len(taken) :]
        return tuple(results[number] for number in range(len(requests)))

    def _ask_together(self, requests: Sequence[AskRequest]) -> list[AskResult]:
        """Answer as many of the first requests as fit, at least one."""
        clock = _Clock()
        begun = self._begin(requests[0])
        afters = [self._prompt_tokens(request.prompt.parts)[1] for request in requests]
        room = self._limit + _BATCH - self._position
        count = rows = 0
        for request, after in zip(requests, afters, strict=True):
            room -= len(after) + request.max_tokens
            rows += len(after)
            if count and (room < 0 or rows > _BATCH or count == _MAX_SEQUENCES - 1):
                break
            count += 1
        if count == 1:
            lines = [self._line(requests[0], 0, 0, -1, self._decode(afters[0]))]
            lines[0].position = self._position
        else:
            lines = self._fork(requests[:count], afters[:count])
        clock.prompted()
        try:
            self._write(lines, _no_one)
        finally:
            for line in lines:
                if line.sequence:
                    lc.llama_memory_seq_rm(self._memory, line.sequence, -1, -1)
        return [_result(one, begun, clock, (), line.writer) for one, line in zip(requests, lines, strict=False)]

    def _fork(self, requests: Sequence[AskRequest], afters: Sequence[list[int]]) -> list[_Line]:
        """Evaluate each question's words in a sequence of its own behind the shared beginning, in one batch.

        The words with which all of them begin are evaluated once.
        """
        # At least one token of each is its own: its logits are.
        shared = next(
            (
                i
                for i, tokens in enumerate(zip(*(after[:-1] for after in afters), strict=False))
                if len(set(tokens)) > 1
            ),
            min(len(after) for after in afters) - 1,
        )
        sequences = range(1, len(afters) + 1)
        for number in sequences:
            lc.llama_memory_seq_cp(self._memory, 0, number, -1, -1)
        rows: list[tuple[int, int, int | Sequence[int]]] = [
            (token, self._position + i, sequences) for i, token in enumerate(afters[0][:shared])
        ]
        lasts = []
        for number, after in zip(sequences, afters, strict=True):
            rows += [(token, self._position + i, number) for i, token in enumerate(after[shared:], shared)]
            lasts.append(len(rows) - 1)
        logits = self._run(rows, lasts)
        return [
            self._line(request, i + 1, self._position + len(afters[i]), lasts[i], logits[i])
            for i, request in enumerate(requests)
        ]

    @contextlib.contextmanager
    def _stoppable(self, stopped: Callable[[], bool]) -> Iterator[None]:
        def noted() -> bool:
            if not stopped():
                return False
            _giving_up.set()
            return True

        self._stopped = noted
        try:
            yield
        except BaseException:
            # What the cells hold after a failure is not worth reasoning about; what was copied from them is sound.
            self._empty()
            raise
        finally:
            self._stopped = _never
            _giving_up.clear()

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
        return self._decode(self._begin(AskRequest(0, image, prompt)).after)

    def greedy(self, prompt: Prompt, image: NDArray[np.uint8], count: int) -> list[int]:
        """`count` greedy tokens after a prompt, end tokens included; for parity tests."""
        logits = self.next_logits(prompt, image)
        tokens: list[int] = []
        while len(tokens) < count:
            tokens.append(int(np.argmax(logits)))
            logits = self._decode([tokens[-1]])
        return tokens

    def _begin(self, request: AskRequest) -> _Begun:
        """Put the prompt up to its picture into sequence 0: what is there, or was kept, or evaluated now."""
        before, after = self._prompt_tokens(request.prompt.parts)
        started = time.perf_counter()
        pixels = self._stretched(request.image)
        image, image_cached = self._vision.encode(pixels)
        encode_ms = 0.0 if image_cached else (time.perf_counter() - started) * 1000
        around = len(image.before) + len(image.after)
        needed = len(before) + around + len(image.embedding) + len(after) + 1
        if needed > self._limit:
            raise EngineError(
                f"the question needs {needed} tokens, the model {self._manifest.id} takes {self._limit}: "
                "ask about fewer names at once"
            )
        key = (tuple(before), image.digest)
        reused = key == self._prefix_key or key in self._prefixes
        if key == self._prefix_key:
            self._trim(self._prefix_length)
        elif not self._restore(key, len(before) + len(image.before)):
            reused = False
            if self._prefix_key is not None and self._prefix_key[0] == key[0]:
                # The words before another picture are the same words.
                self._trim(self._preamble_length)
            else:
                self._empty()
                self._decode([*before, *image.before])
                self._preamble_length = self._position
            self._prefix_key = None
            code, self._position = self._vision.decode(self._context, image, self._position, _BATCH)
            self._check(code)
            if image.after:
                self._decode(image.after)
            self._prefix_key, self._prefix_length = key, self._position
            self._prefixes.keep(key, self._position)
        return _Begun(after, image_cached, reused, encode_ms)

    def _stretched(self, slice_: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """`to_model_image` of a slice, kept for the next question about it: stretching costs more than hashing."""
        digest = hashlib.sha256(slice_.tobytes()).digest() + bytes(str(slice_.shape), "ascii")
        pixels = self._pixels.pop(digest, None)
        if pixels is None:
            pixels = to_model_image(slice_, self._manifest.image_size)
        self._pixels[digest] = pixels
        while len(self._pixels) > 1 and len(self._pixels) * pixels.nbytes > _PIXEL_BYTES:
            self._pixels.popitem(last=False)
        return pixels

    def _restore(self, key: PrefixKey, preamble_length: int) -> bool:
        if key not in self._prefixes:
            return False
        self._empty()
        length = self._prefixes.restore(key)
        if not length:
            self._empty()
            return False
        self._prefix_key, self._position = key, length
        self._preamble_length, self._prefix_length = preamble_length, length
        return True

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
            logits = self._run(rows, [len(rows) - 1])
            self._position += len(part)
        return logits[0]

    def _run(
        self, rows: Sequence[tuple[int, int, int | Sequence[int]]], wanted: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        """Decode rows of (token, position, sequence or sequences); the logits of the wanted rows."""
        batch = lc.llama_batch_init(len(rows), 0, _MAX_SEQUENCES)
        try:
            batch.n_tokens = len(rows)
            for i, (token, position, sequence) in enumerate(rows):
                batch.token[i] = token
                batch.pos[i] = position
                several = (sequence,) if isinstance(sequence, int) else sequence
                batch.n_seq_id[i] = len(several)
                for place, one in enumerate(several):
                    batch.seq_id[i][place] = one
                batch.logits[i] = False
            for i in wanted:
                batch.logits[i] = True
            self._check(lc.llama_decode(self._context, batch))
            return [
                np.ctypeslib.as_array(lc.llama_get_logits_ith(self._context, i), shape=(self._vocabulary.size,)).copy()
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

    def _score(self, choices: Sequence[str], after: list[int], temperature: float) -> tuple[Choice, ...]:
        """Every choice as the whole answer, its end included: softmax over the sums of log-probabilities.

        after : the question's last tokens. Each choice is a sequence of its own behind them, as many at once as fit:
        mostly all, in one batch with the question's words, which half fills a batch by itself and costs no more so.
        temperature : the sums are divided by it first (Guo et al., ICML 2017); it changes no order.
        """
        distinct = list(dict.fromkeys(choices))
        answers = [[*self.tokenize(choice, special=False), self._end] for choice in distinct]
        longest = max(len(answer) for answer in answers)
        if longest > min(_BATCH, self._limit - self._position - len(after)):
            raise EngineError(f"an allowed answer of {longest} tokens does not fit: shorten the name")
        # Of a question longer than a batch all but the last token goes first.
        spare = max(len(after) - _BATCH // 2, 0)
        if spare:
            self._decode(after[:spare])
            after = after[spare:]
        scores = [0.0] * len(answers)
        first = np.empty(0)
        for numbers in _rounds([len(answer) - 1 for answer in answers], _BATCH - len(after)):
            sums, last = self._score_round([answers[i] for i in numbers], after)
            if last is not None:
                # The words are there now, for the rounds after this one too.
                first, after = last, []
            for number, score in zip(numbers, sums, strict=True):
                scores[number] = score + float(first[answers[number][0]])
        values = np.array(scores) / temperature
        probabilities = np.exp(values - np.logaddexp.reduce(values))
        order = np.argsort(-values, kind="stable")
        return tuple(Choice(distinct[i], float(probabilities[i])) for i in order)

    def _score_round(
        self, answers: Sequence[list[int]], after: Sequence[int]
    ) -> tuple[list[float], NDArray[np.float64] | None]:
        """For each answer the log-probability of its tokens after the first, in one batch with `after`, if any.

        With them the log-probabilities of every token after their last. They stay in sequence 0.
        """
        sequences = range(1, len(answers) + 1)
        for sequence in sequences:
            lc.llama_memory_seq_cp(self._memory, 0, sequence, -1, -1)
        rows: list[tuple[int, int, int | Sequence[int]]] = [
            (token, self._position + i, range(len(answers) + 1)) for i, token in enumerate(after)
        ]
        targets: list[tuple[int, int]] = []
        start = self._position + len(after)
        for number, answer in enumerate(answers):
            for i, (token, target) in enumerate(itertools.pairwise(answer)):
                rows.append((token, start + i, number + 1))
                targets.append((number, target))
        wanted = range(max(len(after) - 1, 0), len(rows))
        logits = self._run(rows, wanted) if rows else []
        last = log_softmax(logits.pop(0)) if after else None
        self._position = start
        scores = [0.0] * len(answers)
        for (number, target), row in zip(targets, logits, strict=True):
            scores[number] += float(log_softmax(row)[target])
        for sequence in sequences:
            lc.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return scores, last

    def _line(self, request: AskRequest, sequence: int, position: int, row: int, logits: NDArray[np.float32]) -> _Line:
        limit = min(request.max_tokens, self._limit - position)
        writer = Writer(self._vocabulary, request.grammar, limit, self._fork_of(request.absence))
        return _Line(writer, sequence, position, row, logits)

    def _fork_of(self, absence: Absence | None) -> Fork | None:
        if absence is None:
            return None
        boxes, absent = (self.tokenize(text, special=False)[0] for text in (BOX_TAG, absence.words))
        return Fork(boxes, absent, absence.below)

    def _write(self, lines: Sequence[_Line], on_piece: Callable[[TextPiece], None]) -> None:
        """Write all answers to their ends, one token of each in every batch."""
        try:
            active = list(lines)
            while active:
                rows: list[tuple[int, int, int]] = []
                going: list[_Line] = []
                for line in active:
                    token = None
                    if not line.writer.ended:
                        token = line.writer.take(self._context, line.row, log_softmax(line.logits))
                    if token is None:
                        continue
                    on_piece(line.writer.last)
                    rows.append((token, line.position, line.sequence))
                    going.append(line)
                if rows:
                    for row, (line, logits) in enumerate(zip(going, self._run(rows, range(len(rows))), strict=True)):
                        line.row, line.logits = row, logits
                        line.position += 1
                active = going
        finally:
            for line in lines:
                line.writer.close()

    def _trim(self, length: int) -> None:
        if not lc.llama_memory_seq_rm(self._memory, 0, length, -1):
            raise EngineError("llama.cpp cannot drop the last question: ask again")
        self._position = length

    def _empty(self) -> None:
        """Nothing is in the context any more."""
        lc.llama_memory_clear(self._memory, True)
        self._prefix_key = None
        self._preamble_length = self._prefix_length = self._position = 0

    def _forget(self) -> None:
        """Nothing that these weights made is of use any more, but for the pictures."""
        self._empty()
        self._prefixes.clear()


class _Clock:
    """When the steps of an answer ended."""

    def __init__(self) -> None:
        self._started = self._prompted = time.perf_counter()

    def prompted(self) -> None:
        """The prompt is evaluated."""
        self._prompted = time.perf_counter()

    def timings(self, encode_ms: float) -> Timings:
        """Milliseconds until now."""
        ended = time.perf_counter()
        prompt = (self._prompted - self._started) * 1000 - encode_ms
        return Timings(encode_ms, max(prompt, 0.0), (ended - self._prompted) * 1000, (ended - self._started) * 1000)


def _result(
    request: AskRequest, begun: _Begun, clock: _Clock, choices: tuple[Choice, ...], writer: Writer | None
) -> AskResult:
    pieces = writer.pieces() if writer is not None else ()
    return AskResult(
        request.request_id,
        choices[0].text if choices else "".join(piece.text for piece in pieces),
        pieces,
        choices,
        clock.timings(begun.encode_ms),
        begun.image_cached,
        begun.prefix_reused,
        writer is None or writer.finished,
        tuple(writer.presence) if writer is not None else (),
    )


def _rounds(lengths: Sequence[int], most: int) -> Iterator[range]:
    """Cut answers of these many rows into runs that fit into one batch and its sequences (0 is the prompt's)."""
    start = rows = 0
    for number, length in enumerate(lengths):
        if number > start and (rows + length > most or number - start == _MAX_SEQUENCES - 1):
            yield range(start, number)
            start, rows = number, 0
        rows += length
    yield range(start, len(lengths))


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-probabilities of (vocabulary,) logits. Raises `EngineError` when a logit is not a number."""
    wide = logits.astype(np.float64)
    top = wide.max()
    with np.errstate(invalid="ignore", over="ignore"):
        total = top + np.log(np.exp(wide - top).sum())
    if not np.isfinite(total):
        raise EngineError("the model's output is not a number: its files or the memory are damaged; verify the model")
    result: NDArray[np.float64] = wide - total
    return result
