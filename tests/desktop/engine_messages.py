"""Collects from the engine's source every message that its errors can bring to the window.

A template is a message with numbered placeholders: ``raise ScanError(f"{path} lists no files")`` gives
``{0} lists no files``. Texts that are known without running anything are written out: constants, either side of a
condition, what a variable of the same function was set to, what a helper of the same module returns, and what all
callers of a function give for a parameter. Where callers or helpers give f-strings, those are templates of their own,
and the placeholder stays.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import engine

_BUILTIN = {"ValueError", "TypeError", "OSError", "FileExistsError", "RuntimeError"}
"""Raised inside the engine to be the reason within a message of its own."""
_CARRIERS = {"FileProblem": 1, "Failed": 2, "OpenedDatabase": 1, "_tell": 1}
"""Calls that pass a message on, and which of their arguments it is."""
_MOST_DEEP = 4
_MOST_WORDS = 12
"""More texts without a blank than these are the keys of a table, such as a file header's, and stay a placeholder."""
_TRAINER = (
    *("answers", "attention", "checkpoint", "drawing", "early_stopping", "features", "gguf_checkpoint", "labels"),
    *("latent_replay", "low_rank", "model", "packing", "phantom_set", "records", "samples", "stage_trainer"),
    *("tokenizer", "trainer", "evaluation/answering", "evaluation/gallery", "evaluation/paired", "evaluation/predict"),
    *("evaluation/prediction", "evaluation/questions", "evaluation/torch_answering", "export/compare", "export/lora"),
)
"""What the verbs of `medrega feedback` that the window starts go through, beside the folders of their own."""

