"""Names that people gave, as the builder's label keys: what is no label of the ontology becomes one of its own."""

from __future__ import annotations

from collections.abc import Iterable

from engine.labels import Label, LabelError, NameTakenError, builtin_ontology, own_label
from engine.protocol import Language
from training.instruct.naming import Naming


class LabelKeys:
    """The keys of some labels. naming : knows them all.

    The same labels get the same keys, in whatever order they come.
    """

    def __init__(self, labels: Iterable[Label]) -> None:
        self._keys: dict[tuple[str, str, str], str | None] = {}
        self._named: dict[str, frozenset[Language]] = {}
        self._known = builtin_ontology()
        self._plain = Naming()
        # Those with both names first: a name in one language must not become the other's for them too.
        wanted = {(label.id, label.en.strip(), label.zh.strip()) for label in labels}
        for names in sorted(wanted, key=lambda one: (not (one[1] and one[2]), one)):
            self._keys[names] = self._resolved(*names)
        self.naming = Naming(ontology=self._known)

    def key(self, label: Label) -> str | None:
        """The key of one of the labels; None for a name that no question can hold."""
        return self._keys[label.id, label.en.strip(), label.zh.strip()]

    def has_name(self, key: str, language: Language) -> bool:
        """Whether anybody named it in a language: a label typed freely may have a name in one alone."""
        return key not in self._named or language in self._named[key]

    def _resolved(self, id_: str, en: str, zh: str) -> str | None:
        for name in (id_, en, zh):
            known = self._plain.resolve(name, {}) if name else None
            if known is not None:
                return known
        try:
            made = own_label(en, zh, self._known)
        except NameTakenError as error:
            return error.label.id
        except LabelError:
            return None
        self._known = self._known.with_labels([made])
        given = {Language.EN: en, Language.ZH: zh}
        self._named[made.id] = frozenset(language for language, name in given.items() if name)
        return made.id
