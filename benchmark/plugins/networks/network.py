"""A network is a pinned pretrained model for one task, with its own preprocessing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from benchmark.core.devices import to_device
from benchmark.core.errors import NetworkError

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
    """`bilinear` or `bicubic`, antialiased."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted from RGB in 0..1."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides what remains."""

    def square(self, image: Tensor) -> Tensor:
        """uint8 (3, H, W) -> uint8 (3, crop, crop).

        Of an image that is more than LONGEST times as long as it is wide, the middle alone is resized, which holds the square.
        """
        image = middle(image)
        if min(image.shape[1:]) != self.resize:
            mode = InterpolationMode(self.interpolation)
            image = functional.resize(image, [self.resize], interpolation=mode, antialias=True)
        return functional.center_crop(image, [self.crop, self.crop])

    def normalise(self, squares: Sequence[Tensor], device: str) -> Tensor:
        """N times uint8 (3, S, S) -> float32 (N, 3, S, S) on the device, channels last."""
        batch = to_device(torch.stack(list(squares)), device).to(torch.float32, memory_format=torch.channels_last)
        mean = torch.tensor(self.mean, device=device).view(3, 1, 1) * 255
        std = torch.tensor(self.std, device=device).view(3, 1, 1) * 255
        return batch.sub_(mean).div_(std)


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
        top, left, height, width = self.extent((image.shape[1], image.shape[2]))
        small = functional.resize(image, [height, width], antialias=True)
        rest = [left, top, self.side - left - width, self.side - top - height]
        return functional.pad(small, rest, fill=[float(self.grey)] * 3)

    def normalise(self, squares: Sequence[Tensor], device: str) -> Tensor:
        """N times uint8 (3, side, side) -> float32 (N, 3, side, side) in 0..1 on the device."""
        return to_device(torch.stack(list(squares)), device).float().div_(255)

    def locate(self, boxes: Tensor, size: tuple[int, int]) -> Tensor:
        """Boxes (D, 4) in 0..1 of the square -> in px of an image of this height and width; they may exceed it."""
        top, left, height, width = self.extent(size)
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

    def locate(self, boxes: Tensor, size: tuple[int, int]) -> Tensor:
        """The boxes (D, 4) in px, unchanged."""
        return boxes


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
        """The answers for uint8 RGB images (3, H, W) of any size."""
        return self.forward(self.prepared(images, device))


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


def file_digest(path: Path) -> str:
    """BLAKE2b of a file, as 16 hexadecimal digits."""
    with path.open("rb") as file:
        state = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8))
    return state.hexdigest()


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors`, `.pth` or `.pt` file, by name; no code in it is executed.

    Raises:
        NetworkError: the file is damaged or holds anything other than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, pickle and safetensors raise many types; each means that the file is unusable
        raise NetworkError(f"{path}: not readable as weights ({error})") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise NetworkError(f"{path}: holds no plain dictionary of tensors")
    return state


def fill(module: nn.Module, state: dict[str, Tensor], name: str, path: Path, *, by_order: bool = False) -> None:
    """Load a state into a module by name, or by position where the names come from another library.

    The counts of batches seen, which old checkpoints lack and evaluation does not use, may be missing.

    Raises:
        NetworkError: a tensor is missing, unknown or of another shape; the message names the first such tensor.
    """
    own = module.state_dict()
    if by_order:
        if len(own) != len(state):
            raise NetworkError(f"{name}: {path} has {len(state)} tensors, the architecture {len(own)}")
        state = dict(zip(own, state.values(), strict=True))
    counts = {key: value for key, value in own.items() if key.endswith("num_batches_tracked")}
    state = {**counts, **state}
    for key, value in own.items():
        if key not in state:
            raise NetworkError(f"{name}: {path} lacks the tensor {key}")
        if state[key].shape != value.shape:
            raise NetworkError(f"{name}: {path}: {key} has shape {tuple(state[key].shape)}, not {tuple(value.shape)}")
    if unknown := sorted(set(state) - set(own)):
        raise NetworkError(f"{name}: {path} has a tensor that the architecture lacks: {unknown[0]}")
    module.load_state_dict(state)
