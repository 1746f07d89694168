"""The records that travel between the rooms.

A Source is one pristine image with its ground truth. A Sample is what a predictor sees. An Example is a sample with the
answer, for predictors that learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

PRISTINE = -1
"""The level of the undistorted image, in every table that has a column `level`."""


@dataclass(frozen=True)
class Source:
    """One pristine image of a dataset."""

    id: str
    """Stable name, unique in its dataset."""
    truth: int
    """Index of the true class, from 0."""
    digest: str = ""
    """Digest of the content, 16 hexadecimal digits; empty until the dataset was indexed."""
    pool: str = ""
    """`train` or `test` where the dataset itself fixes the side of the split, else empty."""
    parent: str = ""
    """Id of the source that this one is an augmented version of, else empty."""

    @property
    def group(self) -> str:
        """Id of the cluster: all versions of one photograph share it."""
        return self.parent or self.id


@dataclass(frozen=True)
class Sample:
    """What a predictor sees of one image."""

    image: Tensor
    """The distorted image: uint8 RGB, shape (3, H, W), 0 to 255."""
    reference: Tensor | None = None
    """The pristine image, same shape; only for predictors that need `reference`."""
    bitstream: bytes | None = None
    """The encoded image; only for predictors that need `bitstream`."""


@dataclass(frozen=True)
class Example:
    """A sample and its answer, for training."""

    sample: Sample
    label: int
    """1 useful, 0 non-useful."""
    utility: float
    """Continuous utility (paper, Eq. 2), mean over the label set's networks, -1 to 1."""
    weight: float
    """Weight in a loss; with class weights the two classes sum to the same, and the mean is 1."""
    group: str
    """Id of the cluster; examples of one group are versions of one photograph."""
