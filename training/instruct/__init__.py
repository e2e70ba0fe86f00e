"""The MedRegInstruct builder: masks, boxes, reports and corrections become bilingual questions and answers.

`build_dataset` does it all as a spec says; `check_dataset` looks for what must not be in a set, `make_card` counts one.
"""
