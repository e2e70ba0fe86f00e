"""Labelling a whole folder before a person does: suggestions that wait for them, kept slice by slice.

Whatever was kept is not asked again, so a run that was killed goes on where it was.
"""

from engine.prelabel.labels import allowed_labels, wanted_labels
from engine.prelabel.run import Prelabelled, PrelabelOrder, SkippedScan, prelabel
from engine.prelabel.slices import SliceChoice

__all__ = ["PrelabelOrder", "Prelabelled", "SkippedScan", "SliceChoice", "allowed_labels", "prelabel", "wanted_labels"]
