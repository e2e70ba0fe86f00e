"""Corrections become data sets that never change, adapters trained on them, and decisions about these.

`snapshot` freezes what people decided; the modules beside it train on it, prove what came of it, and switch.
"""
