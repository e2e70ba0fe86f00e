"""Scores of a model on a MedRegInstruct set: answers, measures, strata, report.

Torch checkpoints and GGUF models answer through one interface (`answering`); measures know nothing of models.
"""
