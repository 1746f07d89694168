"""What a process with a stranger's predictor answers, and how samples are sent there.

Questions are pickled, since the child trusts its parent. Answers are not, since unpickling executes code: they are the records
below, as msgpack, and tensors in them are safetensors or plain buffers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmark.core.types import Example, Sample

if TYPE_CHECKING:
    from torch import Tensor

TITLES = {"load": "the import", "build": "the constructor"}
"""What a question runs, for messages, where that is no method of the same name."""
Packed = tuple[Any, ...]
"""A sample or an example as plain values and arrays."""


class Answer(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """Base of all answers."""


class Described(Answer, frozen=True):
    """The attributes of the class."""

    needs: tuple[str, ...]
    formats: tuple[str, ...]
    learns: bool
    target: str
    seeded: bool
    about: str
    """Its docstring, as one line."""


class Done(Answer, frozen=True):
    """The question has no other answer."""


class Fitted(Answer, frozen=True):
    """The end of a training."""

    notes: dict[str, Any]


class Scored(Answer, frozen=True):
    """Scores."""

    shape: tuple[int, ...]
    values: bytes
    """float64, in the order of the machine."""


class Stated(Answer, frozen=True):
    """The learned state."""

    tensors: bytes
    """The format of safetensors."""


class Requested(Answer, frozen=True):
    """A question back, while it is trained: examples are needed."""

    part: Literal[0, 1]
    """0 train, 1 validation."""
    indices: tuple[int, ...]


class Failed(Answer, frozen=True):
    """The stranger's code raised, or returned what is not valid."""

    problem: str


Answers = Described | Done | Fitted | Scored | Stated | Requested | Failed
ENCODER, DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Answers)


def packed(sample: Sample) -> Packed:
    """The fields of a sample without tensors, whose pickles are slow."""
    return (plane(sample.image), plane(sample.reference), sample.bitstream)


def unpacked(values: Packed) -> Sample:
    """The sample of these fields; its tensors have the strides of the original, on which the last digits of sums depend."""
    image, reference, bitstream = values
    return Sample(image=tensor(image), reference=tensor(reference), bitstream=bitstream)  # type: ignore[arg-type]


def packed_example(example: Example) -> Packed:
    """The fields of an example."""
    return (packed(example.sample), example.label, example.utility, example.weight, example.group)


def unpacked_example(values: Packed) -> Example:
    """The example of these fields."""
    sample, *others = values
    return Example(unpacked(sample), *others)


def plane(image: Tensor | None) -> tuple[NDArray[np.uint8], bool] | None:
    """An image (3, H, W) as a contiguous array, and whether that is (H, W, 3), as decoders give it."""
    if image is None:
        return None
    last = image.permute(1, 2, 0)
    return (last.numpy(), True) if last.is_contiguous() else (image.numpy(), False)


def tensor(values: tuple[NDArray[np.uint8], bool] | None) -> Tensor | None:
    """The image (3, H, W) of such an array."""
    import torch

    if values is None:
        return None
    array, last = values
    return torch.from_numpy(array).permute(2, 0, 1) if last else torch.from_numpy(array)


def images(samples: Sequence[Sample]) -> list[Tensor]:
    """All images of samples, pristine ones included."""
    return [image for sample in samples for image in (sample.image, sample.reference) if image is not None]
