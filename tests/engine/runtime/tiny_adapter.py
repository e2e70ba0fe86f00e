"""A random LoRA adapter of the tiny model, that changes what it answers."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from engine.runtime import AdapterManifest, ModelFile, ModelManifest


def write_adapter(
    folder: Path, base: ModelManifest, seed: int = 0, width: int = 64, strength: float = 0.5
) -> AdapterManifest:
    """Write an adapter's folder, named as its id, for the tiny model of tiny_model.py."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    out = gguf.GGUFWriter(folder / "adapter.gguf", "llama")
    out.add_type("adapter")
    out.add_string("adapter.type", "lora")
    out.add_float32("adapter.lora.alpha", 4.0)
    for name, shape in (("lora_a", (4, width)), ("lora_b", (width, 4))):
        out.add_tensor(f"blk.0.attn_q.weight.{name}", (rng.standard_normal(shape) * strength).astype(np.float32))
        out.add_tensor(f"blk.1.attn_output.weight.{name}", (rng.standard_normal(shape) * strength).astype(np.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    made = AdapterManifest(folder.name, "Site A", base.sha256, folder, ModelFile.of(folder / "adapter.gguf"))
    made.write()
    return made
