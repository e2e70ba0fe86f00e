"""How much of a model goes to the GPUs: as much as fits their free memory, and less at each further try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from engine.runtime.errors import ModelError
from engine.runtime.gguf_header import GgufHeader

SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Of the layers that are thought to fit, at each try: an estimate can be wrong, and other programs take memory too."""

# CUDA's own, cuBLAS's workspace and what a driver keeps, on each GPU.
_OVERHEAD = 600 << 20
# Of the free memory; the rest is left to the screen and to fragments.
_USABLE = 0.95
_F32 = 4


class Lack(StrEnum):
    """Why nothing goes to a GPU although one was wanted."""

    CUDA = "cuda"
    DRIVER = "driver"
    GPU = "gpu"
    MEMORY = "memory"

    @property
    def text(self) -> str:
        """For a person, in English."""
        return {
            Lack.CUDA: "the engine was built for the CPU alone (make run CUDA=1 builds it for NVIDIA GPUs)",
            Lack.DRIVER: "there is no NVIDIA driver",
            Lack.GPU: "the NVIDIA driver shows no GPU that the engine can use",
            Lack.MEMORY: "too little of the GPU's memory is free",
        }[self]


class KvType(StrEnum):
    """How a context keeps keys and values, and with them how attention is computed."""

    F16 = "f16"
    Q8_0 = "q8_0"
    """Half the memory of 16 bits, and slightly other answers. Needs flash attention."""
    F32 = "f32"
    """Without flash attention: what torch computes, for parity. Twice the memory, and slower."""

    @classmethod
    def parse(cls, text: str) -> KvType:
        """Read one. Raises `ModelError` for anything else."""
        try:
            return cls(text.strip().lower())
        except ValueError:
            raise ModelError(f"keys and values are kept as {', '.join(cls)}, not as {text!r:.40}") from None

    @property
    def bytes(self) -> float:
        """Of one number: 8-bit ones share a scale of 2 bytes between 32."""
        return {KvType.F16: 2.0, KvType.Q8_0: 34 / 32, KvType.F32: 4.0}[self]

    def flash(self, otherwise: str) -> str:
        """Which flash attention it takes, as `Offload` has it. otherwise : where it takes any."""
        return {KvType.Q8_0: "on", KvType.F32: "off"}.get(self, otherwise)


