"""The beginning of a prompt, up to its picture: evaluated once for all questions that share it."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.protocol import PartKind, PromptPart
from engine.runtime.context import BATCH, Context
from engine.runtime.errors import QuestionError
from engine.runtime.messages import AskRequest
from engine.runtime.prefixes import PrefixKey, PrefixStore
from engine.runtime.preprocess import to_model_image
from engine.runtime.vision import VisionTower
from engine.runtime.writing import Vocabulary

# About 100 pictures of 224 pixels a side, 25 of 448.
_PIXEL_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """A prompt up to its picture in sequence 0. after : the tokens still to come. tokens : of the whole prompt."""

    after: list[int]
    image_cached: bool
    prefix_reused: bool
    encode_ms: float
    tokens: int


class Beginnings:
    """What sequence 0 of a context begins with, and what it began with before.

    image_size : side of the tower's square input in pixels. model_id : for errors.
    """

    def __init__(
        self, context: Context, vision: VisionTower, vocabulary: Vocabulary, *, image_size: int, model_id: str
    ) -> None:
        self._context = context
        self._vision = vision
        self._vocabulary = vocabulary
        self._image_size = image_size
        self._model_id = model_id
        self.prefixes = PrefixStore(context.handle)
        self._pixels: OrderedDict[bytes, NDArray[np.uint8]] = OrderedDict()
        self._key: PrefixKey | None = None
        self._preamble_length = self._prefix_length = 0

    def begin(self, request: AskRequest) -> Begun:
        """Put the prompt up to its picture into sequence 0: what is there, or was kept, or evaluated now.

        Raises `Cancelled`, or `QuestionError` when the question does not fit.
        """
        before, after = self.split(request.prompt.parts)
        started = time.perf_counter()
        pixels = self._stretched(request.image)
        image, image_cached = self._vision.encode(pixels)
        encode_ms = 0.0 if image_cached else (time.perf_counter() - started) * 1000
        around = len(image.before) + len(image.after)
        needed = len(before) + around + len(image.embedding) + len(after) + 1
        if needed > self._context.limit:
            raise QuestionError(
                f"the question needs {needed} tokens, the model {self._model_id} takes {self._context.limit}: "
                "ask about fewer names at once"
            )
        key = (tuple(before), image.digest)
        reused = key == self._key or key in self.prefixes
        if key == self._key:
            self._context.trim(self._prefix_length)
        elif not self._restore(key, len(before) + len(image.before)):
            reused = False
            if self._key is not None and self._key[0] == key[0]:
                # The words before another picture are the same words.
                self._context.trim(self._preamble_length)
            else:
                self.empty()
                self._context.decode([*before, *image.before])
                self._preamble_length = self._context.position
            self._key = None
            code, self._context.position = self._vision.decode(
                self._context.handle, image, self._context.position, BATCH
            )
            self._context.check(code)
            if image.after:
                self._context.decode(image.after)
            self._key, self._prefix_length = key, self._context.position
            self.prefixes.keep(key, self._prefix_length)
        return Begun(after, image_cached, reused, encode_ms, needed - 1)

    def split(self, parts: Sequence[PromptPart]) -> tuple[list[int], list[int]]:
        """The tokens before and after the picture. Each part on its own: no text can join into a control token."""
        kinds = [part.kind for part in parts]
        if kinds.count(PartKind.IMAGE) != 1 or kinds[-1] is PartKind.IMAGE:
            raise QuestionError("a prompt needs exactly one picture, with words after it")
        at = kinds.index(PartKind.IMAGE)

        def tokens(some: Sequence[PromptPart]) -> list[int]:
            tokenize = self._vocabulary.tokenize
            return [t for p in some for t in tokenize(p.text, special=p.kind is PartKind.TEMPLATE)]

        return tokens(parts[:at]), tokens(parts[at + 1 :])

    def empty(self) -> None:
        """Nothing is in the context any more."""
        self._context.empty()
        self._key = None
        self._preamble_length = self._prefix_length = 0

    def forget(self) -> None:
        """Nothing that these weights made is of use any more, but for the pictures."""
        self.empty()
        self.prefixes.clear()

    def _stretched(self, slice_: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """`to_model_image` of a slice, kept for the next question about it: stretching costs more than hashing."""
        digest = hashlib.sha256(slice_.tobytes()).digest() + bytes(str(slice_.shape), "ascii")
        pixels = self._pixels.pop(digest, None)
        if pixels is None:
            pixels = to_model_image(slice_, self._image_size)
        self._pixels[digest] = pixels
        while len(self._pixels) > 1 and len(self._pixels) * pixels.nbytes > _PIXEL_BYTES:
            self._pixels.popitem(last=False)
        return pixels

    def _restore(self, key: PrefixKey, preamble_length: int) -> bool:
        if key not in self.prefixes:
            return False
        self.empty()
        length = self.prefixes.restore(key)
        if not length:
            self.empty()
            return False
        self._key, self._context.position = key, length
        self._preamble_length, self._prefix_length = preamble_length, length
        return True
