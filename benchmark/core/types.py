"""The records that the packages exchange.

A Source is one pristine image with its ground truth. A Sample is the input of a predictor. An Example is a sample with its
label and utility, for predictors that learn.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.context import assert_spawning
from typing import TYPE_CHECKING, NamedTuple, overload
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


class Condition(NamedTuple):
    """One distortion at one level: that in which the images of one source differ.

    Examples:
        >>> f"{Condition('jpeg', 30)}, {PRISTINE}"
        'jpeg 30, pristine'
    """

    distortion: str
    """Name of the distortion, or `pristine`."""
    level: int

    def __str__(self) -> str:
        return self.distortion if self == PRISTINE else f"{self.distortion} {self.level}"


PRISTINE = Condition("pristine", -1)
"""The condition of the undistorted image, in every table of images."""
CONDITION = ("distortion", "level")
"""The columns that name the condition of an image."""
IMAGE = ("source", *CONDITION)
"""The columns that name an image, in every table that has a row for each."""


Image = tuple[str, str, int]
"""Source, distortion and level of an image: a row of the columns IMAGE."""


def image_name(source: str, distortion: str, level: int) -> str:
    """What messages call an image.

    Examples:
        >>> image_name("cat.jpg", "jpeg", 30)
        'cat.jpg, jpeg 30'
    """
    return f"{source}, {Condition(distortion, level)}"


@dataclass(frozen=True, eq=False)
class Objects:
    """The annotated objects of one image: ground truth for detection.

    Examples:
        >>> Objects(np.array([[2.0, 1.0, 6.0, 5.0]]), np.array([0]), crowd=np.array([False]), size=(8, 8)).boxes.shape
        (1, 4)
    """

    boxes: NDArray[np.float64]
    """Shape (G, 4): left, top, right, bottom, in px of the pristine image."""
    classes: NDArray[np.int64]
    """Index of each object's class, from 0; shape (G,)."""
    crowd: NDArray[np.bool_]
    """Whether a box stands for a group of objects, which COCO neither requires nor penalises; shape (G,)."""
    size: tuple[int, int]
    """Height and width of the image, in px."""


@dataclass(frozen=True, eq=False)
class Detections:
    """The detections of one image."""

    boxes: NDArray[np.float64]
    """Shape (D, 4): left, top, right, bottom, in px of the image."""
    scores: NDArray[np.float64]
    """Shape (D,), above 0."""
    classes: NDArray[np.int64]
    """Shape (D,), from 0."""

    def chosen(self, mask: NDArray[np.bool_]) -> Detections:
        """The detections where the mask is true."""
        return Detections(self.boxes[mask], self.scores[mask], self.classes[mask])


class Sizes(NamedTuple):
    """The sizes of an image, each height and width in px, which differ where a version has fewer pixels."""

    pristine: tuple[int, int]
    """Of the pristine image, in whose px boxes are."""
    shown: tuple[int, int]
    """Of the version that a network is shown."""


UNKNOWN = -1
"""The class of a photograph of which no class is known yet."""
CONSENSUS = "consensus"
"""The option `truth` of a dataset whose truth is what the labelling networks agree on."""
Truth = int | Objects
"""Ground truth of one image: the index of its class, from 0, or its objects."""


@dataclass(frozen=True)
class Source:
    """One pristine image of a dataset.

    Examples:
        >>> Source("cat-flipped", truth=3, parent="cat").group
        'cat'
    """

    id: str
    """Stable name, unique in its dataset."""
    truth: Truth
    """The true class, or the objects."""
    digest: str = ""
    """Digest of the content, 16 hexadecimal digits; empty until the dataset is indexed."""
    pool: str = ""
    """`train`, `validation` or `test` where the dataset itself defines the split, else empty."""
    parent: str = ""
    """Id of the source of which this is an augmented version, else empty."""
    copy_of: str = ""
    """Id of the first source of the same photograph, where several have it and this is not the first; else empty."""
    credit: str = ""
    """Author and licence that must be named where the image is shown, or empty."""

    @property
    def group(self) -> str:
        """Id of the cluster, which all versions and copies of one photograph share."""
        return self.copy_of or self.parent or self.id

    @property
    def known_class(self) -> str:
        """The class as text, on which outcomes of classification depend; empty where the truth are objects."""
        return str(self.truth) if isinstance(self.truth, int) else ""


