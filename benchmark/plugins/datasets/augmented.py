"""Augmented versions of photographs: mirrored or not, and cropped, before they are compressed (paper, section V)."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.digests import digest
from benchmark.core.images import Pixels, png_bits
from benchmark.core.types import Objects, Source

if TYPE_CHECKING:
    from benchmark.plugins.datasets import Dataset

MARK = "~aug"
"""Separates a parent's id from the number of its augmented version."""


class Augmented:
    """A dataset with `copies` augmented versions of each of some sources (paper, section V).

    The pristine image is mirrored or not and cropped to 70 to 100 % of its area before it is compressed. A version's id is its
    parent's with `~aug1`, `~aug2`, ... appended, and its transform depends on that id alone. A
    photograph may have such a name, too.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.classes = dataset.classes

    @functools.cached_property
    def marked_photographs(self) -> frozenset[str]:
        """The ids of photographs that look like those of augmented versions."""
        return frozenset(source.id for source in self.dataset.sources() if MARK in source.id)

    def is_version(self, source: str) -> bool:
        """Whether this is the id of an augmented version."""
        return MARK in source and source not in self.marked_photographs

    def versions(self, source: Source, copies: int) -> list[Source]:
        """The augmented versions of an indexed source; their digests follow from the parent's."""
        names = [f"{source.id}{MARK}{number}" for number in range(1, copies + 1)]
        return [
            dataclasses.replace(
                source,
                id=name,
                digest=digest("augmented 1", name, source.digest),
                parent=source.id,
                truth=source.truth if isinstance(source.truth, int) else moved(source.truth, name),
            )
            for name in names
        ]

    def bits(self, source: str) -> int:
        """The cost of sending the image, in bits: a PNG for an augmented version."""
        return png_bits(self.read(source)) if self.is_version(source) else self.dataset.bits(source)

    def read(self, source: str) -> Pixels:
        """The source or augmented version with this id, uint8 RGB (H, W, 3)."""
        parent = source.rpartition(MARK)[0] if self.is_version(source) else source
        return self.version(self.dataset.read(parent), source)

    def version(self, photograph: Pixels, source: str) -> Pixels:
        """The image with this id, made from its photograph: the photograph itself or an augmented version."""
        return augment(photograph, source) if self.is_version(source) else photograph


def view(name: str, size: tuple[int, int]) -> tuple[bool, int, int, int, int]:
    """Whether to mirror, and the crop's top, left, height and width, drawn for this name and an image of this size."""
    random = np.random.default_rng(int(digest("augment", name), 16))
    mirror, area, down, right = random.random(4)
    side = float(np.sqrt(0.7 + 0.3 * area))
    height, width = max(1, round(size[0] * side)), max(1, round(size[1] * side))
    return bool(mirror < 0.5), int(down * (size[0] - height + 1)), int(right * (size[1] - width + 1)), height, width


def augment(image: Pixels, name: str) -> Pixels:
    """Mirror and crop an image as drawn for this name."""
    mirror, top, left, height, width = view(name, image.shape[:2])
    crop = image[top : top + height, left : left + width]
    return np.ascontiguousarray(crop[:, ::-1] if mirror else crop)


def moved(objects: Objects, name: str) -> Objects:
    """The objects of an image after `augment`: boxes are cut at the edges, and dropped if less than a quarter is left."""
    mirror, top, left, height, width = view(name, objects.size)
    whole = objects.boxes - [left, top, left, top]
    cut = np.clip(whole, 0, [width, height, width, height])
    left_over = np.prod(cut[:, 2:] - cut[:, :2], axis=1) >= 0.25 * np.prod(whole[:, 2:] - whole[:, :2], axis=1)
    if mirror:
        cut = np.stack([width - cut[:, 2], cut[:, 1], width - cut[:, 0], cut[:, 3]], axis=1)
    return Objects(cut[left_over], objects.classes[left_over], objects.crowd[left_over], (height, width))
