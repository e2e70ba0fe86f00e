"""The models that every view listens to, in one value."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject

from desktop.model.absences import AbsencesModel
from desktop.model.asking import AskingModel
from desktop.model.cine import CineModel
from desktop.model.crosshair import CrosshairModel
from desktop.model.crossings import CrossingsModel
from desktop.model.drafts import DraftsModel
from desktop.model.finding import FindAllModel
from desktop.model.hints import HintsModel
from desktop.model.jobs import JobRunner
from desktop.model.label_colors import LabelColors
from desktop.model.labels import LabelsModel
from desktop.model.layout import LayoutModel
from desktop.model.mask_work import MaskWork
from desktop.model.measures import MeasuresModel
from desktop.model.overlays import OverlaysModel
from desktop.model.reader import ReaderModel
from desktop.model.regions import RegionsModel
from desktop.model.slice_asking import SliceAskingModel
from desktop.model.structures import StructuresModel
from desktop.model.tools import ToolModel
from desktop.model.uncertain import UncertainModel
from desktop.model.viewing import ViewingModel
from desktop.model.volume_drawing import VolumeDrawing
from engine.runtime import ModelManifest
from engine.store import AnnotationStore


@dataclass(frozen=True, slots=True)
class ViewerModels:
    """One of each, for one window."""

    viewing: ViewingModel
    regions: RegionsModel
    asking: AskingModel
    layout: LayoutModel
    tools: ToolModel
    crosshair: CrosshairModel
    measures: MeasuresModel
    cine: CineModel
    drawing: VolumeDrawing
    overlays: OverlaysModel
    drafts: DraftsModel
    colors: LabelColors
    labels: LabelsModel
    finding: FindAllModel
    uncertain: UncertainModel
    structures: StructuresModel
    mask_work: MaskWork
    crossings: CrossingsModel
    questions: SliceAskingModel
    hints: HintsModel
    absences: AbsencesModel

    @classmethod
    def make(
        cls, store: AnnotationStore, jobs: JobRunner, reader: ReaderModel, manifest: ModelManifest, window: QObject
    ) -> ViewerModels:
        """All of a window's, which they belong to, on one database with one model."""
        viewing = ViewingModel(store, jobs, window)
        regions = RegionsModel(store, viewing, reader, window)
        asking = AskingModel(manifest, viewing, regions, window)
        colors = LabelColors()
        questions = SliceAskingModel(store, viewing, regions, asking, window)
        labels = LabelsModel(store, viewing, regions, colors, asking.labels, window)
        asking.binding = lambda: labels.binding_scheme
        asking.model_changed.connect(lambda: labels.use_names_of_model(asking.labels))
        return cls(
            viewing,
            regions,
            asking,
            LayoutModel(store, viewing, window),
            ToolModel(window),
            CrosshairModel(viewing, window),
            MeasuresModel(viewing, reader, regions.undo_stack, window),
            CineModel(viewing, window),
            VolumeDrawing(viewing, window),
            OverlaysModel(viewing, jobs, window),
            DraftsModel(store, viewing, reader, window),
            colors,
            labels,
            FindAllModel(store, viewing, regions, asking, questions, window),
            UncertainModel(store, viewing, regions, window),
            StructuresModel(store, viewing, regions, jobs, window),
            MaskWork(store, viewing, regions, window),
            CrossingsModel(store, viewing, regions, window),
            questions,
            HintsModel(window),
            AbsencesModel(store, regions, asking, window),
        )
