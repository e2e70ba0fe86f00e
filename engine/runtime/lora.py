"""LoRA adapters of a loaded text model: each is read once, and switched without touching the base."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import llama_cpp as lc

from engine.runtime.errors import ModelError
from engine.runtime.gguf_check import check_gguf


class LoraAdapters:
    """Those of one model. model, context : llama.cpp's handles."""

    def __init__(self, model: Any, context: Any) -> None:
        self._model = model
        self._context = context
        self._loaded: dict[Path, Any] = {}
        self._used: tuple[Path | None, float] = (None, 1.0)

    def use(self, path: Path | None, scale: float) -> bool:
        """Answer with this adapter from now on; whether that is a change.

        Raises `ModelError` when the file is hostile or llama.cpp refuses it; nothing has changed then.
        """
        if (path, scale) == self._used:
            return False
        count = 0 if path is None else 1
        adapters, scales = (lc.llama_adapter_lora_p_ctypes * 1)(), (ctypes.c_float * 1)(scale)
        if path is not None:
            adapters[0] = ctypes.cast(self._load(path), lc.llama_adapter_lora_p_ctypes)
        if lc.llama_set_adapters_lora(self._context, adapters, count, scales):
            raise ModelError(f"llama.cpp cannot use the adapter {path}: it was made for another model")
        self._used = (path, scale)
        return True

    def _load(self, path: Path) -> Any:
        if path not in self._loaded:
            check_gguf(path)
            loaded = lc.llama_adapter_lora_init(self._model, str(path).encode())
            if not loaded:
                raise ModelError(f"llama.cpp cannot use the adapter {path}: it was made for another model")
            self._loaded[path] = loaded
        return self._loaded[path]

    def close(self) -> None:
        """Forget them: llama.cpp frees them with the model."""
        self._loaded.clear()
