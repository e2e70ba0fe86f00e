"""COCO object detection: one json of images, annotations and categories.

Streamed into a temporary database, as its annotations come in any order. Crowds (``iscrowd``) mark an area, not a
thing: their label is uncertain in that picture.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import ClassVar, Literal

import ijson

from training.instruct.items import SourceImage, Unit
from training.instruct.pictures import read_picture
from training.instruct.sources.base import Source, SourceSettings, inside, require_file
from training.instruct.sources.boxes_jsonl import edge_boxes
from training.records import DatasetError


class CocoSettings(SourceSettings):
    """path : the json. root : the folder of its pictures."""

    kind: Literal["coco"]
    path: Path
    root: Path


class Coco(Source[CocoSettings]):
    """See the module."""

    kind: ClassVar[str] = "coco"

    def units(self) -> Iterator[Unit]:
        """A picture a unit, in the order of their numbers."""
        path = require_file(self.settings.path, self.settings.name)
        # An unnamed database lives in a temporary file and goes with its connection.
        with closing(sqlite3.connect("")) as index:
            index.executescript(
                "CREATE TABLE image (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE category (id INTEGER, name TEXT);"
                "CREATE TABLE annotation (image INTEGER, category INTEGER, box TEXT, crowd INTEGER);"
            )
            try:
                with path.open("rb") as stream:
                    rows = ((int(one["id"]), str(one["file_name"])) for one in ijson.items(stream, "images.item"))
                    index.executemany("INSERT INTO image VALUES (?, ?)", rows)
                with path.open("rb") as stream:
                    rows = ((int(one["id"]), str(one["name"])) for one in ijson.items(stream, "categories.item"))
                    index.executemany("INSERT INTO category VALUES (?, ?)", rows)
                with path.open("rb") as stream:
                    index.executemany(
                        "INSERT INTO annotation VALUES (?, ?, ?, ?)",
                        (
                            (
                                int(one["image_id"]),
                                int(one["category_id"]),
                                json.dumps([float(v) for v in one["bbox"]]),
                                int(one.get("iscrowd", 0)),
                            )
                            for one in ijson.items(stream, "annotations.item")
                        ),
                    )
            except (ijson.JSONError, KeyError, TypeError, ValueError, sqlite3.Error) as error:
                raise DatasetError(f"{path} is not a COCO file of boxes: {error!r}") from error
            index.execute("CREATE INDEX by_image ON annotation (image)")
            names = dict(index.execute("SELECT id, name FROM category").fetchall())
            for identity, name in index.execute("SELECT id, name FROM image ORDER BY id"):
                marked = index.execute(
                    "SELECT category, box, crowd FROM annotation WHERE image = ? ORDER BY rowid", (identity,)
                ).fetchall()
                listed = [(names.get(category, f"category {category}"), box, crowd) for category, box, crowd in marked]
                yield Unit(f"image {identity}", (name, listed))

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """A picture with its boxes."""
        where = f"{self.settings.path} {unit.key}"
        name, listed = unit.data
        path = inside(self.settings.root, name, where)
        pixels = read_picture(path)
        height, width = pixels.shape[:2]
        boxes = []
        for label, text, crowd in listed:
            if not crowd:
                x, y, w, h = json.loads(text)
                boxes.append((label, [x, y, x + w, y + h]))
        regions, uncertain = edge_boxes(self, boxes, width, height, where)
        crowds = (key for label, _, crowd in listed if crowd and (key := self.key(label)))
        yield SourceImage(
            pixels,
            self.group_of(path.stem),
            self.modality,
            self.settings.body_part,
            scope=self.scope(),
            regions=regions,
            uncertain=(*uncertain, *crowds),
        )
