"""What to look for: names as they are typed, or a file of them."""

from __future__ import annotations

from pathlib import Path

from engine.found import split_names
from engine.labels import Label, LabelError, LabelScheme, LabelSet, builtin_ontology, builtin_schemes
from engine.labels.label import label_from_json, read_json


def wanted_labels(text: str, known: LabelSet) -> tuple[Label, ...]:
    """The labels that a person names, each once.

    text : names with commas between them; a label set that ships, by its id; or a file: a JSON list of labels, a label
    set, or lines with a name each. known : the model's own names, which come before the ontology's; a name that
    neither has is a label of its own. Raises `LabelError`.
    """
    path = Path(text)
    shipped = {scheme.id: scheme for scheme in builtin_schemes()}
    if _is_file(path):
        labels = _from_file(path, known)
    elif text in shipped:
        labels = [known.find(entry.label.id) or entry.label for entry in shipped[text]]
    else:
        labels = [_named(name, known) for name in split_names(text)]
    distinct: dict[str, Label] = {}
    for label in labels:
        distinct.setdefault(label.id or label.en.casefold(), label)
    if not distinct:
        raise LabelError(f"{text!r} names nothing to look for: give names with commas between them, or a file")
    return tuple(distinct.values())


def allowed_labels(text: str, known: LabelSet) -> LabelSet:
    """The names among which a region's is chosen; text, known : as `wanted_labels` takes them. Raises `LabelError`."""
    return LabelSet(label if label.id else Label(label.en, label.en, label.en) for label in wanted_labels(text, known))


def label_set(labels: tuple[Label, ...]) -> LabelSet:
    """Those that have more than one name, for reading answers in; raises `LabelError` when two share one."""
    return LabelSet(label for label in labels if label.id)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # Many names together make a path that is too long to be one.
        return False


def _from_file(path: Path, known: LabelSet) -> list[Label]:
    if path.suffix.lower() != ".json":
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise LabelError(f"cannot read the names in {path}: {error}") from error
        return [_named(name, known) for line in lines for name in split_names(line.partition("#")[0])]
    content = read_json(path)
    if isinstance(content, dict):
        scheme = LabelScheme.from_json(content, builtin_ontology(), f"the label set file {path}")
        return [known.find(entry.label.id) or entry.label for entry in scheme]
    if not isinstance(content, list):
        raise LabelError(f"the label file {path} must hold a JSON list of labels")
    return [
        _named(entry, known)
        if isinstance(entry, str)
        else label_from_json(entry, f"entry {number} of the label file {path}")
        for number, entry in enumerate(content)
    ]


def _named(name: str, known: LabelSet) -> Label:
    found = known.find(name)
    if found is None and (listed := builtin_ontology().find(name)) is not None:
        # Known by a synonym: the model's own name for it is what the model learnt.
        found = known.find(listed.id) or listed
    return found or Label("", name.strip(), "")
