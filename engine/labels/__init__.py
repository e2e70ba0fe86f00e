"""What regions are called: the bilingual ontology, its search, a project's own labels, schemes and attributes.

Names are data of the record: nothing here renames a label, and a name that is taken is an error that says by whom.
"""

from engine.labels.attributes import Attributes, Certainty, Laterality, Severity, choice_name
from engine.labels.choice import plain_choice
from engine.labels.colours import default_colours
from engine.labels.label import Kind, Label, LabelError, LabelSet, same_name
from engine.labels.ontology import Ontology, builtin_ontology
from engine.labels.own import NameTakenError, own_label
from engine.labels.scheme import SHORTCUT_KEYS, LabelScheme, SchemeEntry, builtin_schemes
from engine.labels.search import Match, MatchKind, modality_family
from engine.labels.search_names import Field

__all__ = [
    "SHORTCUT_KEYS",
    "Attributes",
    "Certainty",
    "Field",
    "Kind",
    "Label",
    "LabelError",
    "LabelScheme",
    "LabelSet",
    "Laterality",
    "Match",
    "MatchKind",
    "NameTakenError",
    "Ontology",
    "SchemeEntry",
    "Severity",
    "builtin_ontology",
    "builtin_schemes",
    "choice_name",
    "default_colours",
    "modality_family",
    "own_label",
    "plain_choice",
    "same_name",
]