Part = str | None
"""A piece of a template: text, or None for a placeholder."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class _Module:
    tree: ast.Module
    constants: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    calls: list[tuple[ast.Call, Function | None, str]] = field(default_factory=list)


@cache
def engine_templates() -> frozenset[str]:
    """Every template of the engine."""
    folder = Path(engine.__file__).parent
    # These answer the command line, or scripts, alone.
    apart = {"bench", "service", "prelabel"}
    paths = [path for path in sorted(folder.rglob("*.py")) if path.parent.name not in apart]
    return frozenset(Collector({path: path.read_text(encoding="utf-8") for path in paths}).templates())


@cache
def feedback_templates() -> frozenset[str]:
    """Every template of the runs that the window starts, whose last words it shows."""
    root = Path(engine.__file__).parents[1]
    folders = ("engine/feedback", "training/feedback")
    paths = [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]
    # Also for their classes: a message is known by the class of its error, and that may lie in another file.
    paths += [root / "training" / f"{name}.py" for name in _TRAINER]
    paths += [root / "engine" / name for name in ("errors.py", "locks.py")]
    paths += [root / "desktop" / "model" / "training_folder.py"]
    return frozenset(Collector({path: path.read_text(encoding="utf-8") for path in paths}).templates())


class Collector:
    """Walks sources. sources : path to text; only for telling them apart."""

    def __init__(self, sources: dict[Path, str]) -> None:
        self._modules = [_module(ast.parse(text)) for text in sources.values()]
        self._constants = {k: v for module in self._modules for k, v in module.constants.items()}
        self._errors = _error_classes(self._modules)
        self._found: set[str] = set()

    def templates(self) -> set[str]:
        """All of them."""
        for module in self._modules:
            for node, function, owner in module.calls:
                message = self._message(node, owner)
                if message is not None:
                    self._add(message, _Scope(module, function), 0)
        return {template for template in self._found if any(letter.isalpha() for letter in _literal(template))} | {
            template for template in self._found if template == "{0}: {1}"
        }

    def _message(self, call: ast.Call, owner: str) -> ast.expr | None:
        name = _name(call.func)
        if name in self._errors or name in _BUILTIN:
            return call.args[0] if call.args else None
        if name == "__init__" and owner in self._errors:
            return call.args[0] if call.args else None
        place = _CARRIERS.get(name)
        return call.args[place] if place is not None and len(call.args) > place else None

    def _add(self, message: ast.expr, scope: _Scope, depth: int) -> None:
        for parts in self._texts(message, scope, depth):
            self._found.add(_template(parts))

    def _texts(self, node: ast.expr, scope: _Scope, depth: int) -> list[tuple[Part, ...]]:
        """All that an expression can say, each as parts; one lone placeholder where that cannot be known."""
        unknown: list[tuple[Part, ...]] = [(None,)]
        if depth > _MOST_DEEP:
            return unknown
        match node:
            case ast.Constant(value=str(text)):
                return [(text,)]
            case ast.JoinedStr(values=values):
                return _joined([self._texts(value, scope, depth) for value in values])
            case ast.FormattedValue(value=value, conversion=conversion):
                return unknown if conversion != -1 else self._texts(value, scope, depth)
            case ast.IfExp(body=body, orelse=orelse):
                return self._texts(body, scope, depth) + self._texts(orelse, scope, depth)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                sums = _joined([self._texts(left, scope, depth), self._texts(right, scope, depth)])
                # A sum of numbers is one value.
                return [text if any(text) else (None,) for text in sums]
            case ast.BoolOp(op=ast.Or(), values=values):
                return [text for value in values for text in self._texts(value, scope, depth)]
            case ast.Name(id=name):
                return self._named(name, scope, depth + 1)
            case ast.Call():
                return self._returned(node, scope, depth + 1)
        return unknown

    def _named(self, name: str, scope: _Scope, depth: int) -> list[tuple[Part, ...]]:
        if scope.function is not None:
            set_to = _assigned(scope.function, name)
            if set_to:
                return [text for value in set_to for text in self._texts(value, scope, depth)]
            if name in _parameters(scope.function):
                return self._given(scope.function, name, scope, depth)
        known = scope.module.constants.get(name, self._constants.get(name) if name.isupper() else None)
        return [(None,)] if known is None else [(known,)]

    def _given(self, function: Function, name: str, scope: _Scope, depth: int) -> list[tuple[Part, ...]]:
        """What callers give for a parameter."""
        texts: list[tuple[Part, ...]] = []
        # Elsewhere ``get`` is mostly the one of a dict or of a DICOM data set, whose keys are no message.
        near = function.name.startswith("_") or hasattr(dict, function.name)
        modules = [scope.module] if near else self._modules
        for module in modules:
            for call, inside, _ in module.calls:
                if _name(call.func) == function.name and (value := _argument(call, function, name)) is not None:
                    texts += self._texts(value, _Scope(module, inside), depth)
        return self._split(texts)

    def _returned(self, call: ast.Call, scope: _Scope, depth: int) -> list[tuple[Part, ...]]:
        """What a helper returns, of the module or of words, or a table of texts: ``_NAMES.get(key, default)``."""
        if _name(call.func) == "get" and len(call.args) == 2:
            return self._split([*self._texts(call.args[1], scope, depth), (None,)])
        name = _name(call.func)
        function, module = scope.module.functions.get(name), scope.module
        if function is None and name.endswith("_words"):
            # The one place of a text that several modules say.
            module = next((one for one in self._modules if name in one.functions), module)
            function = module.functions.get(name)
        if function is None:
            return [(None,)]
        inside = _Scope(module, function)
        values = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
        return self._split([text for value in values for text in self._texts(value, inside, depth)])

    def _split(self, texts: list[tuple[Part, ...]]) -> list[tuple[Part, ...]]:
        """Plain texts where there is nothing else; otherwise a placeholder, and the rest as templates of their own."""
        if texts and all(None not in text for text in texts):
            keys = {"".join(map(str, text)) for text in texts}
            return [(None,)] if len(keys) > _MOST_WORDS and not any(" " in key for key in keys) else texts
        # Without a blank it is a name that is put together, of a tensor or a file.
        self._found |= {_template(text) for text in texts if None in text and any(" " in (part or "") for part in text)}
        plain = [text for text in texts if None not in text and " " in "".join(map(str, text))]
        self._found |= {_template(text) for text in plain}
        return [(None,)]


@dataclass(frozen=True)
class _Scope:
    module: _Module
    function: Function | None


def _module(tree: ast.Module) -> _Module:
    module = _Module(tree)
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            module.constants |= {t.id: node.value.value for t in node.targets if isinstance(t, ast.Name)}
    module.calls = list(_calls(tree))
    module.functions = {n.name: n for n in ast.walk(tree) if isinstance(n, Function)}
    return module


def _error_classes(modules: list[_Module]) -> set[str]:
    """Names of the engine's own exceptions, `Cancelled` aside: that is no message."""
    classes = {n.name: n for m in modules for n in ast.walk(m.tree) if isinstance(n, ast.ClassDef)}
    errors = {"Exception", "MedRegAError", *_BUILTIN}
    while True:
        more = {name for name, node in classes.items() if {_name(base) for base in node.bases} & errors} - errors
        if not more:
            return errors - {"Exception", "Cancelled"}
        errors |= more


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, Function | None, str]]:
    """Every call, with the function and the class that it is in."""
    todo: list[tuple[ast.AST, Function | None, str]] = [(tree, None, "")]
    while todo:
        node, function, owner = todo.pop()
        if isinstance(node, ast.Call):
            yield node, function, owner
        if isinstance(node, Function):
            function = node
        elif isinstance(node, ast.ClassDef):
            owner = node.name
        todo.extend((child, function, owner) for child in ast.iter_child_nodes(node))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _assigned(function: Function, name: str) -> list[ast.expr]:
    """What a variable is set to, when only by plain assignments."""
    return [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    ]


def _parameters(function: Function) -> list[str]:
    arguments = function.args
    return [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def _argument(call: ast.Call, function: Function, name: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    names = [one for one in _parameters(function) if one not in ("self", "cls")]
    place = names.index(name) if name in names else len(call.args)
    return call.args[place] if place < len(call.args) else None


def _joined(columns: list[list[tuple[Part, ...]]]) -> list[tuple[Part, ...]]:
    return [tuple(itertools.chain.from_iterable(row)) for row in itertools.product(*columns)]


def _template(parts: tuple[Part, ...]) -> str:
    numbers = itertools.count()
    return "".join(f"{{{next(numbers)}}}" if part is None else part for part in parts)


def _literal(template: str) -> str:
    return "".join(part for part in template.replace("}", "{").split("{") if not part.isdigit())
