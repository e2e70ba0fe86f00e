"""Which processor a person wants the model to run on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.runtime.errors import ModelError

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_DEVICE = re.compile(r"cuda(?::(\d{1,3}))?")
# No GPU has this number: CUDA then shows none. An empty value would do, but Windows has none.
_NO_GPU = "-1"


class DeviceKind(StrEnum):
    """auto : the GPUs where there are some that can be used, else the CPU."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True, slots=True)
class Device:
    """number : of one GPU, as ``nvidia-smi`` counts; None for all."""

    kind: DeviceKind = DeviceKind.AUTO
    number: int | None = None

    @classmethod
    def parse(cls, text: str) -> Device:
        """Read ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. Raises `ModelError` for anything else."""
        said = text.strip().lower()
        if said in (DeviceKind.AUTO, DeviceKind.CPU):
            return cls(DeviceKind(said))
        found = _DEVICE.fullmatch(said)
        if found is None:
            raise ModelError(f"no device {text!r:.40}: there are auto, cpu, cuda and cuda:N, such as cuda:0")
        return cls(DeviceKind.CUDA, None if found[1] is None else int(found[1]))

    def __str__(self) -> str:
        return self.kind.value if self.number is None else f"{self.kind.value}:{self.number}"

    def variables(self, present: Mapping[str, str]) -> dict[str, str]:
        """What the model's process must find in its environment before CUDA is loaded. present : what is there.

        llama.cpp and its vision part choose their GPUs apart from each other: what CUDA does not show, neither takes.
        """
        if self.kind is DeviceKind.CPU:
            return {_VISIBLE: _NO_GPU}
        if self.number is None:
            return {}
        # Of those that the person's environment leaves.
        shown = [one.strip() for one in present.get(_VISIBLE, "").split(",") if one.strip()]
        chosen = str(self.number) if not shown else shown[self.number] if self.number < len(shown) else _NO_GPU
        return {_VISIBLE: chosen, "CUDA_DEVICE_ORDER": present.get("CUDA_DEVICE_ORDER", "PCI_BUS_ID")}
