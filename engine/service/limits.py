"""How much one request may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """body_bytes : of a request. pixels : of a picture, all its slices together, whatever its file is like.

    waiting : questions that may wait while one is answered. answer_s : seconds from a question's arrival until it is
    given up, the time in which it waited included. read_s : seconds that reading a picture may take.
    """

    body_bytes: int = 64 << 20
    pixels: int = 100_000_000
    waiting: int = 16
    answer_s: float = 120.0
    read_s: float = 30.0
