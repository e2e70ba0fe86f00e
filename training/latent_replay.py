"""Latent replay: an output layer that is adapted must go on saying what it said of things that it learnt long ago.

Where nothing but the output layer of a model is trained, all that an old question has to do with it is what the layers
below make of it: one vector a token. Some ten thousand of these, a few megabytes, stand for the pictures they came from
(Pellegrini et al., "Latent Replay for Real-Time Continual Learning", IROS 2020); what is to be said of them is what the
frozen layer says (Li and Hoiem, "Learning without Forgetting", ECCV 2016).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

_AT_ONCE = 2048
"""Tokens of a step."""
WEIGHT = 25.0
"""Beside the mean cross-entropy of what is learnt. Ninety corrections of a new site cost half a point of the starter's
own names with it, of its remembered test. On the output layers alone, names of other modalities left out, 100 learnt a
quarter less than 40.
"""
_SPARED = 0.2
"""Of the tokens, never drawn: by these it is seen whether training forgets what it is not reminded of."""


class Remembered:
    """hidden : (N, text width) float, what goes into the output layer where an answer's ids are predicted.

    The order must be random: the last fifth is spared.
    """

    def __init__(self, hidden: torch.Tensor) -> None:
        spared = max(1, round(_SPARED * len(hidden)))
        self._drawn, self._spared = hidden[:-spared], hidden[-spared:]

    def drawn(self, head: nn.Module) -> torch.Tensor:
        """`divergence` on some of what may be drawn, by torch's random state; weighed as a loss."""
        return WEIGHT * divergence(head, self._drawn[torch.randint(len(self._drawn), (_AT_ONCE,))])

    def spared(self, head: nn.Module) -> torch.Tensor:
        """The same on all that is never drawn."""
        return WEIGHT * divergence(head, self._spared)


def divergence(head: nn.Module, hidden: torch.Tensor) -> torch.Tensor:
    """Mean Kullback-Leibler divergence of what an adapted output layer says from what the layer alone says, a scalar.

    head : peft's, with the layer in `base_layer`. hidden : (N, text width).
    """
    base: nn.Module = head.base_layer  # type: ignore[assignment]
    hidden = hidden.to(next(base.parameters()).device)
    with torch.no_grad():
        before = base(hidden).float().log_softmax(dim=-1)
    after = head(hidden).float().log_softmax(dim=-1)
    return functional.kl_div(after, before, reduction="batchmean", log_target=True)
