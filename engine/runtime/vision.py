"""The vision tower: a picture to the embeddings that the text model reads, kept for the next question."""

from __future__ import annotations

import ctypes
import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp as lc
import llama_cpp.mtmd_cpp as mtmd
import numpy as np
from numpy.typing import NDArray

from engine.progress import Cancelled
from engine.runtime.errors import EngineError, ModelError

# About 2,000 pictures of a small model (64 tokens of 256 numbers), 18 of MedRegA (256 of 7,168).
_CACHE_BYTES = 128 << 20

# Steps of the tower's graph between two looks at whether to stop: a few milliseconds of a small model.
_STEPS_A_LOOK = 16

_NO_CALLBACK: Any = mtmd.mtmd_helper_post_decode_callback()


@dataclass(frozen=True, slots=True, eq=False)
class EncodedImage:
    """An encoded picture.

    digest : SHA-256 of the tower's input pixels. before, after : the tokens mtmd puts round it (``<img>``,
    ``</img>``). chunk : mtmd's handle, owned by the tower. embedding : (image tokens, text width) float32.
    """

    digest: str
    before: tuple[int, ...]
    chunk: Any
    after: tuple[int, ...]
    embedding: NDArray[np.float32]


class VisionTower:
    """A loaded tower and projector. Raises `ModelError` when llama.cpp refuses the file.

    model : llama.cpp's handle of the text model. image_size : side of the square input in pixels.
    image_tokens, width : shape of an embedding; 0 tokens for as many as it makes. by_columns : the text model learnt
    its tokens in that order. stopped : looked at while a picture is encoded, on the CPU alone.
    """

    def __init__(
        self,
        path: Path,
        model: Any,
        *,
        image_size: int,
        image_tokens: int,
        width: int,
        threads: int,
        gpu: bool,
        flash: int,
        stopped: Callable[[], bool],
        by_columns: bool = False,
    ) -> None:
        self._stopped = stopped
        self._steps = 0
        self._size = image_size
        self._by_columns = by_columns
        self._shape = (image_tokens, width)
        self._images: OrderedDict[str, EncodedImage] = OrderedDict()
        params = mtmd.mtmd_context_params_default()
        params.use_gpu = gpu
        params.n_threads = threads
        params.warmup = False
        params.print_timings = False
        params.flash_attn_type = flash
        # ctypes callbacks must outlive every call that uses them.
        self._look_callback = lc.ggml_backend_sched_eval_callback(self._look)
        if not gpu:
            # A GPU is done sooner than it could be stopped, and slower when it is watched.
            params.cb_eval = self._look_callback
        self._context = mtmd.mtmd_init_from_file(str(path).encode(), model, params)
        if not self._context:
            raise ModelError(f"llama.cpp cannot load the vision tower {path}: install the model again")

    def close(self) -> None:
        """Free everything; the object is of no use afterwards."""
        while self._images:
            mtmd.mtmd_input_chunk_free(self._images.popitem()[1].chunk)
        mtmd.mtmd_free(self._context)

    def encode(self, pixels: NDArray[np.uint8]) -> tuple[EncodedImage, bool]:
        """Encode (S, S, 3) uint8 of the tower's own size; whether it was in the cache. Raises `Cancelled`."""
        # A larger picture would be tiled by mtmd, a smaller one stretched by it.
        if pixels.shape != (self._size, self._size, 3):
            raise EngineError(f"the tower takes pictures of {self._size} x {self._size}, not of {pixels.shape}")
        pixels = np.ascontiguousarray(pixels, np.uint8)
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        found = self._images.get(digest)
        if found is not None:
            self._images.move_to_end(digest)
            return found, True
        made = self._encode(pixels, digest)
        self._images[digest] = made
        while len(self._images) > 1 and len(self._images) * made.embedding.nbytes > _CACHE_BYTES:
            mtmd.mtmd_input_chunk_free(self._images.popitem(last=False)[1].chunk)
        return made, False

    def decode(self, context: Any, image: EncodedImage, position: int, batch: int) -> tuple[int, int]:
        """Put an encoded picture into sequence 0 of `context` at `position`.

        Returns llama_decode's code, 0 when all went well, and the position after the picture.
        """
        after = lc.llama_pos(position)
        code = mtmd.mtmd_helper_decode_image_chunk(
            self._context,
            context,
            image.chunk,
            image.embedding.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
            position,
            0,
            batch,
            ctypes.byref(after),
            _NO_CALLBACK,
            None,
        )
        return int(code), int(after.value)

    def _look(self, _tensor: Any, asking: bool, _data: Any) -> bool:
        """ggml asks before each step whether to show it; and, when shown, whether to go on."""
        if not asking:
            return not self._stopped()
        self._steps += 1
        return self._steps % _STEPS_A_LOOK == 0

    def _encode(self, pixels: NDArray[np.uint8], digest: str) -> EncodedImage:
        before, chunk, after = self._tokenize(pixels)
        try:
            if mtmd.mtmd_encode_chunk(self._context, chunk):
                raise EngineError("llama.cpp cannot encode the picture")
            if self._stopped():
                # It may have been left half done, and llama.cpp does not say so.
                raise Cancelled
            tokens = mtmd.mtmd_input_chunk_get_n_tokens(chunk)
            if self._shape[0] == 0:
                self._shape = (int(tokens), self._shape[1])
            if tokens != self._shape[0]:
                raise ModelError(
                    f"the vision tower makes {tokens} tokens of a picture, the model's manifest says "
                    f"{self._shape[0]}: install the model again"
                )
            output = mtmd.mtmd_get_output_embd(self._context)
            # mtmd reuses this memory for the next picture.
            embedding = np.ctypeslib.as_array(output, shape=self._shape).copy()
            if self._by_columns:
                embedding = swap_axes(embedding)
        except BaseException:
            mtmd.mtmd_input_chunk_free(chunk)
            raise
        return EncodedImage(digest, before, chunk, after, embedding)

    def _tokenize(self, pixels: NDArray[np.uint8]) -> tuple[tuple[int, ...], Any, tuple[int, ...]]:
        """The tokens before the picture, its chunk (ours to free), the tokens after it."""
        side = self._size
        bitmap = mtmd.mtmd_bitmap_init(side, side, pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)))
        bitmaps = (mtmd.mtmd_bitmap_p_ctypes * 1)(bitmap)
        # Nothing but the marker: mtmd never sees a person's words, so no words can become a marker.
        marker = mtmd.mtmd_default_marker()
        text = mtmd.mtmd_input_text()
        text.text, text.text_len, text.add_special, text.parse_special = marker, len(marker), False, True
        chunks = mtmd.mtmd_input_chunks_init()
        try:
            if mtmd.mtmd_tokenize(self._context, chunks, ctypes.byref(text), bitmaps, 1):
                raise EngineError("llama.cpp cannot take the picture")
            parts = [mtmd.mtmd_input_chunks_get(chunks, i) for i in range(mtmd.mtmd_input_chunks_size(chunks))]
            kinds = [mtmd.mtmd_input_chunk_get_type(part) for part in parts]
            if kinds.count(mtmd.MTMD_INPUT_CHUNK_TYPE_IMAGE) != 1:
                raise EngineError("llama.cpp has tiled the picture: its size is not the tower's")
            at = kinds.index(mtmd.MTMD_INPUT_CHUNK_TYPE_IMAGE)
            before = tuple(token for part in parts[:at] for token in _text_tokens(part))
            after = tuple(token for part in parts[at + 1 :] for token in _text_tokens(part))
            return before, mtmd.mtmd_input_chunk_copy(parts[at]), after
        finally:
            mtmd.mtmd_input_chunks_free(chunks)
            mtmd.mtmd_bitmap_free(bitmap)


def swap_axes(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """(side x side, width) tokens from rows to columns.

    InternVL's pixel shuffle v1 leaves the image's axes swapped, as MedRegA learnt it; llama.cpp does v2 alone.
    """
    side = math.isqrt(len(embedding))
    return np.ascontiguousarray(embedding.reshape(side, side, -1).swapaxes(0, 1).reshape(embedding.shape))


def _text_tokens(chunk: Any) -> list[int]:
    count = ctypes.c_size_t()
    tokens = mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
    return [int(tokens[i]) for i in range(count.value)]
