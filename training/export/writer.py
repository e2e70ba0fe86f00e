"""GGUF files: which tensors keep 32 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import gguf
import numpy as np
import torch

FileType = Literal["f32", "f16"]


class GgufFile:
    """A GGUF writer that keeps norms, biases and positions in 32 bits and the matrices in `ftype`."""

    def __init__(self, path: Path, arch: str, ftype: FileType) -> None:
        self.gguf = gguf.GGUFWriter(path, arch)
        self._half = ftype == "f16"
        kind = gguf.LlamaFileType.MOSTLY_F16 if self._half else gguf.LlamaFileType.ALL_F32
        self.gguf.add_file_type(kind)

    def put(self, name: str, tensor: torch.Tensor) -> None:
        array = tensor.detach().float().contiguous().numpy()
        matrix = array.ndim > 1 and "embd.weight" not in name.replace("token_embd", "").replace("patch_embd", "")
        self.gguf.add_tensor(name, array.astype(np.float16) if self._half and matrix else array)

    def close(self) -> None:
        self.gguf.write_header_to_file()
        self.gguf.write_kv_data_to_file()
        self.gguf.write_tensors_to_file()
        self.gguf.close()
