"""What to do where a training could not be judged, in the language of the interface."""

from __future__ import annotations

import math

from PySide6.QtCore import QObject

from desktop.model.training_folder import Frozen, RunPlan
from engine.feedback.judges import LEAST_PATIENTS
from engine.feedback.snapshots import names_and_patients

_ENOUGH_JUDGES = LEAST_PATIENTS + 4
"""Patients that a proposed share holds out on the average, so that mostly there are enough."""
_LARGEST_SHARE = 50
"""That the window offers, in percent."""


class TrainingAdvice(QObject):
    """Makes the text; knows no widget."""

    def too_few(self, plan: RunPlan) -> str:
        """That too few patients are held out, and what to do."""
        assert plan.frozen is not None, "it was counted"
        held, learnt_from = (plan.frozen.counts[side]["patients"] for side in ("heldout", "train"))
        patients, share = held + learnt_from, round(100 * plan.options.heldout)
        wanted = min(_LARGEST_SHARE, max(5 * math.ceil(100 * _ENOUGH_JUDGES / patients / 5), share + 10))
        why = self.tr(
            "Of {0} patients {1} are held out to judge by, and fewer than {2} can never show that the model became "
            "better."
        )
        said = [why.format(patients, held, LEAST_PATIENTS)]
        if joined := self.joined(plan.frozen):
            said.append(joined)
        if wanted > share:
            raised = self.tr(
                "Start anew under Corrections with a larger share of “Patients held out”: {0} %, not {1} %."
            )
            said.append(raised.format(wanted, share))
        said.append(
            self.tr(
                "Regions of more patients help too. “Train all the same” goes on, and nothing will say whether it is "
                "better."
            )
        )
        return " ".join(said)

    def joined(self, frozen: Frozen) -> str:
        """That several names are one patient, and why; "" where none are."""
        names, patients = names_and_patients(frozen.counts)
        if names <= patients:
            return ""
        return self.tr(
            "{0} names or numbers count as only {1} patients, because their scans have a study UID, a series UID or a "
            "picture in common."
        ).format(names, patients)
