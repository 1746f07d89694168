"""Images as arrays: decoding, digests and conversion to tensors.

An image is a uint8 RGB array of shape (H, W, 3) until it is passed to a predictor or a network, which get a uint8 tensor of
shape (3, H, W) on the same memory.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from benchmark.core.digests import digest
from benchmark.core.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

Pixels = np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]


def pixel_digest(image: Pixels) -> str:
    """Digest of an image's shape and pixels.

    Examples:
        >>> pixel_digest(np.zeros((2, 4, 3), np.uint8))
        '1dbb6e255a0d009c'
    """
    return digest(repr(image.shape), np.ascontiguousarray(image).reshape(-1).data)


def decode(data: bytes, name: str) -> Pixels:
    """Decode an image file of any kind that Pillow reads, to uint8 RGB of shape (H, W, 3).

    Raises:
        DataError: the bytes are not an image, or are truncated; the message starts with `name`.

    Examples:
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (4, 2), "red").save(file, "PNG")
        >>> decode(file.getvalue(), "red.png").shape
        (2, 4, 3)
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about metadata that does not affect the pixels
            with Image.open(io.BytesIO(data)) as opened:
                return np.asarray(opened.convert("RGB"))
    except UnidentifiedImageError as error:  # its own message contains the address of a buffer
        raise DataError(f"{name}: not a readable image (of no kind that Pillow knows)") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{name}: not a readable image ({error})") from error


def image_format(data: bytes) -> str:
    """What Pillow calls the format of an image file, such as `JPEG`; empty if it knows none.

    Examples:
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (4, 2), "red").save(file, "PNG")
        >>> image_format(file.getvalue()), image_format(b"text")
        ('PNG', '')
    """
    try:
        with Image.open(io.BytesIO(data)) as opened:
            return opened.format or ""
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return ""


def png_bits(image: Pixels) -> int:
    """Size of the image as a PNG, in bits, which is the cost of sending it without loss.

    Examples:
        >>> png_bits(np.zeros((64, 64, 3), np.uint8)) < 64 * 64 * 24
        True
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return 8 * len(buffer.getvalue())


def with_short_side(image: Pixels, short_side: int) -> Pixels:
    """The image resized, up or down, so that its shorter side has this length in px and its shape is kept; uint8 RGB (H, W, 3).

    Bicubic and antialiased, in Pillow's 8-bit arithmetic; the longer side is rounded down. The pixels are those of
    torchvision's `Resize(short_side, BICUBIC)` on a Pillow image. An image of this size already is returned as it is.

    Examples:
        >>> with_short_side(np.zeros((375, 500, 3), np.uint8), 256).shape
        (256, 341, 3)
    """
    height, width = image.shape[:2]
    shorter = min(height, width)
    if shorter == short_side:
        return image
    size = (short_side * width // shorter, short_side * height // shorter)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def to_tensor(image: Pixels) -> Tensor:
    """The image as a uint8 tensor of shape (3, H, W).

    Examples:
        >>> to_tensor(np.zeros((2, 4, 3), np.uint8)).shape
        torch.Size([3, 2, 4])
    """
    import torch

    array = image if image.flags.writeable else image.copy()
    return torch.from_numpy(array).permute(2, 0, 1)
