"""Names of classes: ImageNet's 1,000 as torchvision has them and by WordNet id, COCO's 80, and the embedded letters."""

from __future__ import annotations

import functools
from pathlib import Path

from benchmark.plugins.datasets.coco_annotations import NAMES
from benchmark.plugins.datasets.glyphs import LETTERS
from benchmark.plugins.datasets.imagenet import WNIDS

IMAGENET_NAMES = Path(__file__).parent / "imagenet_names.txt"
"""Names of ImageNet's classes, a line each, as torchvision 0.29 has them, which takes seconds to be imported."""


@functools.cache
def class_names(count: int) -> tuple[str, ...]:
    """The names of the classes of networks that have so many; numbers where it is neither ImageNet's nor COCO's number.

    Examples:
        >>> class_names(80)[0], class_names(1000)[0], class_names(2)
        ('person', 'tench', ('0', '1'))
    """
    imagenet = tuple(IMAGENET_NAMES.read_text().splitlines())
    named = {len(NAMES): NAMES, len(imagenet): imagenet}
    return named.get(count) or tuple(map(str, range(count)))


def dataset_class_names(dataset: str, count: int) -> tuple[str, ...]:
    """The names of the classes that networks of a dataset distinguish: those of the letters are their own.

    Examples:
        >>> dataset_class_names("glyphs", 11)[9:]
        ('X', 'none')
    """
    return (*LETTERS, "none") if dataset == "glyphs" else class_names(count)


@functools.cache
def class_numbers() -> dict[str, int]:
    """The number of each of ImageNet's classes, from 0, by WordNet id and by name.

    Examples:
        >>> class_numbers()["n01440764"], class_numbers()["goldfish"]
        (0, 1)
    """
    wnids = WNIDS.read_text().split()
    return {name: number for names in (class_names(len(wnids)), wnids) for number, name in enumerate(names)}
