"""COCO (2017): photographs with boxed objects of 80 classes, in the layout of its archives.

    <data>/coco/val2017/*.jpg
    <data>/coco/annotations/instances_val2017.json

Classes are numbered from 0 in the order of COCO's category ids. Every image of the annotation file is a source, including
images without objects, whose detections count as false positives. Boxes are in px of the photograph as it is stored, without
the turn that its EXIF may ask for; the sizes in the annotations are checked against it when contents are first read. Files that
other tools write in COCO's format are read, too, see `coco_annotations`.
"""

from __future__ import annotations

import functools
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.digests import digest
from benchmark.core.errors import DataError
from benchmark.core.images import Pixels, decode, stored_size
from benchmark.core.photographs import find_photographs
from benchmark.core.storage import length, read, stamp
from benchmark.core.types import Objects, Source
from benchmark.plugins.datasets.coco_annotations import NAMES, is_crowd, plain_path, read_annotations, whole

if TYPE_CHECKING:
    from benchmark.core.storage import Location

logger = logging.getLogger(__name__)


class COCO:
    """The photographs below `<data>/coco`.

    Raises:
        DataError: the folder or the annotations are missing, or contradict themselves; the message names file and entry.
    """

    classes = len(NAMES)

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
        self.files: dict[str, Location] = {}
        self.truths: dict[str, Objects] = {}
        images, annotations, classes = read_annotations(self.annotations)
        listed = find_photographs(self.images) if isinstance(self.images, Path) else []
        by_name = {path.name: path for path in listed}
        for image in images:
            photograph = self.file(image.file_name, by_name)
            if photograph is None:
                raise DataError(f"{self.annotations}: image {whole(image.id)}: no file {self.images / image.file_name}")
            objects = annotations[whole(image.id)]
            corners = np.array([entry.bbox for entry in objects], np.float64).reshape(-1, 4)
            corners[:, 2:] += corners[:, :2]
            self.files[photograph.stem] = photograph
            self.truths[photograph.stem] = Objects(
                boxes=corners,
                classes=np.array([classes[whole(entry.category_id)] for entry in objects], np.int64),
                crowd=np.array([is_crowd(entry) for entry in objects], bool),
                size=(image.height, image.width),
            )
        if left_out := len(set(listed) - set(self.files.values())):
            logger.warning(f"{self.images}: {left_out} photographs are not in {self.annotations} and take no part")

    def file(self, file_name: str, by_name: dict[str, Path]) -> Location | None:
        """The file of an image, whose folder in the annotations may be that of another machine; None if there is none."""
        if not isinstance(self.images, Path):  # at an address, each check would take a request
            return self.images / file_name
        path = plain_path(file_name)
        inside = self.images / path
        if not path.is_absolute() and ".." not in path.parts and inside.is_file():
            return inside
        return by_name.get(path.name)

    def signature(self) -> str:
        """Digest of the annotations, and of the names, sizes and times of the photographs."""
        stamps = (f"{path.name} {stamp(path)}" for path in self.files.values())
        return digest("coco", read(self.annotations), *stamps)

    def sources(self) -> list[Source]:
        """All sources, without digests, by file name; photographs of the same bytes are copies of the first."""
        copies = self.copies
        return [
            Source(id=name, truth=objects, copy_of=copies.get(name, ""))
            for name, objects in sorted(self.truths.items())
        ]

    @functools.cached_property
    def copies(self) -> dict[str, str]:
        """The first source that has the same file as this one, by the ids of all but the first.

        Contents cannot tell, since they hold the objects, too. Only files of equal sizes are read.
        """
        sizes: dict[int, list[str]] = {}
        for name, path in sorted(self.files.items()):
            sizes.setdefault(length(path), []).append(name)
        alike = [name for names in sizes.values() if len(names) > 1 for name in names]
        first: dict[str, str] = {}
        owners = {name: first.setdefault(digest(read(self.files[name])), name) for name in alike}
        return {name: owner for name, owner in owners.items() if owner != name}

    def content(self, source: str) -> bytes:
        """The bytes that identify a source's content, which are its file and its objects.

        Raises:
            DataError: the photograph is unreadable, or its size differs from that in the annotations.
        """
        data, objects = self.file_bytes(source), self.truths[source]
        self.check_size(source, stored_size(data, str(self.files[source])))
        annotated = [objects.boxes.tolist(), objects.classes.tolist(), objects.crowd.tolist()]
        return data + json.dumps(annotated).encode()

    def check_size(self, source: str, size: tuple[int, int]) -> None:
        """Raise DataError unless a photograph has the size, height and width in px, that the annotations tell."""
        expected = self.truths[source].size
        if size != expected:
            turned = "; boxes are in px of the stored image, before its EXIF turns it" if size == expected[::-1] else ""
            raise DataError(
                f"{self.files[source]}: is {size} px (height, width), {self.annotations} says {expected}{turned}"
            )

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
        image = decode(self.file_bytes(source), str(self.files[source]), upright=False)
        self.check_size(source, (image.shape[0], image.shape[1]))
        return image

    def bits(self, source: str) -> int:
        """Size of the photograph's file."""
        return 8 * len(self.file_bytes(source))
