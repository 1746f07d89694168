"""Datasets by name: pristine images with ground truth, each with a stable id.

dataset = open_dataset({"name": "glyphs", "train": 4800, "test": 1200}, data=None)
sources = index(dataset, cache)                    # with digests of the contents
image = dataset.read(sources[0].id)                # uint8 (H, W, 3)
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchmark.core.digests import digest
from benchmark.core.errors import ANY_ERROR, BenchmarkError, DataError, SuiteError
from benchmark.core.images import Pixels
from benchmark.core.json_cache import read_cached, write_cached
from benchmark.core.messages import cause
from benchmark.core.progress import show_progress
from benchmark.core.types import Source
from benchmark.plugins.datasets.augmented import Augmented as Augmented  # part of this interface
from benchmark.plugins.datasets.coco import COCO
from benchmark.plugins.datasets.folder import Folder
from benchmark.plugins.datasets.glyph_scenes import GlyphScenes
from benchmark.plugins.datasets.glyphs import Glyphs
from benchmark.plugins.datasets.imagenet import ImageNet
from benchmark.plugins.datasets.open_photographs import OpenPhotographs
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


logger = logging.getLogger(__name__)

DATASETS: dict[str, Callable[[Location | None, dict[str, Any]], Dataset]] = {
    "glyphs": lambda data, options: Glyphs(**options),
    "glyph-scenes": lambda data, options: GlyphScenes(**options),
    "imagenet": lambda data, options: ImageNet(data, **options),
    "coco": lambda data, options: COCO(data, **options),
    "open": lambda data, options: OpenPhotographs(data, **options),
    "folder": lambda data, options: Folder(data, **options),
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
        dataset: Dataset = factory(data, Options(name, options))
        return Resized(dataset, short_side, name=name) if short_side else dataset
    except BenchmarkError:
        raise
    except ANY_ERROR as error:  # each dataset and each file system has its own errors
        wrong = re.search(WRONG_OPTION, str(error)) if isinstance(error, TypeError) else None
        if wrong and (wrong["option"] is None or wrong["option"] in options):
            raise SuiteError(f"dataset {name}: wrong options {options} ({wrong[0]})") from error
        where = "" if data is None or isinstance(data, Path) else f" at {data}"
        raise DataError(f"dataset {name}{where}: cannot be opened ({cause(error)})") from error


WRONG_OPTION = r"got an unexpected keyword argument '(?P<option>\w+)'|missing \d+ required .*"
"""The words of Python's TypeError where a dataset is called with an option that it lacks, or without one that it needs."""


class Options(dict[str, Any]):
    """The options of a dataset as its suite gives them; a dataset that asks for one that is not given gets a SuiteError."""

    def __init__(self, dataset: str, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.dataset = dataset

    def __missing__(self, option: str) -> Any:
        """Raise SuiteError with the name of the option."""
        raise SuiteError(f"dataset {self.dataset}: wrong options {dict(self)} (lacks {option!r})")


READERS, SOURCES_TOGETHER, MANY = 8, 256, 1000
"""Threads that read photographs for their digests, which mostly wait where these lie at an address; sources of a batch; and the
number of them from which on progress is shown."""


def index(dataset: Dataset, cache: Path) -> list[Source]:
    """All sources with their digests, which are cached under the dataset's signature.

    Sources of the same content are marked as copies of the first, and told.

    Raises:
        DataError: photographs cannot be read; the message names all of them.
    """
    cache_file = cache / "digests" / f"{digest(dataset.signature())}.json"
    sources = dataset.sources()
    digests = read_cached(cache_file, dict[str, str])
    if digests is None or not digests.keys() >= {source.id for source in sources}:
        digests = read_digests(dataset, sources)
        write_cached(cache_file, digests)
    return with_copies([dataclasses.replace(source, digest=digests[source.id]) for source in sources])


def read_digests(dataset: Dataset, sources: list[Source]) -> dict[str, str]:
    """The digest of each source's content; raises one DataError of all that cannot be read."""

    def digest_of(source: Source) -> str | DataError:
        try:
            return digest(dataset.content(source.id))
        except DataError as error:
            return error

    digests: dict[str, str] = {}
    problems: list[str] = []
    progress = show_progress("indexing", len(sources), "photographs", least=MANY)
    with progress as advance, ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(sources), SOURCES_TOGETHER):
            batch = sources[start : start + SOURCES_TOGETHER]
            for source, content in zip(batch, pool.map(digest_of, batch), strict=True):
                if isinstance(content, DataError):
                    problems.append(str(content))
                else:
                    digests[source.id] = content
            advance(len(batch))
    if problems:
        raise DataError("; ".join(problems))
    return digests


def with_copies(sources: list[Source]) -> list[Source]:
    """The indexed sources, with copies of one photograph marked where the dataset has not marked them; tells their number."""
    first: dict[str, Source] = {}
    for source in sorted(sources, key=lambda source: source.id):
        first.setdefault(source.digest, source)
    marked = [
        source
        if source.copy_of or first[source.digest] is source
        else dataclasses.replace(source, copy_of=first[source.digest].group)
        for source in sources
    ]
    if copies := [source for source in marked if source.copy_of]:
        photographs = len({source.copy_of for source in copies})
        logger.warning(
            f"{len(copies)} sources are byte-identical copies of {photographs} others, such as {copies[0].id} of "
            f"{copies[0].copy_of}; each stays in one part with its original and counts with it as one photograph"
        )
    return marked
