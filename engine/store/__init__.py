"""SQLite, the only truth about annotations: append-only, audited, one transaction a gesture."""

from engine.store.answers import ANSWER_TASKS, AnswerRow, AnswerStore, AnswerVerdict, GroundedRegion
from engine.store.audit import AuditEntry, verify_chain, verify_rows
from engine.store.draft_store import DraftRow, DraftStore
from engine.store.drawing import NewRegion, RegionDrawing
from engine.store.edits import RegionEdits, Reshape
from engine.store.errors import StoreError
from engine.store.gesture import utc_now, utc_text
from engine.store.identifying import IdentifyingKind, IdentifyingText
from engine.store.label_store import LabelStore, OwnLabelRow
from engine.store.readings import Reading, Readings
from engine.store.repositories import source_key
from engine.store.rows import (
    DECIDED_STATES,
    HIDDEN_STATES,
    DecisionKind,
    ImageRow,
    Origin,
    PlacedRegion,
    RegionRow,
    RegionState,
    SuggestionRow,
    VerdictRow,
    WorklistRow,
)
from engine.store.said_name import SaidName, best_name, may_accept, said_name, speaker, stands_behind, what_drew
from engine.store.scan_index import ListedScan, ScanIndex
from engine.store.scan_rows import (
    DecidedView,
    FileStamp,
    PatientRow,
    ScanFilter,
    ScanMark,
    ScanRow,
    ScanStatus,
    StudyRow,
    patient_key,
    search_text,
)
from engine.store.scans import ScanRepository
from engine.store.shape_text import (
    Derivation,
    shape_kind,
    shape_of,
    shape_text,
)
from engine.store.snapshot_store import SnapshotRow, SnapshotStore
from engine.store.store import AnnotationStore, default_database_path, study_uid_of
from engine.store.task_progress import AnnotatorProgress, ProjectProgress, TaskProgress, Work
from engine.store.task_rows import (
    CLOSED_TASKS,
    OPEN_TASKS,
    AnnotatorRow,
    Fixes,
    TaskAction,
    TaskEventRow,
    TaskRow,
    TaskState,
)
from engine.store.task_store import TaskStore

__all__ = [
    "ANSWER_TASKS",
    "CLOSED_TASKS",
    "DECIDED_STATES",
    "HIDDEN_STATES",
    "OPEN_TASKS",
    "AnnotationStore",
    "AnnotatorProgress",
    "AnnotatorRow",
    "AnswerRow",
    "AnswerStore",
    "AnswerVerdict",
    "AuditEntry",
    "DecidedView",
    "DecisionKind",
    "Derivation",
    "DraftRow",
    "DraftStore",
    "FileStamp",
    "Fixes",
    "GroundedRegion",
    "IdentifyingKind",
    "IdentifyingText",
    "ImageRow",
    "LabelStore",
    "ListedScan",
    "NewRegion",
    "Origin",
    "OwnLabelRow",
    "PatientRow",
    "PlacedRegion",
    "ProjectProgress",
    "Reading",
    "Readings",
    "RegionDrawing",
    "RegionEdits",
    "RegionRow",
    "RegionState",
    "Reshape",
    "SaidName",
    "ScanFilter",
    "ScanIndex",
    "ScanMark",
    "ScanRepository",
    "ScanRow",
    "ScanStatus",
    "SnapshotRow",
    "SnapshotStore",
    "StoreError",
    "StudyRow",
    "SuggestionRow",
    "TaskAction",
    "TaskEventRow",
    "TaskProgress",
    "TaskRow",
    "TaskState",
    "TaskStore",
    "VerdictRow",
    "Work",
    "WorklistRow",
    "best_name",
    "default_database_path",
    "may_accept",
    "patient_key",
    "said_name",
    "search_text",
    "shape_kind",
    "shape_of",
    "shape_text",
    "source_key",
    "speaker",
    "stands_behind",
    "study_uid_of",
    "utc_now",
    "utc_text",
    "verify_chain",
    "verify_rows",
    "what_drew",
]
