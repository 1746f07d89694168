"""The tables of pycocotools that hold the objects and detections of images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.core.types import Detections, Objects


def coco_tables(objects: Sequence[Objects], detections: Sequence[Detections], classes: int) -> tuple[object, object]:
    """Ground truth and detections as pycocotools' COCO objects; images and classes are numbered from 0.

    Examples:
        >>> import contextlib, io
        >>> with contextlib.redirect_stdout(io.StringIO()):
        ...     truth, found = coco_tables([], [], classes=2)
        >>> truth.getCatIds()
        [0, 1]
    """
    from pycocotools.coco import COCO

    truth, detected = COCO(), COCO()
    images = [
        {"id": index, "height": labelled.size[0], "width": labelled.size[1]} for index, labelled in enumerate(objects)
    ]
    categories = [{"id": number, "name": str(number)} for number in range(classes)]
    annotations = [
        annotation(image, box, int(kind)) | {"iscrowd": int(crowd)}
        for image, labelled in enumerate(objects)
        for box, kind, crowd in zip(labelled.boxes, labelled.classes, labelled.crowd, strict=True)
    ]
    results = [
        annotation(image, box, int(kind)) | {"score": float(score)}
        for image, answer in enumerate(detections)
        for box, kind, score in zip(answer.boxes, answer.classes, answer.scores, strict=True)
    ]
    for table, entries in ((truth, annotations), (detected, results)):
        numbered = [entry | {"id": number} for number, entry in enumerate(entries, start=1)]
        table.dataset = {"images": images, "categories": categories, "annotations": numbered}
        table.createIndex()
    return truth, detected


def annotation(image: int, box: NDArray[np.float64], kind: int) -> dict[str, object]:
    """One box in COCO's format.

    Examples:
        >>> annotation(0, np.array([1.0, 1.0, 4.0, 3.0]), kind=7)
        {'image_id': 0, 'category_id': 7, 'bbox': [1.0, 1.0, 3.0, 2.0], 'area': 6.0}
    """
    left, top, right, bottom = box.tolist()
    width, height = right - left, bottom - top
    return {"image_id": image, "category_id": kind, "bbox": [left, top, width, height], "area": width * height}
