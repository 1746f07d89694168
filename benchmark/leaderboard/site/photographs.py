"""Images of a suite as addresses that hold them, for pages of suites whose images may be published."""

from __future__ import annotations

import base64
import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.core.images import Pixels
from benchmark.core.types import Condition
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.distortions import decoded, encoded, find_distortion
from benchmark.suites.spec import Suite

if TYPE_CHECKING:
    from benchmark.core.storage import Location

logger = logging.getLogger(__name__)

SHOWN_AS_THEY_ARE = {"JPEG": "jpeg", "WEBP": "webp"}
"""Formats that every browser shows, whose bitstreams stand in a page themselves, and their media types."""
LOSSLESS_SIDE = 128
"""Longest side, in px, of images that stand in a page without loss; larger ones are WebP at quality 90."""


@dataclass(frozen=True)
class Picture:
    """One image in a page."""

    address: str
    size: tuple[int, int]
    """Height and width in px, enlarged where it is small."""
    bytes: int = 0
    """Length of the bitstream; 0 of a pristine image."""


class Photographs:
    """The photographs of a suite, pristine and distorted."""

    def __init__(self, suite: Suite, dataset: Any) -> None:
        self.seed, self.dataset = suite.split.seed, dataset
        self.credits: dict[str, str] = {member.id: member.credit for member in dataset.sources()}
        """Author and licence of each photograph, empty where none must be named."""

    def pristine(self, source: str) -> Picture:
        """A photograph as it is."""
        image = self.dataset.read(source)
        return Picture(address(image), enlarged(image))

    def distorted(self, source: str, condition: Condition) -> Picture:
        """A photograph at a condition."""
        distortion = find_distortion(condition.distortion)
        bitstream = encoded(distortion, self.dataset.read(source), condition.level, source, seed=self.seed)
        image = decoded(distortion, bitstream, source)
        kind = SHOWN_AS_THEY_ARE.get(distortion.format)
        text = data_address(bitstream, kind) if kind else address(image)
        return Picture(text, enlarged(image), len(bitstream))


def photographs_of(suite: Suite, data: Location | None) -> Photographs | None:
    """The photographs of a suite; None where they may not be published, or are not here."""
    if not suite.redistributable:
        return None
    try:
        return Photographs(suite, open_dataset(suite.dataset, data))
    except DataError as error:
        logger.warning(f"{suite.folder}: no images are shown ({error})")
        return None


def address(image: Pixels) -> str:
    """An image as a data address: without loss where it is small."""
    buffer, small = io.BytesIO(), max(image.shape[:2]) <= LOSSLESS_SIDE
    Image.fromarray(image).save(buffer, "WEBP", lossless=small, quality=90)
    return data_address(buffer.getvalue(), "webp")


def data_address(content: bytes, kind: str) -> str:
    """An encoded image as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def enlarged(image: Pixels) -> tuple[int, int]:
    """Height and width at which an image is shown: twice its own where it is small."""
    factor = 2 if max(image.shape[:2]) <= LOSSLESS_SIDE else 1
    height, width = (np.array(image.shape[:2]) * factor).tolist()
    return height, width
