"""How fast a model answers here: one short measurement for `medrega doctor`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.models.dialects import dialect_of
from engine.models.registering import self_test_image
from engine.protocol import Language, Question, Task
from engine.runtime import AskRequest, Device, EngineEvent, ModelManifest, Offload, Session

_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Speed:
    """offload : where it ran. load_s : its self-test included. encode_ms : of a picture. prompt_ms : of a question.

    written : tokens of the answer that was timed. rate : of them a second.
    """

    offload: Offload | None
    load_s: float
    encode_ms: float
    prompt_ms: float
    written: int
    rate: float


def measure_speed(
    manifest: ModelManifest, device: Device, on_event: Callable[[EngineEvent], None] | None = None
) -> Speed:
    """Load a model and let it write a few words about a made-up picture. Raises `ModelError`, `EngineError`."""
    picture = self_test_image(manifest.image_size)
    size = manifest.image_size
    question = Question(Task.REPORT, Language.EN, size, size, modality="CT")
    prompt = dialect_of(manifest).render_prompt(question)
    with Session(manifest, device=device, on_event=on_event) as session:
        began = time.perf_counter()
        session.start()
        load_s = time.perf_counter() - began
        # The first touches every weight and kernel once.
        session.ask(AskRequest(0, picture, prompt, max_tokens=2))
        result = session.ask(AskRequest(0, picture[::-1].copy(), prompt, max_tokens=_TOKENS))
        timings = result.timings
        count = len(result.pieces)
        rate = count / timings.decode * 1000 if timings.decode > 0 else 0.0
        return Speed(session.offload, load_s, timings.encode, timings.prompt, count, rate)
