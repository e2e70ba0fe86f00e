"""What a comparison of two adapters is judged by: how many patients it takes, and where its report is kept."""

LEAST_PATIENTS = 8
"""Held out, to judge by. Of fewer an interval is so wide, or so much a matter of its formula, that it tells nothing."""
KEPT_REPORT = "gate.json"
"""The gate's report in an adapter's folder. Its pictures are of patients and stay with the run."""
