"""SQLite, the only truth about annotations: append-only, audited, one transaction a gesture."""

from engine.store.audit import AuditEntry, verify_chain, verify_rows
from engine.store.errors import StoreError
from engine.store.rows import (
    DECIDED_STATES,
    ImageRow,
    Origin,
    RegionRow,
    RegionState,
    SuggestionRow,
    VerdictRow,
    WorklistRow,
)
from engine.store.scan_index import ListedScan, ScanIndex
from engine.store.scan_rows import (
    FileStamp,
    PatientRow,
    ScanFilter,
    ScanMark,
    ScanRow,
    ScanStatus,
    StudyRow,
)
from engine.store.scans import ScanRepository
from engine.store.store import AnnotationStore, default_database_path, study_uid_of

__all__ = [
    "DECIDED_STATES",
    "AnnotationStore",
    "AuditEntry",
    "FileStamp",
    "ImageRow",
    "ListedScan",
    "Origin",
    "PatientRow",
    "RegionRow",
    "RegionState",
    "ScanFilter",
    "ScanIndex",
    "ScanMark",
    "ScanRepository",
    "ScanRow",
    "ScanStatus",
    "StoreError",
    "StudyRow",
    "SuggestionRow",
    "VerdictRow",
    "WorklistRow",
    "default_database_path",
    "study_uid_of",
    "verify_chain",
    "verify_rows",
]
