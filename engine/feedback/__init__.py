"""What becomes of people's decisions: which corrections there are, how the model fares, what to label next.

No training here: `training.feedback` makes data sets and adapters out of what these modules find.
"""
