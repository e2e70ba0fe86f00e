"""Patients, studies and scans as a tree that reads from the database only what is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop.model.thumbnails import ThumbnailModel
from engine.store import AnnotationStore, PatientRow, ScanFilter, ScanRow, ScanStatus, StudyRow

PAGE = 100
"""Rows that are read at a time."""

RECENT = 6
"""Scans in the group of those opened last."""

_SEARCHED_PAGES = 20


class NodeKind(StrEnum):
    """What a row of the tree is."""

    ROOT = "root"
    RECENT = "recent"
    NEXT = "next"
    PINNED = "pinned"
    PATIENT = "patient"
    STUDY = "study"
    SCAN = "scan"


class Role(IntEnum):
    """What else a row says: kind, scan id, further lines, status, and its key, which outlives a reload."""

    KIND = Qt.ItemDataRole.UserRole
    SCAN = Qt.ItemDataRole.UserRole + 1
    SUBTITLE = Qt.ItemDataRole.UserRole + 2
    STATUS = Qt.ItemDataRole.UserRole + 3
    KEY = Qt.ItemDataRole.UserRole + 4
    PROGRESS = Qt.ItemDataRole.UserRole + 6
    MISSING = Qt.ItemDataRole.UserRole + 5


@dataclass(slots=True, eq=False)
class _Node:
    number: int
    kind: NodeKind
    row: int
    parent: _Node | None
    data: PatientRow | StudyRow | ScanRow | None = None
    children: list[_Node] = field(default_factory=list)
    complete: bool = False


Index = QModelIndex | QPersistentModelIndex


class BrowserTree(QAbstractItemModel):
    """The list of scans through a filter: opened last, to be labelled next, the worklist, then patient, study, scan.

    Rows are fetched `PAGE` at a time when a view asks for them. blind : scans (path, series UID; "" for every series)
    that the person at work reads blind, and of which other people's work is not told. names_hidden : patients have
    numbers instead of names, and nothing that comes from a file name is shown.
    """

    def __init__(self, store: AnnotationStore, thumbnails: ThumbnailModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._thumbnails = thumbnails
        self._nodes: dict[int, _Node] = {}
        self._count = 0
        self._root = self._node(NodeKind.ROOT, None)
        self.filter = ScanFilter()
        self.names_hidden = False
        self.chinese = False
        self.blind: frozenset[tuple[str, str]] = frozenset()
        self._closed = False
        self._names: dict[int, str] = {}
        thumbnails.ready.connect(self._picture_ready)

    def reload(self) -> None:
        """Read the list again, through the filter as it is now."""
        self.beginResetModel()
        self._nodes.clear()
        self._names.clear()
        self._root = self._node(NodeKind.ROOT, None)
        recent = self._store.scans.recent(self.filter, RECENT)
        if recent:
            group = self._add(self._root, NodeKind.RECENT)
            group.complete = True
            for scan in recent:
                self._add(group, NodeKind.SCAN, scan)
        for kind in (NodeKind.NEXT, NodeKind.PINNED):
            scans = self._of_group(kind, 0)
            if scans:
                group = self._add(self._root, kind)
                group.complete = len(scans) < PAGE
                for scan in scans:
                    self._add(group, NodeKind.SCAN, scan)
        self._grow(self._root, self._page(self._root))
        self.endResetModel()

    def close(self) -> None:
        """Read nothing more: a view may still ask while its window goes."""
        self._closed = True

    def refresh_scan(self, scan_id: int) -> None:
        """Read one scan again and show what has changed about it."""
        scan = None
        for node in self._scan_nodes(scan_id):
            scan = scan or self._store.scans.get(scan_id)
            node.data = scan
            at = self._at(node)
            self.dataChanged.emit(at, at)

    def index_of_scan(self, scan_id: int) -> QModelIndex:
        """Where a scan stands, outside the group of recent ones; reads what leads to it. Invalid when not listed."""
        scan = self._store.scans.if_there(scan_id)
        if scan is None:
            return QModelIndex()
        kind = NodeKind.PINNED if scan.next_place is None else NodeKind.NEXT
        if scan.pinned or kind is NodeKind.NEXT:
            top = next((node for node in self._root.children if node.kind is kind), None)
        else:
            top = self._find(self._root, lambda data: isinstance(data, PatientRow) and data.number == scan.patient)
            if top is not None:
                top = self._find(top, lambda data: isinstance(data, StudyRow) and data.study_uid == scan.study_uid)
        found = top and self._find(top, lambda data: isinstance(data, ScanRow) and data.id == scan_id)
        return self._at(found) if found else QModelIndex()

    def index_of_key(self, key: str) -> QModelIndex:
        """Where a row with this key stands, among those that were read."""
        found = next((node for node in self._nodes.values() if self._key(node) == key), None)
        return self._at(found) if found else QModelIndex()

    def scans_below(self, index: Index, limit: int) -> list[ScanRow]:
        """At most `limit` scans of a patient or a study that pass the filter, on screen or not."""
        data, scans = self._of(index).data, self._store.scans
        if isinstance(data, PatientRow):
            studies = scans.studies(self.filter, data.number, 0, limit)
        else:
            studies = [data] if isinstance(data, StudyRow) else []
        found: list[ScanRow] = []
        for study in studies:
            found += scans.of_study(self.filter, study.patient, study.study_uid, 0, limit - len(found))
        return found

    def _find(self, parent: _Node, matches) -> _Node | None:  # type: ignore[no-untyped-def]
        for _ in range(_SEARCHED_PAGES):
            found = next((node for node in parent.children if matches(node.data)), None)
            if found is not None or parent.complete:
                return found
            self.fetchMore(self._at(parent))
        return None

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008 - Qt's
        children = self._of(parent).children
        return self._at(children[row]) if 0 <= row < len(children) and column == 0 else QModelIndex()

    def parent(self, index: Index = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008 - Qt's
        node = self._of(index)
        return QModelIndex() if node.parent is None else self._at(node.parent)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's
        return len(self._of(parent).children)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's
        return 1

    def hasChildren(self, parent: Index = QModelIndex()) -> bool:  # noqa: B008 - Qt's
        return self._of(parent).kind is not NodeKind.SCAN

    def canFetchMore(self, parent: Index) -> bool:
        node = self._of(parent)
        return node.kind is not NodeKind.SCAN and not node.complete and not self._closed

    def fetchMore(self, parent: Index) -> None:
        node = self._of(parent)
        rows = self._page(node)
        if rows:
            first = len(node.children)
            self.beginInsertRows(self._at(node), first, first + len(rows) - 1)
            self._grow(node, rows)
            self.endInsertRows()
        else:
            node.complete = True

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        node = self._of(index)
        scan = node.data if isinstance(node.data, ScanRow) else None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._title(node)
        if role == Role.SUBTITLE:
            return self._subtitle(node)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tool_tip(node)
        if role == Qt.ItemDataRole.DecorationRole:
            return self._thumbnails.picture(scan.id) if scan else None
        if role == Role.KIND:
            return node.kind
        if role == Role.KEY:
            return self._key(node)
        if scan and role == Role.SCAN:
            return scan.id
        if scan and role == Role.STATUS:
            return ScanStatus.NEW if self._is_blind(scan) else scan.status
        if scan and role == Role.PROGRESS:
            return self.progress_text(scan)
        if scan and role == Role.MISSING:
            return scan.missing
        return None

    def patient_name(self, number: int) -> str:
        """What a patient is called on screen."""
        if number not in self._names:
            # Rows are painted often.
            self._names[number] = self._patient_title(self._store.scans.patient(number))
        return self._names[number]

    def scan_title(self, scan: ScanRow) -> str:
        """What a scan is called on screen."""
        title = scan.title_zh if self.chinese and scan.title_zh else scan.title_en
        name = Path(scan.path).name
        if self.names_hidden and not scan.pinned and (title == name or title.startswith(f"{name} · ")):
            # The name of a file often is a patient's name. Behind it may stand which area of a slide it is.
            number = scan.id if scan.series_number is None else scan.series_number
            return self.tr("Series {0}").format(number) + title.removeprefix(name)
        return title

    def status_text(self, status: ScanStatus) -> str:
        """A status in the language of the interface."""
        return {
            ScanStatus.NEW: self.tr("new"),
            ScanStatus.IN_PROGRESS: self.tr("in progress"),
            ScanStatus.DONE: self.tr("done"),
            ScanStatus.NEEDS_REVIEW: self.tr("needs review"),
        }[status]

    def _title(self, node: _Node) -> str:
        if isinstance(node.data, ScanRow):
            return self.scan_title(node.data)
        if isinstance(node.data, PatientRow):
            return self._patient_title(node.data)
        if isinstance(node.data, StudyRow):
            return " · ".join(part for part in (_date(node.data.date), node.data.description) if part) or self.tr(
                "Study without a date"
            )
        if node.kind is NodeKind.NEXT:
            return self.tr("To label next")
        return self.tr("Recent") if node.kind is NodeKind.RECENT else self.tr("Worklist")

    def _patient_title(self, patient: PatientRow) -> str:
        if self.names_hidden:
            return self.tr("Patient {0}").format(patient.number)
        return shown_name(patient.name) or patient.code or self.tr("No name · {0}").format(patient.folder)

    def _subtitle(self, node: _Node) -> str:
        data = node.data
        if isinstance(data, PatientRow):
            # The number last: it may be longer than the row.
            code = "" if self.names_hidden or not shown_name(data.name) else data.code
            return " · ".join(p for p in (_date(data.last_date), self._scans_text(data.scans), code) if p)
        if isinstance(data, StudyRow):
            modalities = ", ".join(one for one in data.modalities if one)
            return " · ".join(part for part in (modalities, self._scans_text(data.scans)) if part)
        if not isinstance(data, ScanRow):
            return ""
        size = self.tr("{0} slices").format(data.slices) if data.slices > 1 else ""
        if not size and data.columns:
            size = f"{data.columns} × {data.rows}"
        parts = [data.modality, size]
        if node.parent is not None and node.parent.kind in (NodeKind.RECENT, NodeKind.NEXT) and not data.pinned:
            # Here no patient stands above it.
            parts.append(self.patient_name(data.patient))
        return " · ".join(part for part in parts if part)

    def _scans_text(self, count: int) -> str:
        return self.tr("1 scan") if count == 1 else self.tr("{0} scans").format(count)

    def progress_text(self, scan: ScanRow) -> str:
        """How far the work on a scan is."""
        if scan.missing:
            return self.tr("files missing")
        if self._is_blind(scan):
            return self.tr("you read it blind")
        counts = []
        if scan.decided:
            counts.append(self.tr("{0} decided").format(scan.decided))
        if scan.open:
            counts.append(self.tr("{0} open").format(scan.open))
        return " · ".join([self.status_text(scan.status), *counts])

    def _tool_tip(self, node: _Node) -> str:
        data = node.data
        if not isinstance(data, ScanRow):
            return "\n".join(line for line in (self._title(node), self._subtitle(node)) if line)
        size = f"{data.columns} × {data.rows}" if data.columns and data.slices > 1 else ""
        lines = [self.scan_title(data), " · ".join(part for part in (self._subtitle(node), size) if part)]
        lines += [_date(data.study_date), self.progress_text(data)]
        if not data.pinned:
            lines.insert(0, self.patient_name(data.patient))
        if not self.names_hidden:
            lines.append(data.path)
        return "\n".join(line for line in lines if line)

    def _is_blind(self, scan: ScanRow) -> bool:
        return (scan.path, scan.series_uid) in self.blind or (scan.path, "") in self.blind

    def repaint_scans(self) -> None:
        """What is said of scans has changed, and not which there are."""
        for node in self._nodes.values():
            if node.kind is NodeKind.SCAN:
                at = self._at(node)
                self.dataChanged.emit(at, at)

    def _picture_ready(self, scan_id: int) -> None:
        for node in self._scan_nodes(scan_id):
            at = self._at(node)
            self.dataChanged.emit(at, at, [Qt.ItemDataRole.DecorationRole])

    def _scan_nodes(self, scan_id: int) -> list[_Node]:
        return [n for n in self._nodes.values() if isinstance(n.data, ScanRow) and n.data.id == scan_id]

    def _page(self, node: _Node) -> list[tuple[NodeKind, PatientRow | StudyRow | ScanRow]]:
        scans, offset = self._store.scans, len(node.children)
        if node.kind is NodeKind.ROOT:
            offset = sum(child.kind is NodeKind.PATIENT for child in node.children)
            return [(NodeKind.PATIENT, row) for row in scans.patients(self.filter, offset, PAGE)]
        if node.kind in (NodeKind.NEXT, NodeKind.PINNED):
            return [(NodeKind.SCAN, row) for row in self._of_group(node.kind, offset)]
        if isinstance(node.data, PatientRow):
            found = scans.studies(self.filter, node.data.number, offset, PAGE)
            return [(NodeKind.STUDY, row) for row in found]
        if isinstance(node.data, StudyRow):
            study = node.data
            rows = scans.of_study(self.filter, study.patient, study.study_uid, offset, PAGE)
            return [(NodeKind.SCAN, row) for row in rows]
        return []

    def _of_group(self, kind: NodeKind, offset: int) -> list[ScanRow]:
        scans = self._store.scans
        read = scans.next if kind is NodeKind.NEXT else scans.pinned
        return read(self.filter, offset, PAGE)

    def _grow(self, node: _Node, rows: list[tuple[NodeKind, PatientRow | StudyRow | ScanRow]]) -> None:
        node.complete = len(rows) < PAGE
        for kind, row in rows:
            self._add(node, kind, row)

    def _add(self, parent: _Node, kind: NodeKind, data: PatientRow | StudyRow | ScanRow | None = None) -> _Node:
        node = self._node(kind, parent, len(parent.children), data)
        parent.children.append(node)
        return node

    def _node(
        self,
        kind: NodeKind,
        parent: _Node | None,
        row: int = 0,
        data: PatientRow | StudyRow | ScanRow | None = None,
    ) -> _Node:
        # Numbers are never used twice, so that an index from before a reload finds nothing instead of another row.
        self._count += 1
        node = _Node(self._count, kind, row, parent, data)
        self._nodes[node.number] = node
        return node

    def _of(self, index: Index) -> _Node:
        return self._nodes.get(index.internalId(), self._root) if index.isValid() else self._root

    def _at(self, node: _Node) -> QModelIndex:
        return QModelIndex() if node.parent is None else self.createIndex(node.row, 0, node.number)

    def _key(self, node: _Node) -> str:
        data = node.data
        if isinstance(data, PatientRow):
            return f"patient {data.number}"
        if isinstance(data, StudyRow):
            return f"study {data.patient} {data.study_uid}"
        if isinstance(data, ScanRow):
            assert node.parent is not None
            return f"{node.parent.kind} scan {data.id}"
        return node.kind


def shown_name(name: str) -> str:
    """DICOM's components of a person's name (PS3.5 6.2.1) as people write them, with the other scripts behind."""
    groups = [" ".join(part for part in group.split("^") if part.strip()).strip() for group in name.split("=")]
    filled = [group for group in groups if group]
    return filled[0] + (f" ({', '.join(filled[1:])})" if len(filled) > 1 else "") if filled else ""


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 else text
