"""InternViT and its projector in plain numpy, straight from a checkpoint's tensors.

What the engine's files are held against: it shares neither names nor layouts nor tricks with the conversion. Written
from the published description (InternVL, Chen et al., CVPR 2024; OpenGVLab's modelling code); 32 bits, a layer at a
time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from engine.models.importing.checkpoint import ReleasedCheckpoint
from engine.models.shapes import IMAGE_MEAN, IMAGE_STD
from engine.progress import Cancelled, Progress

Array = NDArray[np.float32]
_LAYER_NORM_EPSILON = 1e-5
_PROJECTOR_STEPS = 2


def reference_embedding(checkpoint: ReleasedCheckpoint, image: NDArray[np.uint8], progress: Progress) -> Array:
    """(S, S, 3) uint8 to (image tokens, text width) float32, in the order that the checkpoint was trained with.

    Raises `ModelError` for a tensor that is missing, `Cancelled`.
    """
    shape = checkpoint.vision
    tower = _Tower(checkpoint)
    hidden = tower.embed(image)
    for layer in range(shape.layers):
        if progress.cancelled():
            raise Cancelled
        progress.report(layer, shape.layers + _PROJECTOR_STEPS, "self-test")
        hidden = tower.block(hidden, layer)
    embedding = tower.project(hidden[1:])
    progress.report(shape.layers + _PROJECTOR_STEPS, shape.layers + _PROJECTOR_STEPS, "self-test")
    return embedding


class _Tower:
    def __init__(self, checkpoint: ReleasedCheckpoint) -> None:
        self._tensors = checkpoint.tensors
        self._shape = checkpoint.vision

    def _get(self, name: str) -> Array:
        return self._tensors[name].float32()

    def embed(self, image: NDArray[np.uint8]) -> Array:
        """Patches with their positions, the class token first."""
        side, patch = self._shape.size // self._shape.patch, self._shape.patch
        pixels = (image.astype(np.float32) / 255 - np.array(IMAGE_MEAN, np.float32)) / np.array(IMAGE_STD, np.float32)
        patches = pixels.reshape(side, patch, side, patch, 3).transpose(0, 2, 4, 1, 3).reshape(side * side, -1)
        start = "vision_model.embeddings."
        kernel = self._get(start + "patch_embedding.weight").reshape(self._shape.width, -1)
        rows = patches @ kernel.T + self._get(start + "patch_embedding.bias")
        tokens = np.concatenate([self._get(start + "class_embedding")[0], rows])
        return np.asarray(tokens + self._get(start + "position_embedding")[0], np.float32)

    def block(self, hidden: Array, layer: int) -> Array:
        """One pre-norm block with layer scale."""
        start = f"vision_model.encoder.layers.{layer}."
        hidden = hidden + self._get(start + "ls1") * self._attend(self._norm(hidden, start + "norm1"), start + "attn.")
        inner = gelu(self._linear(self._norm(hidden, start + "norm2"), start + "mlp.fc1"))
        return np.asarray(hidden + self._get(start + "ls2") * self._linear(inner, start + "mlp.fc2"), np.float32)

    def _attend(self, hidden: Array, start: str) -> Array:
        shape = self._shape
        queries, keys, values = np.split(self._linear(hidden, start + "qkv"), 3, axis=-1)
        if shape.qk_norm:
            queries = rms_norm(queries, self._get(start + "q_norm.weight"), shape.epsilon)
            keys = rms_norm(keys, self._get(start + "k_norm.weight"), shape.epsilon)
        count, width = hidden.shape[0], shape.width // shape.heads

        def heads(array: Array) -> Array:
            return array.reshape(count, shape.heads, width).transpose(1, 0, 2)

        scores = heads(queries) @ heads(keys).transpose(0, 2, 1) / np.sqrt(np.float32(width))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed = (weights @ heads(values)).transpose(1, 0, 2).reshape(count, shape.width)
        return self._linear(mixed, start + "proj")

    def project(self, patches: Array) -> Array:
        """Pixel shuffle by 2, then the projector. v1 leaves the two axes of the image swapped."""
        shape = self._shape
        side = shape.size // shape.patch
        # Rows, row within the pair, columns, column within the pair, channels.
        grid = patches.reshape(side // 2, 2, side // 2, 2, shape.width)
        order = (2, 0, 1, 3, 4) if shape.by_columns else (0, 2, 1, 3, 4)
        tokens = grid.transpose(order).reshape(shape.image_tokens, 4 * shape.width)
        weight, bias = self._get("mlp1.0.weight"), self._get("mlp1.0.bias")
        normed = layer_norm(tokens, weight, bias, _LAYER_NORM_EPSILON)
        return self._linear(gelu(self._linear(normed, "mlp1.1")), "mlp1.3")

    def _norm(self, hidden: Array, name: str) -> Array:
        weight = self._get(name + ".weight")
        if self._shape.rms:
            return rms_norm(hidden, weight, self._shape.epsilon)
        return layer_norm(hidden, weight, self._get(name + ".bias"), self._shape.epsilon)

    def _linear(self, hidden: Array, name: str) -> Array:
        made = hidden @ self._get(name + ".weight").T
        return np.asarray(made + self._get(name + ".bias") if name + ".bias" in self._tensors else made, np.float32)


def rms_norm(hidden: Array, weight: Array, epsilon: float) -> Array:
    """By the root of the mean square over the last axis."""
    return np.asarray(hidden / np.sqrt((hidden**2).mean(axis=-1, keepdims=True) + epsilon) * weight, np.float32)


def layer_norm(hidden: Array, weight: Array, bias: Array, epsilon: float) -> Array:
    """By mean and variance over the last axis."""
    centred = hidden - hidden.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + epsilon)
    return np.asarray(centred / spread * weight + bias, np.float32)


def gelu(values: Array) -> Array:
    """Gaussian error linear unit, exact."""
    return np.asarray(0.5 * values * (1 + erf(values / np.sqrt(2))), np.float32)
