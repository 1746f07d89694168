"""Images as arrays: decoding, digests and conversion to tensors.

An image is a uint8 RGB array of shape (H, W, 3) until it is passed to a predictor or a network, which get a uint8 tensor of
shape (3, H, W) on the same memory.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from benchmark.core.digests import digest
from benchmark.core.errors import DataError
from benchmark.core.messages import clean_line

if TYPE_CHECKING:
    from torch import Tensor

Pixels = np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]
LIGHTEST = 65_535
"""White in grey of 16 bits."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings an image upright, by the orientation in its EXIF."""


def pixel_digest(image: Pixels) -> str:
    """Digest of an image's shape and pixels.

    Examples:
        >>> pixel_digest(np.zeros((2, 4, 3), np.uint8))
        '1dbb6e255a0d009c'
    """
    return digest(repr(image.shape), np.ascontiguousarray(image).reshape(-1).data)


def decode(data: bytes, name: str, *, upright: bool = True) -> Pixels:
    """Decode an image file of any kind that Pillow reads, to uint8 RGB of shape (H, W, 3); of several frames, the first.

    Transparent pixels are laid on white. Grey of 16 bits is scaled by 255 / 65,535, and grey floats by their white, which is
    the least of 1, 255 and 65,535 that no value exceeds.

    Args:
        data: the bytes of the file.
        name: the file's name in messages.
        upright: whether to turn the image as its EXIF says, as viewers do; without, it stays as it is stored, which is what
            boxes and the published results of ImageNet's and COCO's photographs refer to.

    Raises:
        DataError: the bytes are not an image, are damaged or truncated, or hold grey values of no defined scale; the message
            starts with `name`.

    Examples:
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (4, 2), "red").save(file, "PNG")
        >>> decode(file.getvalue(), "red.png").shape
        (2, 4, 3)
    """
    with opened(data, name) as image:
        image.load()
        turn = TURNS.get(orientation(image)) if upright else None
        colours = as_rgb(image, name)
        return np.asarray(colours.transpose(turn) if turn is not None else colours)


def stored_size(data: bytes, name: str) -> tuple[int, int]:
    """Height and width, in px, of an image file as it is stored, from its header alone.

    Raises:
        DataError: the bytes do not begin like an image; the message starts with `name`.
    """
    with opened(data, name) as image:
        return image.height, image.width


@contextlib.contextmanager
def opened(data: bytes, name: str) -> Iterator[Image.Image]:
    """The opened image file; whatever Pillow raises in the block becomes a DataError, since each kind has errors of its own."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about metadata that does not affect the pixels
            with Image.open(io.BytesIO(data)) as image:
                yield image
    except DataError:
        raise
    except UnidentifiedImageError as error:  # its own message contains the address of a buffer
        raise DataError(f"{name}: not a readable image (of no kind that Pillow knows)") from error
    except Exception as error:
        reason = clean_line(str(error)) or type(error).__name__
        raise DataError(f"{name}: not a readable image ({reason})") from error


def orientation(image: Image.Image) -> int:
    """The orientation in a loaded image's EXIF, 1 to 8; 1 where there is none or where it is damaged, as viewers take it."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged metadata makes Pillow raise many types; the pixels are sound
        return 1


def as_rgb(image: Image.Image, name: str) -> Image.Image:
    """A loaded image of any mode in RGB, with transparent pixels laid on white."""
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(grey_levels(image, name)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    straight = image.convert("LA") if image.mode == "La" else image  # Pillow converts no premultiplied grey to RGBA
    coloured = straight.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), coloured).convert("RGB")


def grey_levels(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """The values of a grey image of more than 8 bits (modes I;16, I and F), scaled to uint8, shape (H, W)."""
    values = np.asarray(image).astype(np.float64)
    least, most = float(values.min()), float(values.max())
    whites = (1, 255, LIGHTEST) if image.mode == "F" else (LIGHTEST,)
    white = next((white for white in whites if least >= 0 and most <= white), None)
    if white is None:
        raise DataError(f"{name}: has grey values from {least:g} to {most:g}; valid are values from 0 to {LIGHTEST}")
    levels = np.rint(values * (255 / white)).astype(np.uint8)
    transparent = image.info.get("transparency")  # a PNG may declare one grey value transparent
    return np.where(values == transparent, np.uint8(255), levels) if isinstance(transparent, int) else levels


def colour_profile(data: bytes, name: str) -> bytes:
    """The ICC profile of an image file; empty where it has none.

    Raises:
        DataError: the bytes do not begin like an image; the message starts with `name`.
    """
    with opened(data, name) as image:
        profile = image.info.get("icc_profile")
        return profile if isinstance(profile, bytes) else b""


def image_format(data: bytes) -> str:
    """What Pillow calls the format of an image file, such as `JPEG`; empty if it knows none.

    Examples:
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (4, 2), "red").save(file, "PNG")
        >>> image_format(file.getvalue()), image_format(b"text")
        ('PNG', '')
    """
    try:
        with opened(data, "bitstream") as image:
            return image.format or ""
    except DataError:
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
