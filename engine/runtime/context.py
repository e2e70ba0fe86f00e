"""A context of llama.cpp: batches go through it, and its cells hold what they left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import llama_cpp as lc
import numpy as np
from numpy.typing import NDArray

from engine.progress import Cancelled
from engine.runtime.errors import EngineError, MemoryShortError
from engine.runtime.llama_log import giving_up
from engine.runtime.offload import KvType, Offload

BATCH = 512
"""The most tokens that are evaluated at once."""
MAX_SEQUENCES = 128
"""Sequence 0 is the prompt's; the others are branches of it."""

FLASH = {
    "on": lc.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": lc.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    "auto": lc.LLAMA_FLASH_ATTN_TYPE_AUTO,
}
"""Flash attention: faster, and rounds differently."""

_DECODE_ABORTED = 2

KV_TYPES = {KvType.F32: lc.GGML_TYPE_F32, KvType.F16: lc.GGML_TYPE_F16, KvType.Q8_0: lc.GGML_TYPE_Q8_0}
"""Keys and values, as ggml calls them."""

Row = tuple[int, int, int | Sequence[int]]
"""Of a batch: token, position, and the sequence or sequences it belongs to."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


class Context:
    """One context of a loaded model. Not thread-safe.

    model : llama.cpp's handle. path : of the model, for errors. limit : the longest prompt with its answer, in tokens.
    offload : of it, how keys and values are kept and which flash attention there is.
    position : where sequence 0 goes on. vocabulary_size : of a row of logits.
    Raises `MemoryShortError` when llama.cpp cannot make it.
    """

    def __init__(self, model: Any, path: Path, *, limit: int, threads: int, offload: Offload) -> None:
        self.limit = limit
        self.position = 0
        self.vocabulary_size = int(lc.llama_vocab_n_tokens(lc.llama_model_get_vocab(model)))
        self._stopped: Callable[[], bool] = never
        params = lc.llama_context_default_params()
        params.n_ctx = self.cells
        params.n_batch = params.n_ubatch = BATCH
        params.n_seq_max = MAX_SEQUENCES
        # One pool of cells for all sequences: choices share the prefix instead of copying it.
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = FLASH[offload.flash]
        params.type_k = params.type_v = KV_TYPES[offload.kv_type]
        self.handle = lc.llama_init_from_model(model, params)
        if not self.handle:
            raise MemoryShortError(f"llama.cpp cannot make a context for {path}: there may be too little memory")
        # Works on the CPU only (llama.h); `check` looks between batches as well.
        self._abort_callback = lc.ggml_abort_callback(lambda _: self._stopped())
        lc.llama_set_abort_callback(self.handle, self._abort_callback, None)
        self._memory = lc.llama_get_memory(self.handle)

    @property
    def cells(self) -> int:
        """How many tokens it holds, of all sequences: one full batch of branches beside the longest prompt."""
        return self.limit + BATCH

    def close(self) -> None:
        """Free it; the object is of no use afterwards."""
        lc.llama_free(self.handle)

    def is_stopped(self) -> bool:
        """Whether what is being computed is no longer wanted."""
        return self._stopped()

    @contextlib.contextmanager
    def stoppable(self, stopped: Callable[[], bool]) -> Iterator[None]:
        """Look at `stopped` often, from llama.cpp's threads too, and raise `Cancelled` once it says so."""

        def noted() -> bool:
            if not stopped():
                return False
            giving_up.set()
            return True

        self._stopped = noted
        try:
            yield
        finally:
            self._stopped = never
            giving_up.clear()

    def decode(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Append tokens, at least one, to sequence 0; the logits after the last of them."""
        for start in range(0, len(tokens), BATCH):
            part = tokens[start : start + BATCH]
            rows = [(token, self.position + i, 0) for i, token in enumerate(part)]
            logits = self.run(rows, [len(rows) - 1])
            self.position += len(part)
        return logits[0]

    def run(self, rows: Sequence[Row], wanted: Sequence[int]) -> list[NDArray[np.float32]]:
        """Decode one batch; the (vocabulary,) logits of the wanted rows."""
        batch = lc.llama_batch_init(len(rows), 0, MAX_SEQUENCES)
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
            self.check(lc.llama_decode(self.handle, batch))
            return [
                np.ctypeslib.as_array(lc.llama_get_logits_ith(self.handle, i), shape=(self.vocabulary_size,)).copy()
                for i in wanted
            ]
        finally:
            lc.llama_batch_free(batch)

    def check(self, code: int) -> None:
        """Raise unless llama_decode's `code` says that all went well."""
        if code == _DECODE_ABORTED or self._stopped():
            raise Cancelled
        if code:
            raise EngineError(f"llama.cpp failed with code {code} while evaluating: ask again")

    def branch(self, sequences: Iterable[int], base: int = 0) -> None:
        """Let each of these sequences begin with what another holds; the cells are shared."""
        for sequence in sequences:
            lc.llama_memory_seq_cp(self._memory, base, sequence, -1, -1)

    def prune(self, sequences: Iterable[int]) -> None:
        """Drop sequences with all that is theirs alone."""
        for sequence in sequences:
            lc.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def trim(self, length: int) -> None:
        """Keep the first `length` positions of sequence 0."""
        if not lc.llama_memory_seq_rm(self._memory, 0, length, -1):
            raise EngineError("llama.cpp cannot drop the last question: ask again")
        self.position = length

    def empty(self) -> None:
        """Drop everything."""
        lc.llama_memory_clear(self._memory, True)
        self.position = 0
