"""Images of a suite as addresses that hold them, for pages of suites whose images may be published."""

from __future__ import annotations

import base64
import contextlib
import functools
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import PIL
import polars as pl

from benchmark.core import images, pictures
from benchmark.core.digests import digest
from benchmark.core.errors import BenchmarkError, DataError, FileError
from benchmark.core.images import Pixels, pixel_digest
from benchmark.core.json_cache import read_cached, write_cached
from benchmark.core.pictures import image_address
from benchmark.core.types import PRISTINE, Condition
from benchmark.evaluation.results import SuiteResults
from benchmark.labelling.recorded import read_outcomes_of
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.distortions import decoded, encoded, find_distortion

if TYPE_CHECKING:
    from benchmark.core.workspace import Workspace

logger = logging.getLogger(__name__)

SHOWN_AS_THEY_ARE = {"JPEG": "jpeg", "WEBP": "webp"}
"""Formats that every browser shows, whose bitstreams stand in a page themselves, and their media types."""
SMALL = 128
"""Longest side, in px, of images that stand in a page without loss and enlarged; others are WebP at quality 90."""
IN_MEMORY = 32
"""Number of photographs whose pixels are kept in memory, since several images are made of each."""
LARGEST = 640
"""Longest side of images in a page, in px; larger ones are reduced to it."""


@dataclass(frozen=True)
class Picture:
    """One image in a page."""

    address: str
    size: tuple[int, int]
    """Height and width in px at which it is shown."""
    bytes: int = 0
    """Length of the bitstream; 0 of a pristine image."""


@dataclass(frozen=True)
class KeptPicture:
    """A picture in the cache."""

    key: str
    picture: Picture


@functools.cache
def picture_code() -> tuple[bytes | str, ...]:
    """The version of Pillow, and the code that decodes images and makes pictures of them."""
    return PIL.__version__, *(Path(module).read_bytes() for module in (__file__, images.__file__, pictures.__file__))


class Photographs:
    """The photographs of a suite, pristine and distorted, as they were recorded."""

    def __init__(self, ranked: SuiteResults, dataset: Any, cache: Path | None) -> None:
        self.name, self.seed, self.dataset, self.cache = ranked.suite.folder, ranked.suite.split.seed, dataset, cache
        judged, _ = read_outcomes_of(ranked.home, "images", ranked.suite.task)
        self.recorded: dict[str, int] = dict(
            judged.filter(pl.col("level") == PRISTINE.level).select("source", "pixels").iter_rows()
        )
        self.credits: dict[str, str] = {member.id: member.credit for member in dataset.sources()}
        """Author and licence of each photograph, empty where none must be named."""
        self.read = functools.lru_cache(maxsize=IN_MEMORY)(self.read_pixels)
        self.picture = functools.cache(self.find_picture)

    def pristine(self, source: str) -> Picture:
        """A photograph before distortion."""
        return self.picture(source, PRISTINE)

    def distorted(self, source: str, condition: Condition) -> Picture:
        """A photograph at a condition."""
        return self.picture(source, condition)

    def find_picture(self, source: str, condition: Condition) -> Picture:
        """The picture that the cache keeps of an image, else a new one, which it keeps where that is possible."""
        image, key = digest(self.name, source, str(condition)), self.key(source, condition)
        path = self.cache and self.cache / "pictures" / f"{image}.json"
        with contextlib.suppress(FileError):
            if path and (kept := read_cached(path, KeptPicture)) and kept.key == key:
                return kept.picture
        picture = self.make_pristine(source) if condition == PRISTINE else self.make_distorted(source, condition)
        with contextlib.suppress(FileError):
            if path:
                write_cached(path, asdict(KeptPicture(key, picture)))
        return picture

    def key(self, source: str, condition: Condition) -> str:
        """Digest of what the picture of an image depends on: the photograph, the encoder, and the code that makes pictures."""
        encoder = "" if condition == PRISTINE else find_distortion(condition.distortion).encoder()
        pixels = str(self.recorded.get(source))
        return digest("picture 1", *picture_code(), pixels, source, str(condition), encoder, str(self.seed))

    def read_pixels(self, source: str) -> Pixels:
        """A photograph; raises DataError where its pixels are not those that were recorded."""
        image: Pixels = self.dataset.read(source)
        if int(pixel_digest(image), 16) != self.recorded.get(source):
            raise DataError(f"{source}: has other pixels than the photograph that was judged")
        return image

    def make_pristine(self, source: str) -> Picture:
        """A photograph before distortion."""
        image = self.read(source)
        return Picture(address(image), shown_size(image))

    def make_distorted(self, source: str, condition: Condition) -> Picture:
        """A photograph at a condition."""
        distortion = find_distortion(condition.distortion)
        bitstream = encoded(distortion, self.read(source), condition.level, source, seed=self.seed)
        image = decoded(distortion, bitstream, source)
        kind = SHOWN_AS_THEY_ARE.get(distortion.format) if max(image.shape[:2]) <= LARGEST else None
        encoded_address = f"data:image/{kind};base64,{base64.b64encode(bitstream).decode()}"
        return Picture(encoded_address if kind else address(image), shown_size(image), len(bitstream))


@functools.lru_cache(maxsize=8)  # the page of a suite and the index show the same ones
def photographs_of(ranked: SuiteResults, workspace: Workspace) -> Photographs | None:
    """The photographs of a suite; None where they may not be published, are not here, or were not recorded."""
    suite = ranked.suite
    if not suite.redistributable or not ranked.folder.sources.is_file():
        return None
    try:
        return Photographs(ranked, open_dataset(suite.dataset, workspace.data), workspace.cache)
    except BenchmarkError as error:
        logger.warning(f"{suite.folder}: no images are shown ({error})")
        return None


def address(image: Pixels) -> str:
    """An image as a data address: without loss where it is small."""
    if max(image.shape[:2]) <= SMALL:
        # The least effort gives a tenth more bytes in a 25th of the time.
        return image_address(image, SMALL, "WEBP", lossless=True, quality=0, method=0)
    return image_address(image, LARGEST, "WEBP", quality=90, method=2)


def shown_size(image: Pixels) -> tuple[int, int]:
    """Height and width at which an image is shown: twice its own where it is small."""
    height, width = image.shape[:2]
    factor = 2 if max(height, width) <= SMALL else min(1.0, LARGEST / max(height, width))
    return round(height * factor), round(width * factor)
