"""Checkpoints to llama.cpp: text and projector GGUF, quantized with an importance matrix, LoRA adapters, manifest,
self-test, and the comparison with torch that lets a quantization be promoted or refuses it.
"""

from training.export.checkpoint import Checkpoint, load_checkpoint
from training.export.model import export_model
from training.export.vision import write_mmproj

__all__ = ["Checkpoint", "export_model", "load_checkpoint", "write_mmproj"]
