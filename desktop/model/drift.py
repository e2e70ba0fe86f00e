"""How the model fares with the people who use it, measured off the GUI thread."""

from __future__ import annotations

from desktop.model.counting import CountingModel
from engine.feedback.drift import measure_drift
from engine.feedback.judged import judged_suggestions


class DriftModel(CountingModel):
    """counted : an `engine.feedback.drift.Drift`."""

    def count(self) -> None:
        """Measure anew."""
        self._start(lambda store: measure_drift(judged_suggestions(store)))
