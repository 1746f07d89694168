"""Distortions: named maps from an image and a level to an encoded bitstream and back.

    jpeg = DISTORTIONS["jpeg"]
    bitstream = jpeg.encode(image, 30)          # bytes; 8 * len(bitstream) bits
    distorted = jpeg.decode(bitstream)          # uint8 (H, W, 3)

Images are encoded when they are needed and never stored: encoding is cheap, and exact for one encoder version, which every
outcome records.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import PIL
from PIL import Image, features

from benchmark.images import Pixels, decode


@dataclass(frozen=True)
class Distortion:
    """One codec or filter, with its levels."""

    name: str
    """As suites name it."""
    encode: Callable[[Pixels, int], bytes]
    """(image uint8 (H, W, 3), level) -> bitstream."""
    decode: Callable[[bytes], Pixels]
    """bitstream -> image uint8 (H, W, 3) of the size that was encoded."""
    encoder: Callable[[], str]
    """Library and version that encode on this machine."""
    levels: range
    """The valid levels; a higher one is of higher quality."""


def encode_jpeg(image: Pixels, quality: int) -> bytes:
    """Baseline JPEG at this quality, chroma 4:2:0, standard Huffman tables."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling="4:2:0", optimize=False)
    return buffer.getvalue()


def decode_jpeg(bitstream: bytes) -> Pixels:
    """Pixels of a JPEG bitstream."""
    return decode(bitstream, "JPEG bitstream")


def jpeg_encoder() -> str:
    """Pillow and libjpeg, with versions."""
    library = "libjpeg-turbo" if features.check("libjpeg_turbo") else "libjpeg"
    version = features.version("libjpeg_turbo") or features.version("jpg")
    return f"Pillow {PIL.__version__}, {library} {version}, 4:2:0"


DISTORTIONS = {
    "jpeg": Distortion("jpeg", encode_jpeg, decode_jpeg, jpeg_encoder, range(1, 96)),
}
