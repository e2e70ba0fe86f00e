"""What people should know of the model's process."""

from __future__ import annotations

from dataclasses import dataclass

from engine.runtime.offload import Offload


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something people should know. kind : ``starting``, ``ready``, ``restarted``, ``fallback`` or ``failed``.

    message : a sentence in English. reason : why a process stopped, such as "signal 9", or did not fit; "" where there
    is nothing more to say. offload : where the model is computed; of a fallback, what did not fit or why it is the CPU.
    """

    kind: str
    message: str
    reason: str = ""
    offload: Offload | None = None
