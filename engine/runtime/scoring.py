"""How probable each allowed answer is as a whole, all of them behind one evaluated prompt.

Answers that begin alike share what they begin with: they are the leaves of a tree. A branch is followed only while it
matters, for the probability of what it begins with bounds that of everything on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.runtime.context import BATCH, MAX_SEQUENCES, Context, Row
from engine.runtime.errors import EngineError, QuestionError
from engine.runtime.messages import Choice

LEFT_OPEN = 0.005
"""The most of all probability that is not followed to the ends of the answers it belongs to: they share it evenly."""


def score_choices(
    context: Context, choices: Sequence[str], answers: Sequence[Sequence[int]], after: Sequence[int], temperature: float
) -> tuple[Choice, ...]:
    """Rank choices, the likeliest first: softmax over the sums of their tokens' log-probabilities.

    answers : each choice's tokens, its end included. after : the question's last tokens, not yet evaluated.
    temperature : the sums are divided by it first (Guo et al., ICML 2017); it changes no order.
    The least probable, with `LEFT_OPEN` together at most, are ranked by what they begin with alone: of the starter's
    151 names that leaves, mostly, a tenth of the tokens to evaluate. Raises `QuestionError` when an answer does not
    fit.
    """
    longest = max(len(answer) for answer in answers)
    if longest > min(BATCH, context.limit - context.position - len(after)):
        raise QuestionError(f"an allowed answer of {longest} tokens does not fit: shorten the name")
    tree = _Tree(context, [tuple(answer) for answer in answers], temperature)
    tree.begin(log_softmax(context.decode(after)))
    while found := tree.worth_following():
        tree.follow(found)
    values = np.array(tree.end()) / temperature
    probabilities = np.exp(values - np.logaddexp.reduce(values))
    order = np.argsort(-values, kind="stable")
    return tuple(Choice(choices[i], float(probabilities[i])) for i in order)


@dataclass(slots=True, eq=False)
class _Branch:
    """Answers that begin with the same tokens. path : those tokens, from the question on. numbers : of the answers.

    score : log-probability of the path's tokens up to the first that its siblings do not share.
    sequence : the one whose cells hold the path; 0, the question's, where none does.
    """

    path: tuple[int, ...]
    numbers: tuple[int, ...]
    parent: _Branch | None
    branches: list[_Branch] = field(default_factory=list)
    score: float = 0.0
    sequence: int = 0

    @property
    def start(self) -> int:
        """How many tokens its siblings share."""
        return 0 if self.parent is None else len(self.parent.path)

    @property
    def stop(self) -> int:
        """How many tokens are evaluated: nothing comes behind an answer's end."""
        return len(self.path) if self.branches else len(self.path) - 1

    def base(self) -> tuple[int, int]:
        """The sequence that holds most of the path, and how many of its tokens."""
        at = self.parent
        while at is not None and not at.sequence:
            at = at.parent
        return (0, 0) if at is None else (at.sequence, len(at.path))


def _grow(
    answers: Sequence[tuple[int, ...]], numbers: Iterable[int], parent: _Branch | None, depth: int
) -> list[_Branch]:
    """The branches of answers that share their first `depth` tokens."""
    groups: dict[int, list[int]] = {}
    for number in numbers:
        groups.setdefault(answers[number][depth], []).append(number)
    grown = []
    for group in groups.values():
        one = answers[group[0]]
        shared = len(one)
        for number in group[1:]:
            parts = (i for i, (ours, theirs) in enumerate(zip(one, answers[number], strict=False)) if ours != theirs)
            shared = min(shared, next(parts, shared))
        branch = _Branch(one[:shared], tuple(group), parent)
        if shared < len(one):
            branch.branches = _grow(answers, group, branch, shared)
        grown.append(branch)
    return grown


