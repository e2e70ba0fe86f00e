"""An answer as it is written: what may be sent on of it already."""

from __future__ import annotations

from collections.abc import Sequence

from engine.runtime import EngineError, TextPiece


class SentText:
    """Follows an answer token by token.

    stops : texts that end it; they are no part of it. A beginning of one of them is held back until it is sure.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = tuple(stops)
        self._attempt = 0
        self._text = ""
        self._sent = ""
        self.pieces: list[TextPiece] = []
        self.stopped = False

    @property
    def text(self) -> str:
        """All that was given out."""
        return self._sent

    def add(self, piece: TextPiece, attempt: int = 0) -> str:
        """Take a token; what can be given out now.

        attempt : another one than before when the model process died and the answer begins again. Raises
        `EngineError` when it then takes another turn than what was given out.
        """
        if attempt != self._attempt:
            self._attempt, self._text, self.pieces = attempt, "", []
        if self.stopped:
            return ""
        self._text += piece.text
        self.pieces.append(piece)
        return self._give(self._safe_length())

    def end(self) -> str:
        """The answer is whole: what was held back."""
        return "" if self.stopped else self._give(len(self._text))

    def _safe_length(self) -> int:
        found = [at for at in (self._text.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.stopped = True
            return min(found)
        held = max((_overlap(self._text, stop) for stop in self._stops), default=0)
        return len(self._text) - held

    def _give(self, length: int) -> str:
        ready = self._text[:length]
        common = min(len(ready), len(self._sent))
        if ready[:common] != self._sent[:common]:
            raise EngineError("the model process died and answered differently the second time: ask again")
        new = ready[len(self._sent) :]
        self._sent += new
        return new


def _overlap(text: str, stop: str) -> int:
    """How much of the end of `text` may be the beginning of `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
