"""`medrega feedback`: corrections become a better model. The verbs about data and about models are in files beside."""

from __future__ import annotations

import click

from training import cli_feedback_data, cli_feedback_train, cli_feedback_trial

_VERBS = (*cli_feedback_data.VERBS, *cli_feedback_train.VERBS, *cli_feedback_trial.VERBS)


@click.group()
def feedback() -> None:
    """Learn from corrections: freeze them, train on them, and take what comes of it only if it is better."""


for _verb in _VERBS:
    feedback.add_command(_verb)
