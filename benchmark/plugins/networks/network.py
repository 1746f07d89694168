"""A network is a pinned pretrained model for one task, with its own preprocessing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import torch

from benchmark.core.devices import to_device
from benchmark.plugins.networks.answers import check_classification, check_detections, wrong_answers_named

if TYPE_CHECKING:
    from torch import Tensor, nn


LONGEST = 16
"""Largest ratio of the sides of an image that is resized as a whole: one of 2 x 6,000 px would become 768,000 px long."""


def middle(image: Tensor) -> Tensor:
    """The middle part of an image (3, H, W), LONGEST times as long as wide or one px more; all of a shorter one.

    As much is cut off at either end, so that the middle stays where it was.

    Examples:
        >>> middle(torch.zeros(3, 2, 6000)).shape, middle(torch.zeros(3, 20, 300)).shape
        (torch.Size([3, 2, 32]), torch.Size([3, 20, 300]))
    """
    height, width = image.shape[1:]
    most = LONGEST * min(height, width)
    top, left = (max(0, (length - most) // 2) for length in (height, width))
    return image[:, top : height - top, left : width - left]


@dataclass(frozen=True)
class Preprocessing:
    """Resize the short side, crop the centre and normalise. Equal preprocessings are computed once for several networks.

    Examples:
        >>> preprocessing = Preprocessing(resize=256, crop=224)
        >>> preprocessing.square(torch.zeros(3, 300, 400, dtype=torch.uint8)).shape
        torch.Size([3, 224, 224])
    """

    resize: int
    """Length of the short side after resizing, in px."""
    crop: int
    """Side of the square that is kept, in px."""
    _: KW_ONLY
    interpolation: str = "bilinear"
    """`bilinear` or `bicubic`, antialiased, or `nearest`."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted from RGB in 0..1."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides what remains."""
    stretch: bool = False
    """Whether both sides become `resize` long, whatever the proportions of the image were."""

    def square(self, image: Tensor) -> Tensor:
        """uint8 (3, H, W) -> uint8 (3, crop, crop).

        Of an image that is more than LONGEST times as long as it is wide, the middle alone is resized, which holds the square.
        """
        from torchvision.transforms import InterpolationMode  # slow to import; who judges by outcomes does not need it
        from torchvision.transforms.v2 import functional

        image = image if self.stretch else middle(image)
        sides = [self.resize] * (2 if self.stretch else 1)
        if min(image.shape[1:]) != self.resize or (self.stretch and max(image.shape[1:]) != self.resize):
            mode = InterpolationMode(self.interpolation)
            image = functional.resize(image, sides, interpolation=mode, antialias=True)
        return functional.center_crop(image, [self.crop, self.crop])

    def normalise(self, squares: Sequence[Tensor], device: str) -> Tensor:
        """N times uint8 (3, S, S) -> float32 (N, 3, S, S) on the device, channels last."""
        batch = to_device(torch.stack([square.permute(1, 2, 0) for square in squares]), device).to(torch.float32)
        # One row of pixels at a time is ten times as fast as one pixel at a time.
        mean, std = (torch.tensor(values, device=device).mul(255).repeat(self.crop) for values in (self.mean, self.std))
        batch.view(-1, 3 * self.crop).sub_(mean).div_(std)
        return batch.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Letterbox:
    """Put the whole image onto a square, for detectors of fixed input size."""

    side: int
    """Side of the square, in px."""
    _: KW_ONLY
    letterbox: str = ""
    """If empty, the image is stretched; if `corner` or `centre`, it keeps its proportions and is placed there."""
    grey: int = 0
    """Grey level of the area that the image leaves free, 0 to 255."""

    def extent(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Where an image of this height and width lies on the square: top, left, height, width, in px."""
        if not self.letterbox:
            return 0, 0, self.side, self.side
        scale = self.side / max(size)
        height, width = (max(1, round(length * scale)) for length in size)
        if self.letterbox == "corner":
            return 0, 0, height, width
        return (self.side - height) // 2, (self.side - width) // 2, height, width

    def square(self, image: Tensor) -> Tensor:
        """uint8 (3, H, W) -> uint8 (3, side, side)."""
        from torchvision.transforms.v2 import functional

        top, left, height, width = self.extent((image.shape[1], image.shape[2]))
        small = functional.resize(image, [height, width], antialias=True)
        rest = [left, top, self.side - left - width, self.side - top - height]
        return functional.pad(small, rest, fill=[float(self.grey)] * 3)

    def normalise(self, squares: Sequence[Tensor], device: str) -> Tensor:
        """N times uint8 (3, side, side) -> float32 (N, 3, side, side) in 0..1 on the device."""
        return to_device(torch.stack(list(squares)), device).float().div_(255)

    def frames(self, prepared: Tensor) -> list[tuple[float, float]]:
        """Width and height of each of N prepared images, in the unit of boxes: 1, since boxes are in 0..1 of the square."""
        return [(1.0, 1.0)] * len(prepared)

    def locate(self, boxes: Tensor, size: tuple[int, int], shown: tuple[int, int]) -> Tensor:
        """Boxes (D, 4) in 0..1 of the square -> in px of an image of this height and width; they may exceed it.

        `shown` is height and width of the image that was put onto the square, which may be smaller.
        """
        top, left, height, width = self.extent(shown)
        scale = torch.tensor([size[1] / width, size[0] / height] * 2)
        return (boxes * self.side - torch.tensor([left, top] * 2)) * scale


