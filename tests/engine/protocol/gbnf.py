"""Random texts of a GBNF grammar, as far as the project's own grammars use the notation."""

from __future__ import annotations

import functools
import random
import re

_TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|\{\d+,\d*\}|[A-Za-z][A-Za-z0-9]*|[()|*+?])')
_LETTERS = "abcdefghijklmnopqrstuvwxyz ,.:-()0123456789肝脏影像诊断肺部正常：，。"


def sample(grammar: str, rng: random.Random, most: int = 3) -> str:
    """One text that the grammar allows; what may repeat without end is repeated `most` times at most."""
    rules = dict(line.split(" ::= ", 1) for line in grammar.splitlines())
    return _Sampler({name: _TOKEN.findall(body) for name, body in rules.items()}, rng, most).rule("root")


class _Sampler:
    def __init__(self, rules: dict[str, list[str]], rng: random.Random, most: int) -> None:
        self._rules, self._rng, self._most = rules, rng, most

    def rule(self, name: str) -> str:
        return self._alternatives(self._rules[name])

    def _alternatives(self, tokens: list[str]) -> str:
        """One of the alternatives that the tokens hold."""
        options: list[list[str]] = [[]]
        depth = 0
        for token in tokens:
            depth += (token == "(") - (token == ")")
            if token == "|" and depth == 0:
                options.append([])
            else:
                options[-1].append(token)
        chosen, text = self._rng.choice(options), ""
        while chosen:
            item, chosen = self._item(chosen)
            text += item
        return text

    def _item(self, tokens: list[str]) -> tuple[str, list[str]]:
        first, rest = tokens[0], tokens[1:]
        end, group = rest, []
        if first == "(":
            depth = 1
            for i, token in enumerate(rest):
                depth += (token == "(") - (token == ")")
                if depth == 0:
                    group, end = rest[:i], rest[i + 1 :]
                    break
        low, high, repeated = 1, 1, bool(end) and end[0][0] in "*+?{"
        if repeated and end[0] in "*+?":
            low, high = {"*": (0, self._most), "+": (1, self._most), "?": (0, 1)}[end[0]]
        elif repeated:
            least, _, greatest = end[0][1:-1].partition(",")
            low = int(least)
            high = min(int(greatest or low + self._most), low + self._most)
        texts = [self._one(first, group) for _ in range(self._rng.randint(low, high))]
        return "".join(texts), end[1:] if repeated else end

    def _one(self, first: str, group: list[str]) -> str:
        if first == "(":
            return self._alternatives(group)
        if first[0] == '"':
            return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), first[1:-1])
        if first[0] == "[":
            return self._rng.choice(_allowed(first))
        return self.rule(first)


@functools.cache
def _allowed(characters: str) -> list[str]:
    return [c for c in _LETTERS if re.fullmatch(characters, c)]
