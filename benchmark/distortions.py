"""Distortions: named maps from an image and a level to an encoded bitstream and back.

    jpeg = find_distortion("jpeg")
    bitstream = jpeg.encode(image, 30)          # bytes; 8 * len(bitstream) bits
    distorted = jpeg.decode(bitstream)          # uint8 (H, W, 3)

Images are encoded when they are needed and never stored: encoding is cheap, and exact for one encoder version, which every
outcome records.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Collection
from dataclasses import dataclass

import PIL
from PIL import Image, features

from benchmark.errors import PluginError, SuiteError
from benchmark.images import Pixels, decode, to_tensor
from benchmark.records import Sample
from benchmark.registry import extensions, resolve


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


def compressed(codec: Distortion, pristine: Pixels, level: int, needs: Collection[str] = ()) -> Sample:
    """What a predictor sees of an image (uint8 (H, W, 3)) at a level, with what it needs beside the pixels."""
    bitstream = codec.encode(pristine, level)
    return Sample(
        image=to_tensor(codec.decode(bitstream)),
        reference=to_tensor(pristine) if "reference" in needs else None,
        bitstream=bitstream if "bitstream" in needs else None,
    )


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


@functools.cache
def find_distortion(name: str) -> Distortion:
    """The distortion of this name, ours or an installed package's.

    Raises:
        SuiteError: there is none; the message lists what there is.
    """
    found = resolve("distortions", name, DISTORTIONS)
    if found is None:
        known = ", ".join([*DISTORTIONS, *extensions("distortions")])
        raise SuiteError(f"unknown distortion {name!r}; valid are {known}")
    if not isinstance(found, Distortion):
        raise PluginError(f"the distortion {name!r} is {found!r}, no Distortion")
    return found
