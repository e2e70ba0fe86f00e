"""llama.cpp with its multimodal library, through llama-cpp-python's low-level bindings.

The only module that knows ctypes. One model, one context; not thread-safe but for `abort`.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import llama_cpp as lc
import llama_cpp.mtmd_cpp as mtmd
import numpy as np
from numpy.typing import NDArray

from engine.progress import Cancelled
from engine.protocol import PartKind, Prompt
from engine.runtime.errors import EngineError, ModelError
from engine.runtime.manifest import ModelManifest
from engine.runtime.messages import AskRequest, AskResult, Choice, TextPiece, Timings
from engine.runtime.preprocess import to_model_image

logger = logging.getLogger(__name__)

_BATCH = 512
_MAX_SEQUENCES = 64
_CACHED_IMAGES = 64
_DECODE_ABORTED = 2
_GGML_F32, _GGML_F16 = 0, 1


def _log(level: int, text: bytes, _: Any) -> None:
    # GGML_LOG_LEVEL_ERROR is 4; what llama.cpp says below that is of use to its developers only.
    logger.log(logging.WARNING if level == 4 else logging.DEBUG, "%s", text.decode(errors="replace").rstrip())


# ctypes callbacks must outlive every call that uses them.
_LOG_CALLBACK = lc.llama_log_callback(_log)


@dataclass(slots=True, eq=False)
class _ImagePrefix:
    """An encoded image. before, after : the tokens mtmd puts round it; chunk : owned by us."""

    before: list[int]
    chunk: Any
    after: list[int]
    embedding: NDArray[np.float32]


class LlamaModel:
    """A loaded model that answers one request at a time.

    exact : 32-bit keys and values and no flash attention, for parity with torch; slower.
    Raises `ModelError` when llama.cpp refuses a file.
    """

    def __init__(
        self, manifest: ModelManifest, *, threads: int, gpu_layers: int = 0, exact: bool = False
    ) -> None:
        self._manifest = manifest
        self._aborted = False
        self._images: OrderedDict[str, _ImagePrefix] = OrderedDict()
        self._prefix_key: tuple[Any, ...] | None = None
        self._prefix_length = 0
        self._position = 0
        lc.llama_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
        mtmd.mtmd_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
        mtmd.mtmd_helper_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
        lc.llama_backend_init()
        text, mmproj = manifest.path("text"), manifest.path("mmproj")
        model_params = lc.llama_model_default_params()
        model_params.n_gpu_layers = gpu_layers
        self._model = lc.llama_model_load_from_file(str(text).encode(), model_params)
        if not self._model:
            raise ModelError(f"llama.cpp cannot load the text model {text}")
        flash = lc.LLAMA_FLASH_ATTN_TYPE_DISABLED if exact else lc.LLAMA_FLASH_ATTN_TYPE_ENABLED
        params = lc.llama_context_default_params()
        params.n_ctx = min(manifest.context_length, 4096)
        params.n_batch = params.n_ubatch = _BATCH
        params.n_seq_max = _MAX_SEQUENCES
        # One pool of cells for all sequences: choices share the prefix instead of copying it.
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = flash
        params.type_k = params.type_v = _GGML_F32 if exact else _GGML_F16
        self._context = lc.llama_init_from_model(self._model, params)
        if not self._context:
            raise ModelError(f"llama.cpp cannot make a context for {text}")
        self._abort_callback = lc.ggml_abort_callback(lambda _: self._aborted)
        lc.llama_set_abort_callback(self._context, self._abort_callback, None)
        self._memory = lc.llama_get_memory(self._context)
        self._vocab = lc.llama_model_get_vocab(self._model)
        self._vocab_size = lc.llama_vocab_n_tokens(self._vocab)
        self._width = lc.llama_model_n_embd(self._model)
        self._end = lc.llama_vocab_eos(self._vocab)
        vision = mtmd.mtmd_context_params_default()
        vision.use_gpu = gpu_layers != 0
        vision.n_threads = threads
        vision.warmup = False
        vision.print_timings = False
        vision.flash_attn_type = flash
        self._vision = mtmd.mtmd_init_from_file(str(mmproj).encode(), self._model, vision)
        if not self._vision:
            raise ModelError(f"llama.cpp cannot load the vision tower {mmproj}")

    def close(self) -> None:
        """Free everything; the object is of no use afterwards."""
        for image in self._images.values():
            mtmd.mtmd_input_chunk_free(image.chunk)
        self._images.clear()
        mtmd.mtmd_free(self._vision)
        lc.llama_free(self._context)
        lc.llama_model_free(self._model)

    def abort(self) -> None:
        """Stop the request in work as soon as possible. May be called from another thread."""
        self._aborted = True

    def embed_image(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(S, S, 3) uint8 of the tower's own size to (image tokens, text width) float32."""
        return self._image_prefix(image)[0].embedding

    def ask(self, request: AskRequest) -> AskResult:
        """Answer one request. Raises `Cancelled` after `abort`, `EngineError` when llama.cpp fails."""
        self._aborted = False
        started = time.perf_counter()
        try:
            logits, cached, reused, encode_ms = self._evaluate_prompt(request)
            prompted = time.perf_counter()
            if request.choices:
                choices = self._score(request.choices, logits)
                raw, pieces = choices[0].text, ()
            else:
                choices = ()
                raw, pieces = self._generate(request, logits)
        except BaseException:
            # What the cache holds after an abort is not worth reasoning about.
            self._forget()
            raise
        ended = time.perf_counter()
        return AskResult(
            request.request_id,
            raw,
            pieces,
            choices,
            Timings(
                encode_ms,
                (prompted - started) * 1000 - encode_ms,
                (ended - prompted) * 1000,
                (ended - started) * 1000,
            ),
            cached,
            reused,
        )

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Tokens of a text; only with `special` can it become control tokens."""
        encoded = text.encode()
        buffer = (lc.llama_token * (len(encoded) + 8))()
        count = lc.llama_tokenize(self._vocab, encoded, len(encoded), buffer, len(buffer), False, special)
        if count < 0:
            raise EngineError(f"llama.cpp cannot tokenise a text of {len(encoded)} bytes")
        return list(buffer[:count])

    def next_logits(self, prompt: Prompt, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(vocabulary,) float32 after a prompt; for parity tests."""
        return self._evaluate_prompt(AskRequest(0, image, prompt))[0]

    def greedy(self, prompt: Prompt, image: NDArray[np.uint8], count: int) -> list[int]:
        """`count` greedy tokens after a prompt, end tokens included; for parity tests."""
        logits = self.next_logits(prompt, image)
        tokens: list[int] = []
        while len(tokens) < count:
            tokens.append(int(np.argmax(logits)))
            logits = self._decode([tokens[-1]])
        return tokens

    def _evaluate_prompt(self, request: AskRequest) -> tuple[NDArray[np.float32], bool, bool, float]:
        """Logits after the prompt, whether the image and the prefix were cached, and milliseconds to encode."""
        kinds = [part.kind for part in request.prompt.parts]
        if kinds.count(PartKind.IMAGE) != 1:
            raise EngineError("a prompt needs exactly one image")
        at = kinds.index(PartKind.IMAGE)
        before, after = (
            [
                token
                for part in parts
                for token in self.tokenize(part.text, special=part.kind is PartKind.TEMPLATE)
            ]
            for parts in (request.prompt.parts[:at], request.prompt.parts[at + 1 :])
        )
        started = time.perf_counter()
        model_image = to_model_image(request.image, self._manifest.image_size)
        image, digest, cached = self._image_prefix_keyed(model_image)
        encode_ms = 0.0 if cached else (time.perf_counter() - started) * 1000
        needed = len(before) + self._manifest.image_tokens + len(after) + request.max_tokens
        if needed > self._manifest.context_length:
            raise EngineError(
                f"the question needs {needed} tokens, the model {self._manifest.id} takes "
                f"{self._manifest.context_length}: ask about fewer names at once"
            )
        key = (tuple(before), digest)
        reused = key == self._prefix_key
        if reused:
            self._trim(self._prefix_length)
        else:
            self._forget()
            self._decode(before + image.before)
            self._decode_image(image)
            if image.after:
                self._decode(image.after)
            self._prefix_key, self._prefix_length = key, self._position
        return self._decode(after), cached, reused, encode_ms

    def _image_prefix(self, image: NDArray[np.uint8]) -> tuple[_ImagePrefix, bool]:
        prefix, _, cached = self._image_prefix_keyed(image)
        return prefix, cached

    def _image_prefix_keyed(self, image: NDArray[np.uint8]) -> tuple[_ImagePrefix, str, bool]:
        size = self._manifest.image_size
        # A larger image would be tiled by mtmd, a smaller one stretched by it.
        assert image.shape == (size, size, 3)
        pixels = np.ascontiguousarray(image)
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        found = self._images.get(digest)
        if found is not None:
            self._images.move_to_end(digest)
            return found, digest, True
        made = self._encode(pixels)
        self._images[digest] = made
        while len(self._images) > _CACHED_IMAGES:
            mtmd.mtmd_input_chunk_free(self._images.popitem(last=False)[1].chunk)
        return made, digest, False

    def _encode(self, pixels: NDArray[np.uint8]) -> _ImagePrefix:
        height, width = pixels.shape[:2]
        bitmap = mtmd.mtmd_bitmap_init(width, height, pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)))
        marker = mtmd.mtmd_default_marker()
        text = mtmd.mtmd_input_text()
        text.text, text.text_len, text.add_special, text.parse_special = marker, len(marker), False, True
        chunks = mtmd.mtmd_input_chunks_init()
        bitmaps = (mtmd.mtmd_bitmap_p_ctypes * 1)(bitmap)
        try:
            if mtmd.mtmd_tokenize(self._vision, chunks, ctypes.byref(text), bitmaps, 1):
                raise EngineError("llama.cpp cannot take the image")
            before: list[int] = []
            after: list[int] = []
            image = None
            for number in range(mtmd.mtmd_input_chunks_size(chunks)):
                chunk = mtmd.mtmd_input_chunks_get(chunks, number)
                if mtmd.mtmd_input_chunk_get_type(chunk) == mtmd.MTMD_INPUT_CHUNK_TYPE_TEXT:
                    count = ctypes.c_size_t()
                    tokens = mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
                    (before if image is None else after).extend(tokens[i] for i in range(count.value))
                elif image is None:
                    image = mtmd.mtmd_input_chunk_copy(chunk)
                else:
                    raise EngineError("llama.cpp has tiled the image: its size is not the tower's")
        finally:
            mtmd.mtmd_input_chunks_free(chunks)
            mtmd.mtmd_bitmap_free(bitmap)
        if image is None or mtmd.mtmd_encode_chunk(self._vision, image):
            raise EngineError("llama.cpp cannot encode the image")
        count = mtmd.mtmd_input_chunk_get_n_tokens(image)
        output = mtmd.mtmd_get_output_embd(self._vision)
        embedding = np.ctypeslib.as_array(output, shape=(count, self._width)).copy()
        return _ImagePrefix(before, image, after, embedding)

    def _decode_image(self, image: _ImagePrefix) -> None:
        position = lc.llama_pos(0)
        failed = mtmd.mtmd_helper_decode_image_chunk(
            self._vision,
            self._context,
            image.chunk,
            image.embedding.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
            self._position,
            0,
            _BATCH,
            ctypes.byref(position),
            ctypes.cast(None, mtmd.mtmd_helper_post_decode_callback),
            None,
        )
        self._check_decode(failed)
        self._position = position.value

    def _decode(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Append tokens to sequence 0; returns the logits after the last of them."""
        for start in range(0, len(tokens), _BATCH):
            part = tokens[start : start + _BATCH]
            rows = [(token, self._position + i, 0) for i, token in enumerate(part)]
            logits = self._run_batch(rows, {len(part) - 1})
            self._position += len(part)
        return logits[0]

    def _run_batch(self, rows: Sequence[tuple[int, int, int]], wanted: set[int]) -> list[NDArray[np.float32]]:
        """Decode rows of (token, position, sequence); logits of the `wanted` rows, in order."""
        batch = lc.llama_batch_init(len(rows), 0, 1)
        try:
            batch.n_tokens = len(rows)
            for i, (token, position, sequence) in enumerate(rows):
                batch.token[i] = token
                batch.pos[i] = position
                batch.n_seq_id[i] = 1
                batch.seq_id[i][0] = sequence
                batch.logits[i] = i in wanted
            self._check_decode(lc.llama_decode(self._context, batch))
            return [
                np.ctypeslib.as_array(
                    lc.llama_get_logits_ith(self._context, i), shape=(self._vocab_size,)
                ).copy()
                for i in sorted(wanted)
            ]
        finally:
            lc.llama_batch_free(batch)

    def _check_decode(self, result: int) -> None:
        if result == _DECODE_ABORTED or self._aborted:
            raise Cancelled
        if result:
            raise EngineError(f"llama.cpp failed with code {result} while evaluating")

    def _score(self, choices: Sequence[str], logits: NDArray[np.float32]) -> tuple[Choice, ...]:
        """Every choice as the whole answer, its end included: softmax over the sums of log-probabilities."""
        distinct = list(dict.fromkeys(choices))
        tokens = [[*self.tokenize(choice, special=False), self._end] for choice in distinct]
        first = _log_softmax(logits)
        scores = [float(first[choice[0]]) for choice in tokens]
        start = 0
        while start < len(tokens):
            # As many choices a round as sequences and the batch allow.
            stop, size = start, 0
            while stop < len(tokens) and stop - start < _MAX_SEQUENCES - 1:
                size += len(tokens[stop]) - 1
                if size > _BATCH and stop > start:
                    break
                stop += 1
            self._score_round(tokens, range(start, stop), scores)
            start = stop
        values = np.array(scores)
        probabilities = np.exp(values - np.logaddexp.reduce(values))
        order = np.argsort(-probabilities, kind="stable")
        return tuple(Choice(distinct[i], float(probabilities[i])) for i in order)

    def _score_round(self, tokens: list[list[int]], numbers: range, scores: list[float]) -> None:
        rows, targets = [], []
        for sequence, number in enumerate(numbers, start=1):
            lc.llama_memory_seq_cp(self._memory, 0, sequence, -1, -1)
            for i, token in enumerate(tokens[number][:-1]):
                rows.append((token, self._position + i, sequence))
                targets.append((number, tokens[number][i + 1]))
        if rows:
            for (number, target), after in zip(
                targets, self._run_batch(rows, set(range(len(rows)))), strict=True
            ):
                scores[number] += float(_log_softmax(after)[target])
        for sequence in range(1, len(numbers) + 1):
            lc.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def _generate(
        self, request: AskRequest, logits: NDArray[np.float32]
    ) -> tuple[str, tuple[TextPiece, ...]]:
        """Greedy under the grammar. A piece's log-probability is over the whole vocabulary."""
        chain = lc.llama_sampler_chain_init(lc.llama_sampler_chain_default_params())
        try:
            if request.grammar is not None:
                grammar = lc.llama_sampler_init_grammar(self._vocab, request.grammar.encode(), b"root")
                if not grammar:
                    raise EngineError(f"llama.cpp refuses the grammar {request.grammar[:200]!r}")
                lc.llama_sampler_chain_add(chain, grammar)
            lc.llama_sampler_chain_add(chain, lc.llama_sampler_init_greedy())
            pieces: list[TextPiece] = []
            raw = b""
            for _ in range(request.max_tokens):
                token = lc.llama_sampler_sample(chain, self._context, -1)
                if lc.llama_vocab_is_eog(self._vocab, token):
                    break
                piece = self._piece(token)
                raw += piece
                pieces.append(TextPiece(piece.decode(errors="replace"), float(_log_softmax(logits)[token])))
                logits = self._decode([token])
        finally:
            lc.llama_sampler_free(chain)
        return raw.decode(errors="replace"), tuple(pieces)

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        count = lc.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, True)
        return buffer.raw[: max(count, 0)]

    def _trim(self, length: int) -> None:
        if not lc.llama_memory_seq_rm(self._memory, 0, length, -1):
            raise EngineError("llama.cpp cannot drop the last question")
        self._position = length

    def _forget(self) -> None:
        lc.llama_memory_clear(self._memory, True)
        self._prefix_key = None
        self._prefix_length = self._position = 0


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = logits.astype(np.float64)
    result: NDArray[np.float64] = wide - np.logaddexp.reduce(wide)
    return result
