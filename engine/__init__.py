"""The headless heart: reads scans, speaks MedRegA, runs llama.cpp, keeps the annotations.

Imports neither `desktop` nor `training`, and never Qt or torch.
"""
