"""Datasets by name: pristine images with ground truth, each with a stable id.

dataset = open_dataset({"name": "glyphs", "train": 4800, "test": 1200}, data=None)
sources = index(dataset, cache)                    # with digests of the contents
image = dataset.read(sources[0].id)                # uint8 (H, W, 3)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from benchmark.core.digests import digest
from benchmark.core.errors import BenchmarkError, DataError, SuiteError
from benchmark.core.images import Pixels, png_bits
from benchmark.core.json_cache import read_cached, write_cached
from benchmark.core.types import Objects, Source
from benchmark.plugins.datasets.coco import COCO
from benchmark.plugins.datasets.glyph_scenes import GlyphScenes
from benchmark.plugins.datasets.glyphs import Glyphs
from benchmark.plugins.datasets.imagenet import ImageNet
from benchmark.plugins.datasets.resized import OPTION, Resized, checked_side
from benchmark.plugins.registry import extensions, resolve

if TYPE_CHECKING:
    from benchmark.core.storage import Location


class Dataset(Protocol):
    """The interface of a dataset."""

    classes: int
    """Number of classes."""

    def signature(self) -> str:
        """A text that changes whenever a content may have changed; cheap to compute."""

    def sources(self) -> list[Source]:
        """All sources, without digests, always in the same order."""

    def content(self, source: str) -> bytes:
        """The bytes that identify the content of the source with this id."""

    def read(self, source: str) -> Pixels:
        """The pristine image with this id, uint8 RGB (H, W, 3)."""

    def bits(self, source: str) -> int:
        """The cost of sending the image, in bits: its file, or a PNG where it has none."""


class NoPhotographs:
    """Replaces a dataset whose photographs are not available when all that is needed of it is recorded."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def signature(self) -> str:
        """Raise DataError."""
        raise missing("photographs are")

    def sources(self) -> list[Source]:
        """Raise DataError."""
        raise missing("photographs are")

    def content(self, source: str) -> bytes:
        """Raise DataError."""
        raise missing(f"the photograph {source} is")

    def read(self, source: str) -> Pixels:
        """Raise DataError."""
        raise missing(f"the photograph {source} is")

    def bits(self, source: str) -> int:
        """Raise DataError."""
        raise missing(f"the photograph {source} is")


def missing(what: str) -> DataError:
    """The error of a dataset without photographs."""
    return DataError(f"{what} needed for this: set UTILBENCH_DATA or --data")


DATASETS: dict[str, Callable[[Location | None, dict[str, Any]], Dataset]] = {
    "glyphs": lambda data, options: Glyphs(**options),
    "glyph-scenes": lambda data, options: GlyphScenes(**options),
    "imagenet": lambda data, options: ImageNet(data, **options),
    "coco": lambda data, options: COCO(data, **options),
}


def open_dataset(choice: Mapping[str, Any], data: Location | None) -> Dataset:
    """The dataset that a suite's table `[dataset]` selects by its `name` and the dataset's options.

    Every dataset of classes has the option `short_side`, see `Resized`.

    Raises:
        SuiteError: there is no such dataset, it does not have an option, or an option has a wrong value.
        DataError: its photographs are missing.
    """
    options = dict(choice)
    name = options.pop("name")
    factory = resolve("datasets", name, DATASETS)
    if factory is None:
        raise SuiteError(f"unknown dataset {name!r}; valid are {', '.join([*DATASETS, *extensions('datasets')])}")
    short_side = checked_side(options.pop(OPTION), name) if OPTION in options else 0
    try:
        dataset: Dataset = factory(data, options)
        return Resized(dataset, short_side, name=name) if short_side else dataset
    except (TypeError, KeyError, ValueError) as error:
        raise SuiteError(f"dataset {name}: wrong options {options} ({type(error).__name__}: {error})") from error
    except Exception as error:
        if data is None or isinstance(data, Path) or isinstance(error, BenchmarkError):
            raise
        raise DataError(
            f"{data}: cannot be opened ({type(error).__name__}: {error})"
        ) from error  # an error of the file system


def index(dataset: Dataset, cache: Path) -> list[Source]:
    """All sources with their digests, which are cached under the dataset's signature."""
    cache_file = cache / "digests" / f"{dataset.signature()}.json"
    sources = dataset.sources()
    digests = read_cached(cache_file, dict[str, str])
    if digests is None or not digests.keys() >= {source.id for source in sources}:
        digests = {source.id: digest(dataset.content(source.id)) for source in sources}
        write_cached(cache_file, digests)
    return [dataclasses.replace(source, digest=digests[source.id]) for source in sources]


MARK = "~aug"
"""Separates a parent's id from the number of its augmented version."""


class Augmented:
    """A dataset with `copies` augmented versions of each of some sources (paper, section V).

    The pristine image is mirrored or not and cropped to 70 to 100 % of its area before it is compressed. A version's id is its
    parent's with `~aug1`, `~aug2`, ... appended, and its transform depends on that id alone.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.classes = dataset.classes

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
        return png_bits(self.read(source)) if MARK in source else self.dataset.bits(source)

    def read(self, source: str) -> Pixels:
        """The source or augmented version with this id, uint8 RGB (H, W, 3)."""
        parent, mark, _ = source.rpartition(MARK)
        return self.version(self.dataset.read(parent if mark else source), source)

    def version(self, photograph: Pixels, source: str) -> Pixels:
        """The image with this id, made from its photograph: the photograph itself or an augmented version."""
        return augment(photograph, source) if MARK in source else photograph


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
