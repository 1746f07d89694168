"""COCO (2017): photographs with boxed objects of 80 classes, in its own layout.

    <data>/coco/val2017/*.jpg
    <data>/coco/annotations/instances_val2017.json

Classes are numbered from 0 in the order of their category ids. Every image of the annotation file is a source, also one
without any object: what a detector finds there counts against it.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.errors import DataError
from benchmark.images import Pixels, decode, digest
from benchmark.places import read, stamp
from benchmark.records import Objects, Source

if TYPE_CHECKING:
    from benchmark.places import Place

CLASSES = 80
SLACK = 1.0
"""How far a box may lie outside its image, in px: COCO's are rounded."""


class COCO:
    """The photographs below `<data>/coco`.

    Raises:
        DataError: no folder, no annotations, or annotations that contradict themselves; with file and entry.
    """

    classes = CLASSES

    def __init__(self, data: Place | None) -> None:
        if data is None:
            raise DataError("no data folder: set UTILBENCH_DATA or --data to the folder that holds coco/")
        self.images = data / "coco" / "val2017"
        self.annotations = data / "coco" / "annotations" / "instances_val2017.json"
        for path in (self.images, self.annotations):
            if not path.exists():
                raise DataError(
                    f"COCO is missing: no {path}; get val2017.zip and annotations_trainval2017.zip from cocodataset.org "
                    "and unpack them into val2017/ and annotations/ there"
                )
        self.files, self.truths = self.read_annotations()

    def read_annotations(self) -> tuple[dict[str, Place], dict[str, Objects]]:
        """File and objects of every source id."""
        from pycocotools import coco

        try:
            with contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells of its progress
                listed = coco.COCO()
                listed.dataset = json.loads(read(self.annotations))
                listed.createIndex()
            check_annotations(listed.dataset, self.annotations)
        except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
            raise DataError(f"{self.annotations}: not COCO's format ({type(error).__name__}: {error})") from error
        kinds = {category: place for place, category in enumerate(sorted(listed.getCatIds()))}
        files, truths = {}, {}
        for number in sorted(listed.getImgIds()):
            image = listed.loadImgs(number)[0]
            some = listed.loadAnns(listed.getAnnIds(imgIds=number, iscrowd=None))
            corners = np.array([one["bbox"] for one in some], np.float64).reshape(-1, 4)
            corners[:, 2:] += corners[:, :2]
            path = self.images / image["file_name"]
            if isinstance(path, Path) and not path.is_file():  # at an address, each would take a request
                raise DataError(f"{self.annotations}: image {number}: no file {path}")
            files[path.stem] = path
            truths[path.stem] = Objects(
                boxes=corners,
                classes=np.array([kinds[one["category_id"]] for one in some], np.int64),
                crowd=np.array([one["iscrowd"] for one in some], bool),
                size=(image["height"], image["width"]),
            )
        return files, truths

    def signature(self) -> str:
        """Digest of the annotations, and of names, sizes and times of the photographs."""
        stamps = (f"{path.name} {stamp(path)}" for path in self.files.values())
        return digest("coco", read(self.annotations), *stamps)

    def sources(self) -> list[Source]:
        """All sources, without digests, by file name."""
        return [Source(id=name, truth=objects) for name, objects in sorted(self.truths.items())]

    def content(self, source: str) -> bytes:
        """The bytes that identify a source's content: its file and its objects."""
        objects = self.truths[source]
        told = [objects.boxes.tolist(), objects.classes.tolist(), objects.crowd.tolist()]
        return self.file_bytes(source) + json.dumps(told).encode()

    def file_bytes(self, source: str) -> bytes:
        """The photograph's file."""
        if source not in self.files:
            raise DataError(f"{self.annotations}: no source {source!r} there")
        return read(self.files[source])

    def read(self, source: str) -> Pixels:
        """Decode one photograph, uint8 RGB (H, W, 3).

        Raises:
            DataError: unreadable, or not of the size that the annotations say.
        """
        image = decode(self.file_bytes(source), str(self.files[source]))
        if image.shape[:2] != self.truths[source].size:
            raise DataError(
                f"{self.files[source]}: is {image.shape[:2]} px (height, width), {self.annotations} says "
                f"{self.truths[source].size}"
            )
        return image

    def bits(self, source: str) -> int:
        """Size of the photograph's file."""
        return 8 * len(self.file_bytes(source))


def check_annotations(table: dict[str, Any], path: Place) -> None:
    """Raise DataError at the first entry that contradicts another, KeyError or TypeError where one lacks something."""
    stems: dict[str, int] = {}
    for image in table["images"]:
        other = stems.setdefault(Path(image["file_name"]).stem, image["id"])
        if other != image["id"]:
            raise DataError(f"{path}: images {other} and {image['id']} have the same name; names identify sources")
    for key in ("images", "annotations", "categories"):
        seen: set[int] = set()
        for entry in table[key]:
            if entry["id"] in seen:
                raise DataError(f"{path}: {key}: the id {entry['id']} stands there twice")
            seen.add(entry["id"])
    categories = {entry["id"] for entry in table["categories"]}
    if len(categories) != CLASSES:
        raise DataError(f"{path}: has {len(categories)} categories; COCO has {CLASSES}")
    sizes = {entry["id"]: (entry["width"], entry["height"]) for entry in table["images"]}
    for entry in table["annotations"]:
        where = f"{path}: annotation {entry['id']}"
        if entry["category_id"] not in categories:
            raise DataError(f"{where}: unknown category {entry['category_id']}; valid are those of `categories`")
        if entry["image_id"] not in sizes:
            raise DataError(f"{where}: there is no image {entry['image_id']}")
        left, top, width, height = entry["bbox"]
        if entry["iscrowd"] not in (0, 1) or not np.isfinite(entry["bbox"]).all():
            raise DataError(
                f"{where}: iscrowd must be 0 or 1 and the box finite; they are {entry['iscrowd']}, {entry['bbox']}"
            )
        right, bottom = sizes[entry["image_id"]]
        if min(left, top) < -SLACK or left + width > right + SLACK or top + height > bottom + SLACK:
            raise DataError(f"{where}: box {entry['bbox']} lies outside its image of {right} x {bottom} px")
        if width <= 0 or height <= 0:
            raise DataError(f"{where}: box {entry['bbox']} has no area")