class HasMemory(Protocol):
    """What is asked of a GPU here. free : bytes."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def free(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ModelSizes:
    """Bytes on a GPU. layers : each repeating layer of the text model with its keys and values. output : the last one.

    vision : the tower with what it computes in. compute : what the text model computes in.
    """

    layers: tuple[int, ...]
    output: int
    vision: int
    compute: int

    @property
    def all_layers(self) -> int:
        """How llama.cpp counts: the output is one more layer, and the first to go to a GPU."""
        return len(self.layers) + 1

    def text_bytes(self, layers: int) -> int:
        """What so many layers take: the output first, then the repeating ones from the end."""
        if layers <= 0:
            return 0
        return self.compute + self.output + sum(self.layers[max(0, len(self.layers) - layers + 1) :])


@dataclass(frozen=True, slots=True)
class Offload:
    """Where a model is computed.

    gpus : ggml's names with the cards', empty for the CPU. layers : of the text model on them, of `all_layers`, the
    output counted as one. vision : whether the tower is on the first of them. kv_type : how keys and values are kept.
    flash : flash attention, ``on``, ``off`` or ``auto``. needed, free : bytes of GPU memory, estimated and measured.
    lack : why it is on the CPU although a GPU was wanted.
    """

    gpus: tuple[str, ...] = ()
    layers: int = 0
    all_layers: int = 0
    vision: bool = False
    kv_type: KvType = KvType.F16
    flash: str = "on"
    needed: int = 0
    free: int = 0
    lack: Lack | None = None

    @property
    def on_gpu(self) -> bool:
        """Whether any of it is on a GPU."""
        return self.layers > 0 or self.vision

    @property
    def text(self) -> str:
        """For a person, in English: ``CPU``, or which GPU computes what."""
        if not self.on_gpu:
            return "CPU"
        tower = "the vision tower" if self.vision else "not the vision tower"
        return f"{', '.join(self.gpus)}: {self.layers} of {self.all_layers} layers, {tower}"


IN_32_BITS = Offload(kv_type=KvType.F32, flash=KvType.F32.flash(""))
"""On the CPU as torch computes, for parity tests."""


def plan_offload(sizes: ModelSizes, gpus: Sequence[HasMemory], share: float = 1.0) -> Offload:
    """Fill the GPUs: the tower first, which only computes and is slowest on a CPU, then as many layers as fit.

    share : of those layers, for a try after one that failed; 0 is the CPU.
    """
    free = sum(gpu.free for gpu in gpus)
    room = sum(max(0, int(gpu.free * _USABLE) - _OVERHEAD) for gpu in gpus)
    if not gpus or share <= 0:
        return Offload(all_layers=sizes.all_layers, free=free)
    # It goes to the first GPU alone, whole or not at all.
    vision = sizes.vision <= max(0, int(gpus[0].free * _USABLE) - _OVERHEAD)
    left = room - (sizes.vision if vision else 0)
    fits = next((n for n in range(sizes.all_layers, 0, -1) if sizes.text_bytes(n) <= left), 0)
    layers = int(fits * share)
    needed = sizes.text_bytes(layers) + (sizes.vision if vision else 0)
    if not layers and not vision:
        return Offload(all_layers=sizes.all_layers, free=free, lack=Lack.MEMORY)
    names = tuple(f"{gpu.name} ({gpu.description})" for gpu in gpus)
    return Offload(names, layers, sizes.all_layers, vision, flash="auto", needed=needed, free=free)


def model_sizes(
    text: GgufHeader, mmproj: GgufHeader, *, cells: int, batch: int, kv_type: KvType = KvType.F16
) -> ModelSizes:
    """Estimate from the files' headers. cells : tokens that the context holds. batch : tokens evaluated at once."""
    values, name = text.values, text.architecture
    width = _number(values, f"{name}.embedding_length", 1)
    heads = _heads(text)
    count = _number(values, f"{name}.block_count", 0)
    key, value = head_sizes(text)
    layers = []
    for number in range(count):
        kv_heads = _number(values, f"{name}.attention.head_count_kv", heads, number)
        weights = _bytes(text, f"blk.{number}.")
        layers.append(weights + int(kv_heads * (key + value) * cells * kv_type.bytes))
    # A model that ties its output to its embeddings keeps them twice on a GPU.
    output = _bytes(text, "output") or _bytes(text, "token_embd.")
    rows = next((t.shape[-1] for n, t in text.tensors.items() if n == "token_embd.weight"), 0)
    feed = _number(values, f"{name}.feed_forward_length", 4 * width)
    compute = batch * _F32 * (rows + 3 * feed + 8 * width)
    return ModelSizes(tuple(layers), output, _vision_bytes(mmproj), compute)


def head_sizes(text: GgufHeader) -> tuple[int, int]:
    """How many numbers a key of one head is, and a value."""
    values, name = text.values, text.architecture
    width = _number(values, f"{name}.embedding_length", 1) // _heads(text)
    key = _number(values, f"{name}.attention.key_length", width)
    return key, _number(values, f"{name}.attention.value_length", width)


def _heads(text: GgufHeader) -> int:
    return max(1, _number(text.values, f"{text.architecture}.attention.head_count", 1))


def _vision_bytes(mmproj: GgufHeader) -> int:
    values = mmproj.values
    size, patch = _number(values, "clip.vision.image_size", 448), _number(values, "clip.vision.patch_size", 14)
    width = _number(values, "clip.vision.embedding_length", 1024)
    feed = _number(values, "clip.vision.feed_forward_length", 4 * width)
    heads = _number(values, "clip.vision.attention.head_count", 16)
    patches = (size // max(patch, 1)) ** 2 + 1
    # As if without flash attention, which the tower's width may rule out: all heads' scores at once.
    compute = _F32 * patches * (2 * feed + 8 * width + heads * patches)
    return sum(tensor.bytes for tensor in mmproj.tensors.values()) + compute


def _bytes(header: GgufHeader, prefix: str) -> int:
    return sum(tensor.bytes for name, tensor in header.tensors.items() if name.startswith(prefix))


def _number(values: Mapping[str, Any], key: str, otherwise: int, place: int = 0) -> int:
    """A number of the header, of an array the one at `place`."""
    value = values.get(key, otherwise)
    if isinstance(value, tuple):
        value = value[place] if place < len(value) else otherwise
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else otherwise
