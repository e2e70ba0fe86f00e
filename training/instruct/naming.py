"""Canonical names: from what a source calls a thing to the ontology's label, its side kept, in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.labels import Kind, Label, Laterality, Ontology, builtin_ontology, modality_family, own_label

_SIDE_ZH = {
    Laterality.LEFT: "左侧",
    Laterality.RIGHT: "右侧",
    Laterality.BILATERAL: "双侧",
    Laterality.MIDLINE: "中线",
}
_MODALITIES = {
    "ct": "CT",
    "mri": "MR",
    "mr": "MR",
    "x-ray": "DX",
    "xray": "DX",
    "x_ray": "DX",
    "cxr": "DX",
    "radiograph": "DX",
    "mammography": "MG",
    "ultrasound": "US",
    "us": "US",
    "histopathology": "SM",
    "pathology": "SM",
    "dermoscopy": "DMS",
    "endoscopy": "ES",
    "fundus": "OP",
    "oct": "OPT",
    # Neither DICOM's slides nor its microscopes in visible light: worded as a medical image.
    "fluorescence": "GM",
    "microscopy": "GM",
    "pet": "PT",
}


def modality_code(name: str) -> str:
    """The DICOM modality code of a word such as ``"MRI"`` or ``"dermoscopy"``; a code, and "", stay as they are."""
    return _MODALITIES.get(name.strip().casefold(), name.strip().upper())


class Naming:
    """The labels that a build may use: the ontology, and own labels that a person has named in both languages.

    A key is a label's id, ``"hippocampus"``, with ``"|left"`` where the source told the side and the label has sides.
    """

    def __init__(self, own: Iterable[tuple[str, str]] = (), ontology: Ontology | None = None) -> None:
        known = ontology or builtin_ontology()
        for en, zh in own:
            known = known.with_labels([own_label(en, zh, known)])
        self._known = known

    def resolve(self, name: str, mapping: Mapping[str, str]) -> str | None:
        """The key of a source's name; None where no label has it: nothing is guessed.

        mapping : the source's own words, in any case, to a name of the ontology.
        """
        wanted = mapping.get(name, mapping.get(name.casefold(), name))
        found = self._known.find_with_side(wanted)
        if found is None:
            return None
        label, side = found
        return label.id if side is None else f"{label.id}|{side.value}"

    def label(self, key: str) -> Label:
        """The label of a key."""
        label = self._known.get(key.partition("|")[0])
        assert label is not None, key
        return label

    def name(self, key: str, language: str) -> str:
        """``"left hippocampus"``, ``"左侧海马"``."""
        label, _, side = key.partition("|")
        name = self.label(label).name(language)
        if not side:
            return name
        return _SIDE_ZH[Laterality(side)] + name if language == "zh" else f"{side} {name}"

    def is_finding(self, key: str) -> bool:
        """Whether it is a lesion or another finding."""
        return self.label(key).kind is Kind.FINDING

    def foreign(self, key: str, modality: str) -> bool:
        """Whether a label cannot be in pictures of a modality: it says where it is seen, and this is not among it."""
        modalities = self.label(key).modalities
        told = modality not in ("", "OT")
        return bool(modalities) and told and modality_family(modality) not in modalities
