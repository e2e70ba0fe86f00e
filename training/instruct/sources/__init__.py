"""Where pictures and what is known of them come from: one file a kind of source."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from training.instruct.masks import Thresholds
from training.instruct.naming import Naming
from training.instruct.sources.base import Diagnosis, Source, SourceSettings
from training.instruct.sources.boxes_jsonl import BoxesJsonl, BoxesJsonlSettings
from training.instruct.sources.class_folders import ClassFolders, ClassFoldersSettings
from training.instruct.sources.coco import Coco, CocoSettings
from training.instruct.sources.corrections import Corrections, CorrectionsSettings
from training.instruct.sources.dicom_seg import DicomSeg, DicomSegSettings
from training.instruct.sources.label_volumes import LabelVolumes, LabelVolumesSettings
from training.instruct.sources.mask_folders import MaskFolders, MaskFolderSettings
from training.instruct.sources.nnunet import Nnunet, NnunetSettings
from training.instruct.sources.questions import Questions, QuestionsSettings
from training.instruct.sources.report_table import ReportTable, ReportTableSettings
from training.instruct.sources.sa_med2d import SaMed2d, SaMed2dSettings
from training.instruct.sources.slake import Slake, SlakeSettings
from training.instruct.sources.voc import Voc, VocSettings
from training.instruct.sources.yolo import Yolo, YoloSettings

AnySettings = Annotated[
    BoxesJsonlSettings
    | ClassFoldersSettings
    | CocoSettings
    | CorrectionsSettings
    | DicomSegSettings
    | LabelVolumesSettings
    | MaskFolderSettings
    | NnunetSettings
    | QuestionsSettings
    | ReportTableSettings
    | SaMed2dSettings
    | SlakeSettings
    | VocSettings
    | YoloSettings,
    Field(discriminator="kind"),
]
"""The settings of a source of any kind, told apart by ``kind``."""

_KINDS: dict[str, type[Source[Any]]] = {
    source.kind: source
    for source in (
        BoxesJsonl,
        ClassFolders,
        Coco,
        Corrections,
        DicomSeg,
        LabelVolumes,
        MaskFolders,
        Nnunet,
        Questions,
        ReportTable,
        SaMed2d,
        Slake,
        Voc,
        Yolo,
    )
}


def open_source(settings: AnySettings, naming: Naming, thresholds: Thresholds) -> Source[Any]:
    """The source that some settings describe."""
    return _KINDS[settings.kind](settings, naming, thresholds)


__all__ = ["AnySettings", "Diagnosis", "Source", "SourceSettings", "open_source"]
