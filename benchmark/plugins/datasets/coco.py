"""COCO (2017): photographs with boxed objects of 80 classes, in the layout of its archives.

    <data>/coco/val2017/*.jpg
    <data>/coco/annotations/instances_val2017.json

Classes are numbered from 0 in the order of their category ids. Every image of the annotation file is a source, including images
without objects, whose detections count as false positives.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.core.digests import digest
from benchmark.core.errors import DataError
from benchmark.core.images import Pixels, decode
from benchmark.core.storage import read, stamp
from benchmark.core.types import Objects, Source

if TYPE_CHECKING:
    from benchmark.core.storage import Location

CLASSES = 80
SLACK = 1.0
"""Distance in px by which a box may exceed its image, since COCO's boxes are rounded."""


class COCO:
    """The photographs below `<data>/coco`.

    Raises:
        DataError: the folder or the annotations are missing, or contradict themselves; the message names file and entry.
    """

    classes = CLASSES

    def __init__(self, data: Location | None) -> None:
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

    def read_annotations(self) -> tuple[dict[str, Location], dict[str, Objects]]:
        """The file and the objects of every source id."""
        from pycocotools import coco

        try:
            with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
                listed = coco.COCO()
                listed.dataset = json.loads(read(self.annotations))
                listed.createIndex()
            check_annotations(listed.dataset, self.annotations)
        except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
            raise DataError(f"{self.annotations}: not COCO's format ({type(error).__name__}: {error})") from error
        kinds = {category: index for index, category in enumerate(sorted(listed.getCatIds()))}
        files, truths = {}, {}
        for number in sorted(listed.getImgIds()):
            image = listed.loadImgs(number)[0]
            annotations = listed.loadAnns(listed.getAnnIds(imgIds=number, iscrowd=None))
            corners = np.array([entry["bbox"] for entry in annotations], np.float64).reshape(-1, 4)
            corners[:, 2:] += corners[:, :2]
            path = self.images / image["file_name"]
            if isinstance(path, Path) and not path.is_file():  # at an address, each check would take a request
                raise DataError(f"{self.annotations}: image {number}: no file {path}")
            files[path.stem] = path
            truths[path.stem] = Objects(
                boxes=corners,
                classes=np.array([kinds[entry["category_id"]] for entry in annotations], np.int64),
                crowd=np.array([entry["iscrowd"] for entry in annotations], bool),
                size=(image["height"], image["width"]),
            )
        return files, truths

    def signature(self) -> str:
        """Digest of the annotations, and of the names, sizes and times of the photographs."""
        stamps = (f"{path.name} {stamp(path)}" for path in self.files.values())
        return digest("coco", read(self.annotations), *stamps)

    def sources(self) -> list[Source]:
        """All sources, without digests, by file name."""
        return [Source(id=name, truth=objects) for name, objects in sorted(self.truths.items())]

    def content(self, source: str) -> bytes:
        """The bytes that identify a source's content, which are its file and its objects."""
        objects = self.truths[source]
        annotated = [objects.boxes.tolist(), objects.classes.tolist(), objects.crowd.tolist()]
        return self.file_bytes(source) + json.dumps(annotated).encode()

    def file_bytes(self, source: str) -> bytes:
        """The bytes of the photograph's file."""
        if source not in self.files:
            raise DataError(f"{self.annotations}: no source {source!r} there")
        return read(self.files[source])

    def read(self, source: str) -> Pixels:
        """Decode one photograph, uint8 RGB (H, W, 3).

        Raises:
            DataError: the photograph is unreadable, or its size differs from that in the annotations.
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


def check_annotations(table: dict[str, Any], path: Location) -> None:
    """Raise DataError at the first entry that contradicts another, KeyError or TypeError where an entry is incomplete."""
    stems: dict[str, int] = {}
    for image in table["images"]:
        first = stems.setdefault(Path(image["file_name"]).stem, image["id"])
        if first != image["id"]:
            raise DataError(f"{path}: images {first} and {image['id']} have the same name; names identify sources")
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
