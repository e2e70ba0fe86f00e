"""How a model's process is to run it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import psutil

from engine.runtime.device import Device, DeviceKind
from engine.runtime.offload import SHARES, KvType


def default_threads() -> int:
    """One for each core: two threads of one core were measured no faster than one, two cores are twice as fast."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return threads_for(psutil.cpu_count(logical=False), usable)


def threads_for(cores: int | None, processors: int) -> int:
    """Of a machine with so many cores, None where the system does not tell, of which a process may use `processors`.

    Those of one core count as several processors; where nobody knows, two of them are taken to be one core.
    """
    return max(1, min(8, cores or processors // 2, processors))


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """threads : of text and vision. device : where. kv_type : how keys and values are kept.

    attempt : which try this is at a GPU that had too little memory before; place in `engine.runtime.offload.SHARES`.
    gpu_layers : so many of the text model's layers instead of as many as fit, for measurements; None otherwise.
    """

    threads: int
    device: Device = field(default_factory=Device)
    kv_type: KvType = KvType.F16
    attempt: int = 0
    gpu_layers: int | None = None

    def runs_as(self, other: EngineOptions) -> bool:
        """Whether a process with these options may answer in place of one with the others."""
        return (self.device, self.kv_type) == (other.device, other.kv_type)

    @property
    def share(self) -> float:
        """Of the layers that fit, those that go to the GPUs at this try."""
        return SHARES[min(self.attempt, len(SHARES) - 1)]

    @property
    def shown_device(self) -> Device:
        """What the process gets to see: at the last try no GPU, since llama.cpp would use one that it sees anyway."""
        return self.device if self.share else Device(DeviceKind.CPU)