class _Tree:
    """What is known of the answers so far.

    answers : each one's tokens, with an end that stands nowhere else.
    """

    def __init__(self, context: Context, answers: Sequence[tuple[int, ...]], temperature: float) -> None:
        self._context = context
        self._temperature = temperature
        self._first = _grow(answers, range(len(answers)), None, 0)
        self._scores: dict[int, float] = {}
        self._open: list[_Branch] = []
        self._free = list(range(1, MAX_SEQUENCES))
        # Branches with a sequence of their own, and how many cells they take.
        self._held: list[_Branch] = []
        self._cells = 0

    def begin(self, logprobs: NDArray[np.float64]) -> None:
        """The question is evaluated. logprobs : (vocabulary,), after it."""
        self._reach(self._first, 0.0, logprobs)

    def worth_following(self) -> list[_Branch]:
        """The open branches but for the least probable, of `LEFT_OPEN` together at most; none when that is all."""
        known = np.array(list(self._scores.values())) / self._temperature
        bounds = np.array([self._bound(branch) for branch in self._open])
        top = max(known.max(initial=-math.inf), bounds.max(initial=-math.inf))
        order = np.argsort(bounds)
        masses = np.cumsum(np.exp(bounds[order] - top))
        total = masses[-1:].sum() + np.exp(known - top).sum()
        return [self._open[i] for i in order[masses > LEFT_OPEN * total]]

    def follow(self, found: Sequence[_Branch]) -> None:
        """Evaluate branches up to where they part, or end."""
        self._open = [branch for branch in self._open if branch not in found]
        while found:
            found = found[self._run(found) :]

    def end(self) -> list[float]:
        """Each answer's log-probability. Those of an open branch share what it has."""
        for branch in self._open:
            self._settle(branch, branch.score - math.log(len(branch.numbers)))
        self._let_go()
        return [self._scores[number] for number in range(len(self._scores))]

    def _bound(self, branch: _Branch) -> float:
        """The logarithm of the most that the powers 1/temperature of its answers' probabilities can sum to."""
        spread = max(0.0, 1 - 1 / self._temperature) * math.log(len(branch.numbers))
        return branch.score / self._temperature + spread

    def _reach(self, branches: Iterable[_Branch], score: float, logprobs: NDArray[np.float64]) -> None:
        """A place where branches part. score : of the way there. logprobs : (vocabulary,), after it."""
        for branch in branches:
            branch.score = score + float(logprobs[branch.path[branch.start]])
            if branch.stop > branch.start:
                self._open.append(branch)
            else:
                self._settle(branch, branch.score)

    def _settle(self, branch: _Branch, score: float) -> None:
        self._scores.update(dict.fromkeys(branch.numbers, score))

    def _run(self, found: Sequence[_Branch]) -> int:
        """Evaluate as many branches as fit into one batch; how many those are. None do when room had to be made."""
        context = self._context
        room = min(BATCH, context.cells - context.position - self._cells)
        rows: list[Row] = []
        taken: list[tuple[_Branch, int, int]] = []
        for branch in found:
            base, held = branch.base()
            if not self._free or len(rows) + branch.stop - held > room:
                break
            sequence = self._free.pop()
            context.branch([sequence], base)
            rows += [(branch.path[i], context.position + i, sequence) for i in range(held, branch.stop)]
            taken.append((branch, sequence, held))
        if not taken:
            # What is held is evaluated again where it is still needed.
            self._let_go()
            return 0
        logits = iter(context.run(rows, range(len(rows))))
        for branch, sequence, held in taken:
            score = branch.score
            for place in range(held, branch.stop):
                row = next(logits)
                if place < branch.start:
                    continue
                after = log_softmax(row)
                if place + 1 < len(branch.path):
                    score += float(after[branch.path[place + 1]])
                else:
                    self._reach(branch.branches, score, after)
            if branch.branches:
                branch.sequence = sequence
                self._held.append(branch)
                self._cells += branch.stop - held
            else:
                self._settle(branch, score)
                self._give_back(sequence)
        return len(taken)

    def _give_back(self, sequence: int) -> None:
        self._context.prune([sequence])
        self._free.append(sequence)

    def _let_go(self) -> None:
        for branch in self._held:
            self._give_back(branch.sequence)
            branch.sequence = 0
        self._held, self._cells = [], 0


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-probabilities of (vocabulary,) logits. Raises `EngineError` when a logit is not a number."""
    wide = logits.astype(np.float64)
    top = wide.max()
    with np.errstate(invalid="ignore", over="ignore"):
        total = top + np.log(np.exp(wide - top).sum())
    if not np.isfinite(total):
        raise EngineError("the model's output is not a number: its files or the memory are damaged; verify the model")
    result: NDArray[np.float64] = wide - total
    return result