@dataclass(frozen=True)
class NoResize:
    """Leave the image at its size, for detectors that resize by themselves, as torchvision's do."""

    def square(self, image: Tensor) -> Tensor:
        """The image itself, uint8 (3, H, W)."""
        return image

    def normalise(self, squares: Sequence[Tensor], device: str) -> list[Tensor]:
        """N times uint8 (3, H, W) -> N times float32 (3, H, W) in 0..1 on the device."""
        return [to_device(image, device).float().div_(255) for image in squares]

    def frames(self, prepared: Sequence[Tensor]) -> list[tuple[float, float]]:
        """Width and height of each of N prepared images, in px, as boxes are."""
        return [(image.shape[2], image.shape[1]) for image in prepared]

    def locate(self, boxes: Tensor, size: tuple[int, int], shown: tuple[int, int]) -> Tensor:
        """Boxes (D, 4) in px of the image that was shown -> in px of an image of this height and width."""
        return boxes * torch.tensor([size[1] / shown[1], size[0] / shown[0]] * 2)


@dataclass(frozen=True)
class Network:
    """One loaded network."""

    name: str
    """`source:model`, as suites write it."""
    classes: int
    """Number of its classes."""
    preprocessing: Preprocessing | Letterbox | NoResize
    """Turns an image into the network's input."""
    weights: str
    """Digest of the weights, 16 hexadecimal digits."""
    _: KW_ONLY
    logits: bool
    """True where answers are logits, False where they are probabilities or detections."""
    forward: Callable[[Any], Any]
    """Maps the result of `preprocessing.normalise` to N answers. A classifier returns float32 (N, classes). A detector returns
    a list of N (boxes (D, 4), as `preprocessing.locate` takes them, scores (D,), classes (D,) from 0), by falling score."""
    module: nn.Module | None = None
    """The module behind `forward`, or None where there is no torch module."""
    task: str = "classification"
    """`classification` or `detection`."""

    def prepared(self, images: Sequence[Tensor], device: str) -> Any:
        """The input of `forward` for uint8 RGB images (3, H, W) of any size."""
        return self.preprocessing.normalise([self.preprocessing.square(image) for image in images], device)

    def answer(self, images: Sequence[Tensor], device: str) -> Any:
        """The answers for uint8 RGB images (3, H, W) of any size, see `ask`."""
        names = [f"image {number} of {len(images)}" for number in range(1, len(images) + 1)]
        return self.ask(self.prepared(images, device), names)

    def ask(self, prepared: Any, photographs: Sequence[str], *, forward: Callable[[Any], Any] | None = None) -> Any:
        """The answers to a prepared batch, checked.

        Args:
            prepared: N images as `preprocessing.normalise` gives them.
            photographs: what to call each of them in messages.
            forward: computes the answers instead of the network's own forward, such as compiled code.

        Raises:
            NetworkError: the forward fails, or an answer has another shape or another range than `forward` says; the message
                names the network and the photograph.
        """
        with wrong_answers_named(self.name, photographs):
            answers = (forward or self.forward)(prepared)
            if isinstance(self.preprocessing, Preprocessing):
                check_classification(answers, len(photographs), self.classes, logits=self.logits)
            else:
                check_detections(answers, self.preprocessing.frames(prepared), self.classes)
        return answers


def from_module(
    name: str, module: nn.Module, classes: int, preprocessing: Preprocessing, weights: str, *, device: str
) -> Network:
    """A network around a classifier module, in evaluation mode on the device, channels last.

    Examples:
        >>> network = from_module("mine:flat", torch.nn.Flatten(), 12, Preprocessing(2, 2), "0" * 16, device="cpu")
        >>> network.answer([torch.zeros(3, 4, 4, dtype=torch.uint8)], "cpu").shape
        torch.Size([1, 12])
    """
    ready = module.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Network(name, classes, preprocessing, weights, logits=True, forward=ready, module=ready)
