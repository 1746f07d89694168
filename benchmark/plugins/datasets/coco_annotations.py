"""COCO's annotation files, as COCO, Label Studio, CVAT, Roboflow, FiftyOne and Ultralytics write them.

    images      id, file_name, width, height
    categories  id, name
    annotations image_id, category_id, bbox (left, top, width, height in px of the stored image); id, iscrowd (0)

Ids may be whole numbers, as integers, floats or texts, or other texts. Categories are matched by their names to COCO's 80, so
that it does not matter how a file numbers them; names differ neither by case nor by `_` or `-` for a blank.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from benchmark.core.errors import DataError
from benchmark.core.storage import read

if TYPE_CHECKING:
    from benchmark.core.storage import Location

NAMES = tuple(Path(__file__).with_name("coco_names.txt").read_text(encoding="utf-8").splitlines())
"""COCO's 80 categories in the order of their ids, which is that of the networks' classes."""
SLACK = 1.0
"""Distance in px by which a box may exceed its image, since COCO's boxes are rounded."""

logger = logging.getLogger(__name__)

Id = int | float | str


class Image(msgspec.Struct, frozen=True):
    """One photograph."""

    id: Id
    file_name: str
    width: int
    height: int


class Category(msgspec.Struct, frozen=True):
    """One kind of objects."""

    id: Id
    name: str


class Annotation(msgspec.Struct, frozen=True):
    """One object in a photograph."""

    image_id: Id
    category_id: Id
    bbox: tuple[float, float, float, float]
    """Left, top, width and height, in px."""
    id: Id | None = None
    iscrowd: bool | float | str | None = None
    """Whether the box stands for a group; 0, 1 or missing."""


class Table(msgspec.Struct, frozen=True):
    """An annotation file."""

    images: list[Image]
    categories: list[Category]
    annotations: list[Annotation]


def read_annotations(path: Location) -> tuple[list[Image], dict[int | str, list[Annotation]], dict[int | str, int]]:
    """The images of a file in the order of their ids, the annotations by image id, and the classes by category id.

    Raises:
        DataError: the file is not COCO's format, a category is none of the 80, or an entry contradicts another; the message
            names file and entry.
    """
    try:
        table = msgspec.convert(json.loads(read(path)), Table, strict=False)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise DataError(f"{path}: not COCO's format ({error})") from error
    images, categories = by_id(table.images, "images", path), by_id(table.categories, "categories", path)
    by_id((entry for entry in table.annotations if entry.id is not None), "annotations", path)
    check_names(images, path)
    annotations: dict[int | str, list[Annotation]] = {number: [] for number in images}
    for position, entry in enumerate(table.annotations):
        where = f"{path}: annotation {position if entry.id is None else whole(entry.id)}"
        if whole(entry.category_id) not in categories:
            raise DataError(f"{where}: unknown category {entry.category_id}; valid are those of `categories`")
        if whole(entry.image_id) not in images:
            raise DataError(f"{where}: there is no image {entry.image_id}")
        check_object(entry, images[whole(entry.image_id)], where)
        annotations[whole(entry.image_id)].append(entry)
    ordered = [images[number] for number in sorted(images, key=lambda number: (isinstance(number, str), number))]
    used = {whole(entry.category_id) for entry in table.annotations}
    return ordered, annotations, classes(categories, used, path)


def whole(value: Id) -> int | str:
    """An id as an integer where it is a whole number, however it is written; else as the text that it is.

    Examples:
        >>> whole(7), whole(7.0), whole("007"), whole("7.0"), whole("a7")
        (7, 7, 7, 7, 'a7')
    """
    if isinstance(value, str):
        return int(float(value)) if re.fullmatch(r"\d{1,15}(\.0*)?", value, re.ASCII) else value
    return int(value) if math.isfinite(value) and value == int(value) else str(value)


def by_id(entries: Iterable[Any], key: str, path: Location) -> dict[int | str, Any]:
    """The entries of one list by their ids; raises DataError where an id stands there twice."""
    entry_of: dict[int | str, Any] = {}
    for entry in entries:
        number = whole(entry.id)
        if number in entry_of:
            raise DataError(f"{path}: {key}: the id {number} stands there twice")
        entry_of[number] = entry
    return entry_of


def check_names(images: dict[int | str, Image], path: Location) -> None:
    """Raise DataError where two images would be sources of one name, or an image has no area."""
    stems: dict[str, int | str] = {}
    for number, image in images.items():
        if min(image.width, image.height) < 1:
            raise DataError(f"{path}: image {number}: is {image.width} x {image.height} px; sides are at least 1 px")
        first = stems.setdefault(plain_path(image.file_name).stem, number)
        if first != number:
            raise DataError(f"{path}: images {first} and {number} have the same name; names identify sources")


def plain_path(file_name: str) -> Path:
    """The path of a file name, which Windows' tools write with backslashes."""
    return Path(file_name.replace("\\", "/"))


def is_crowd(entry: Annotation) -> bool:
    """Whether an annotation's box stands for a group of objects; where the file does not say, it does not."""
    return entry.iscrowd not in (None, 0, "0")


def check_object(entry: Annotation, image: Image, where: str) -> None:
    """Raise DataError unless an annotation's box lies in its image and has an area."""
    left, top, width, height = entry.bbox
    box = [int(value) if value == int(value) else value for value in entry.bbox] if finite(entry.bbox) else entry.bbox
    if entry.iscrowd not in (None, 0, 1, "0", "1") or not finite(entry.bbox):
        raise DataError(f"{where}: iscrowd must be 0 or 1 and the box finite; they are {entry.iscrowd}, {box}")
    if min(left, top) < -SLACK or left + width > image.width + SLACK or top + height > image.height + SLACK:
        raise DataError(f"{where}: box {box} lies outside its image of {image.width} x {image.height} px")
    if width <= 0 or height <= 0:
        raise DataError(f"{where}: box {box} has no area")


def finite(values: Iterable[float]) -> bool:
    """Whether all values are finite."""
    return all(map(math.isfinite, values))


def classes(categories: dict[int | str, Category], used: set[int | str], path: Location) -> dict[int | str, int]:
    """The class, from 0, of each category's id, by its name; a category without objects may have any name.

    Raises:
        DataError: objects are of categories that are none of the 80; the message lists them and all valid names.
    """
    index = {plain_name(name): number for number, name in enumerate(NAMES)}
    unknown = [
        entry.name for number, entry in categories.items() if number in used and plain_name(entry.name) not in index
    ]
    if unknown:
        raise DataError(
            f"{path}: unknown categories {', '.join(map(repr, unknown))}; the networks know {len(NAMES)}, matched by name: "
            f"{', '.join(NAMES)}"
        )
    class_of = {
        number: index[name] for number, entry in categories.items() if (name := plain_name(entry.name)) in index
    }
    if (count := len(set(class_of.values()))) < len(NAMES):
        logger.warning(
            f"{path}: has {count} of the networks' {len(NAMES)} categories; no object there is of the others"
        )
    return class_of


def plain_name(name: str) -> str:
    """A category's name without differences of case, underscores and hyphens.

    Examples:
        >>> plain_name("Traffic_Light ")
        'traffic light'
    """
    return " ".join(re.split(r"[\s_-]+", name.strip().casefold()))
