"""A dataset whose images are brought to one short side before anything else happens, so that their size is no cue.

    [dataset]
    name = "imagenet"
    short_side = 256          # px

Any dataset that has classes as its ground truth takes the option. The resized image is then the pristine one: it is compressed,
serves as the reference, and is what the networks see uncompressed. Ids and classes, and so the parts of a suite, stay the same;
digests of the contents differ from those of the photographs and of every other short side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmark.core.digests import digest
from benchmark.core.errors import DataError, SuiteError
from benchmark.core.images import Pixels, png_bits, with_short_side
from benchmark.core.types import Objects, Source

if TYPE_CHECKING:
    from benchmark.plugins.datasets import Dataset

OPTION = "short_side"
VALID = range(32, 4097)
"""Short sides that the option may have, in px."""
LARGEST = 2**27
"""Largest number of px of a resized image; it takes 384 MiB."""
METHOD = "bicubic 1"
"""Name of the way in which images are resized; other pixels need another name, since it is part of every digest."""


def checked_side(value: Any, name: str) -> int:
    """The value of the option of the dataset with this name, in px.

    Raises:
        SuiteError: it is not a whole number in `VALID`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value not in VALID:
        raise SuiteError(
            f"dataset {name}: {OPTION} is {value!r}; valid are whole numbers from {VALID[0]} to {VALID[-1]}, in px"
        )
    return value


class Resized:
    """A dataset of classes with all images resized to one short side; smaller ones are enlarged.

    Raises:
        SuiteError: the ground truth consists of boxes, which are in px of the original image.
    """

    def __init__(self, dataset: Dataset, short_side: int, *, name: str) -> None:
        if any(isinstance(source.truth, Objects) for source in dataset.sources()[:1]):
            raise SuiteError(
                f"dataset {name}: has no option {OPTION}, since its boxes are in px of the original image; "
                "only datasets of classes have it"
            )
        self.dataset = dataset
        self.short_side = short_side
        self.classes = dataset.classes
        self.key = f"{OPTION} {short_side} {METHOD}"

    def signature(self) -> str:
        """Digest of the short side and of the signature of the original dataset."""
        return digest(self.key, self.dataset.signature())

    def sources(self) -> list[Source]:
        """All sources, which are those of the original dataset."""
        return self.dataset.sources()

    def content(self, source: str) -> bytes:
        """The short side in words, then the content of the original."""
        return self.key.encode() + b"\n" + self.dataset.content(source)

    def read(self, source: str) -> Pixels:
        """The resized image with this id, uint8 RGB (H, W, 3).

        Raises:
            DataError: the photograph is unreadable, or so long that the resized image would have more than LARGEST px.
        """
        image = self.dataset.read(source)
        height, width = image.shape[:2]
        if self.short_side**2 * max(height, width) > LARGEST * min(height, width):
            raise DataError(
                f"{source}: is {width} x {height} px, too long for {OPTION} = {self.short_side}; resized it would have more "
                f"than {LARGEST} px"
            )
        return with_short_side(image, self.short_side)

    def bits(self, source: str) -> int:
        """Size of the resized image as a PNG, since the original's file is of another image."""
        return png_bits(self.read(source))