@dataclass(frozen=True)
class Sample:
    """The input of a predictor for one image.

    Examples:
        >>> import torch
        >>> Sample(torch.zeros(3, 8, 8, dtype=torch.uint8)).image.shape
        torch.Size([3, 8, 8])
    """

    image: Tensor
    """The distorted image: uint8 RGB, shape (3, H, W), 0 to 255."""
    reference: Tensor | None = None
    """The pristine image, of the same shape; only for predictors that need `reference`, and not if images are smaller."""
    bitstream: bytes | None = None
    """The encoded image; only for predictors that need `bitstream`."""


@dataclass(frozen=True)
class Example:
    """A sample with its label and utility, for training.

    Examples:
        >>> import torch
        >>> sample = Sample(torch.zeros(3, 8, 8, dtype=torch.uint8))
        >>> Example(sample, label=1, utility=0.7, weight=1.0, group=0).label
        1
    """

    sample: Sample
    label: int
    """1 useful, 0 non-useful, -1 unlabelled; -1 occurs only for predictors that learn the utility."""
    utility: float
    """Continuous utility (paper, Eq. 2), mean over the label set's networks, -1 to 1; for predictors with the target `smr`, the
    satisfied machine ratio, 0 to 1."""
    weight: float
    """Weight in a loss, 1 on average; for predictors that learn labels, both classes have the same total weight."""
    group: int
    """Number of the cluster; the examples of one group are versions of one photograph."""


Maker = Callable[[Sequence[int]], list[Example]]
"""Makes the examples at these indices, in their order."""


def picked(items: Sequence[Example], indices: Sequence[int]) -> list[Example]:
    """The items at these indices."""
    return [items[index] for index in indices]


class Examples(Sequence[Example]):
    """Examples that are made when they are indexed, and not kept.

    They hold nothing from which sources, levels or other parts could be told: what makes them stands in a registry of this
    module, since a predictor has no business with it. That is a fence, not a wall, for code of one process can reach all of its
    memory; real isolation is a child process.

    Examples:
        >>> import torch
        >>> sample = Sample(torch.zeros(3, 8, 8, dtype=torch.uint8))
        >>> examples = Examples.of([Example(sample, label=1, utility=0.7, weight=1.0, group=4)])
        >>> len(examples), examples[0].label, examples.groups
        (1, 1, [4])
    """

    def __init__(self, make: Maker, weights: NDArray[np.float64], groups: Sequence[int]) -> None:
        _makers[self] = make
        self.weights = weights
        """Weight of each example, available without making it; shape (N,)."""
        self.groups = groups
        """Cluster of each of the N examples, a number that tells nothing else, available without making the example, so that
        batches can be arranged by photograph."""

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Examples:
        """Examples from a sequence that exists already."""
        weights = np.array([example.weight for example in examples])
        return cls(functools.partial(picked, examples), weights, [example.group for example in examples])

    def __len__(self) -> int:
        return len(self.weights)

    def __reduce__(self) -> tuple[type[Examples], tuple[Maker, NDArray[np.float64], Sequence[int]]]:
        """What makes them leaves the process only to a process that is being started, such as a worker of a DataLoader."""
        assert_spawning(self)
        return Examples, (_makers[self], self.weights, self.groups)

    def take(self, indices: Sequence[int]) -> list[Example]:
        """The examples at these indices, in their order; each photograph among them is read once."""
        return _makers[self](indices)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return self.take(range(*index.indices(len(self))))
        return self.take([range(len(self))[index]])[0]


_makers: WeakKeyDictionary[Examples, Maker] = WeakKeyDictionary()
