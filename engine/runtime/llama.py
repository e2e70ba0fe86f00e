"""llama.cpp through llama-cpp-python's low-level bindings: one model, one context, one question at a time.

The high-level chat handler is not used: it fetches URLs, parses control tokens in people's words, and evaluates the
picture anew for every question.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import llama_cpp as lc
import numpy as np
from numpy.typing import NDArray

from engine.protocol import Prompt
from engine.runtime.beginnings import Beginnings, Begun
from engine.runtime.context import BATCH, FLASH, MAX_SEQUENCES, Context, never
from engine.runtime.errors import MemoryShortError, ModelError
from engine.runtime.lines import fork, one_line, write_lines
from engine.runtime.llama_log import heard_errors, short_of_memory
from engine.runtime.lora import LoraAdapters
from engine.runtime.manifest import ModelManifest
from engine.runtime.messages import AskRequest, AskResult, Choice, TextPiece, Timings
from engine.runtime.offload import Offload
from engine.runtime.scoring import distinct_choices, log_softmax, score_choices
from engine.runtime.vision import VisionTower
from engine.runtime.writing import Vocabulary, Writer

__all__ = ["LlamaModel", "log_softmax"]

_MAX_CONTEXT = 4096
_CPU = Offload()


def _no_one(piece: TextPiece) -> None:
    pass


def context_limit(manifest: ModelManifest) -> int:
    """How long a prompt with its answer may be, in tokens."""
    return min(manifest.context_length, _MAX_CONTEXT)


class LlamaModel:
    """A loaded model. Not thread-safe.

    threads : of text and vision. offload : what of it goes to GPUs, and how it is computed.
    Raises `ModelError` when llama.cpp refuses a file, `MemoryShortError` when it does not fit.
    """

    def __init__(self, manifest: ModelManifest, *, threads: int, offload: Offload = _CPU) -> None:
        self._loaded = contextlib.ExitStack()
        with heard_errors() as errors:
            try:
                self._load(manifest, threads, offload)
            except (ModelError, MemoryError) as error:
                self.close()
                if isinstance(error, MemoryError) or short_of_memory(errors):
                    raise MemoryShortError(
                        f"there is too little memory for the model {manifest.id}: close other programs, or choose a "
                        "smaller quantization"
                    ) from error
                raise

    def _load(self, manifest: ModelManifest, threads: int, offload: Offload) -> None:
        lc.llama_backend_init()
        path = manifest.path("text")
        model_params = lc.llama_model_default_params()
        model_params.n_gpu_layers = offload.layers
        model = lc.llama_model_load_from_file(str(path).encode(), model_params)
        if not model:
            raise ModelError(f"llama.cpp cannot load the text model {path}: install the model again")
        self._loaded.callback(lc.llama_model_free, model)
        self._context = Context(model, path, limit=context_limit(manifest), threads=threads, offload=offload)
        self._loaded.callback(self._context.close)
        self._adapters = LoraAdapters(model, self._context.handle)
        self._loaded.callback(self._adapters.close)
        self._vocabulary = Vocabulary(model)
        self._vision = VisionTower(
            manifest.path("mmproj"),
            model,
            image_size=manifest.image_size,
            image_tokens=manifest.image_tokens,
            width=int(lc.llama_model_n_embd(model)),
            threads=threads,
            gpu=offload.vision,
            flash=FLASH[offload.flash],
            stopped=self._context.is_stopped,
            by_columns=manifest.token_order == "columns",
        )
        self._loaded.callback(self._vision.close)
        self._beginnings = Beginnings(
            self._context, self._vision, self._vocabulary, image_size=manifest.image_size, model_id=manifest.id
        )

    def use_adapter(self, path: Path | None, scale: float = 1.0) -> None:
        """Answer with a LoRA adapter from now on, or with none; the base stays loaded.

        Raises `ModelError` when the file is hostile or llama.cpp refuses it; what was used before stays in use then.
        """
        if self._adapters.use(path, scale):
            # Keys and values of the other weights.
            self._beginnings.forget()

    def close(self) -> None:
        """Free everything; the object is of no use afterwards."""
        self._loaded.close()

    def ask(
        self,
        request: AskRequest,
        stopped: Callable[[], bool] = never,
        on_piece: Callable[[TextPiece], None] = _no_one,
    ) -> AskResult:
        """Answer one request.

        stopped : looked at often, from llama.cpp's threads too; the answer is given up once it says so.
        on_piece : hears of each token as it is written.
        Raises `Cancelled`, or `EngineError` when the request does not fit or llama.cpp fails.
        """
        with self._stoppable(stopped):
            clock = _Clock()
            begun = self._beginnings.begin(request)
            choices: tuple[Choice, ...] = ()
            writer: Writer | None = None
            if not request.prepare:
                if request.choices:
                    choices = self._rank(request, begun.after)
                else:
                    line = one_line(self._context, self._vocabulary, request, begun.after)
                    clock.prompted()
                    write_lines(self._context, [line], on_piece)
                    writer = line.writer
            return _result(request, begun, clock, choices, writer)

    def ask_batch(self, requests: Sequence[AskRequest], stopped: Callable[[], bool] = never) -> tuple[AskResult, ...]:
        """Answer several questions about one picture, written ones together: each step is one batch of all of them.

        One that ranks choices, or that has other words before the picture than the first, is answered by itself.
        Raises as `ask` does.
        """
        results: dict[int, AskResult] = {}
        before = self._beginnings.split(requests[0].prompt.parts)[0]
        together = []
        for number, request in enumerate(requests):
            same = self._beginnings.split(request.prompt.parts)[0] == before
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
        begun = self._beginnings.begin(requests[0])
        afters = [self._beginnings.split(request.prompt.parts)[1] for request in requests]
        room = self._context.cells - self._context.position
        count = rows = 0
        for request, after in zip(requests, afters, strict=True):
            room -= len(after) + request.max_tokens
            rows += len(after)
            if count and (room < 0 or rows > BATCH or count == MAX_SEQUENCES - 1):
                break
            count += 1
        if count == 1:
            lines = [one_line(self._context, self._vocabulary, requests[0], afters[0])]
        else:
            lines = fork(self._context, self._vocabulary, requests[:count], afters[:count])
        clock.prompted()
        try:
            write_lines(self._context, lines, _no_one)
        finally:
            self._context.prune(line.sequence for line in lines if line.sequence)
        return [_result(one, begun, clock, (), line.writer) for one, line in zip(requests, lines, strict=False)]

    def _rank(self, request: AskRequest, after: Sequence[int]) -> tuple[Choice, ...]:
        leanings = distinct_choices(request)
        distinct = list(leanings)
        answers = [[*self.tokenize(choice, special=False), self._vocabulary.end] for choice in distinct]
        return score_choices(
            self._context, distinct, answers, after, request.temperature, np.array(list(leanings.values()))
        )

    @contextlib.contextmanager
    def _stoppable(self, stopped: Callable[[], bool]) -> Iterator[None]:
        with self._context.stoppable(stopped):
            try:
                yield
            except BaseException:
                # What the cells hold after a failure is not worth reasoning about; what was copied from them is sound.
                self._beginnings.empty()
                raise

    def embed_image(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(S, S, 3) uint8 of the tower's own size to (image tokens, text width) float32."""
        return self._vision.encode(image)[0].embedding

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """As `Vocabulary.tokenize`."""
        return self._vocabulary.tokenize(text, special=special)

    def next_logits(self, prompt: Prompt, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(vocabulary,) float32 after a prompt; for parity tests."""
        return self._context.decode(self._beginnings.begin(AskRequest(0, image, prompt)).after)

    def greedy(self, prompt: Prompt, image: NDArray[np.uint8], count: int) -> list[int]:
        """`count` greedy tokens after a prompt, end tokens included; for parity tests."""
        logits = self.next_logits(prompt, image)
        tokens: list[int] = []
        while len(tokens) < count:
            tokens.append(int(np.argmax(logits)))
            logits = self._context.decode([tokens[-1]])
        return tokens


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
    request: AskRequest, begun: Begun, clock: _Clock, choices: tuple[Choice, ...], writer: Writer | None
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
        begun.tokens,
        tuple(writer.presence) if writer is not None else (),
    )
