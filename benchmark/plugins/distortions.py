"""Distortions are named maps from an image and a level to an encoded bitstream and back.

    jpeg = find_distortion("jpeg")
    bitstream = jpeg.encode(image, 30)          # bytes; 8 * len(bitstream) bits
    distorted = jpeg.decode(bitstream)          # uint8 (H, W, 3)

Images are encoded when they are needed and never stored: encoding is cheap, and its result depends only on the version of the
encoder, which is recorded with every outcome.
"""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass

import PIL
from PIL import Image, features

from benchmark.core.errors import BenchmarkError, DataError, PluginError, SuiteError
from benchmark.core.images import Pixels, decode, to_tensor
from benchmark.core.messages import cause
from benchmark.core.types import Sample
from benchmark.plugins.registry import extensions, resolve


@dataclass(frozen=True)
class Distortion:
    """One codec or filter, with its levels.

    Examples:
        >>> import numpy as np
        >>> raw = Distortion("raw", lambda image, level: image.tobytes(), lambda data: data, lambda: "none", range(1, 2))
        >>> len(raw.encode(np.zeros((8, 8, 3), np.uint8), 1))
        192
    """

    name: str
    """Name in suites."""
    encode: Callable[[Pixels, int], bytes]
    """(image uint8 (H, W, 3), level) -> bitstream."""
    decode: Callable[[bytes], Pixels]
    """bitstream -> image uint8 (H, W, 3) of the size that was encoded."""
    encoder: Callable[[], str]
    """Library and version of the encoder on this machine."""
    levels: range
    """The valid levels; a higher level means higher quality."""
    longest_side: int = sys.maxsize
    """The longest side, in px, that the codec's format can hold."""


def encoded(codec: Distortion, image: Pixels, level: int, photograph: str) -> bytes:
    """The bitstream of an image (uint8 (H, W, 3)) at a level.

    Raises:
        DataError: the codec cannot encode it; the message names photograph, codec and, where its size is the reason, limit.
    """
    height, width = image.shape[:2]
    what = f"{photograph}: {codec.name} cannot encode {width} x {height} px at level {level}"
    if max(height, width) > codec.longest_side:
        raise DataError(f"{what}; a side may have at most {codec.longest_side} px")
    try:
        return codec.encode(image, level)
    except BenchmarkError:
        raise
    except Exception as error:  # each codec has errors of its own, and a package may add any codec
        raise DataError(f"{what} ({cause(error)})") from error


def decoded(codec: Distortion, bitstream: bytes, photograph: str) -> Pixels:
    """The image (uint8 (H, W, 3)) of a bitstream that the codec made of a photograph.

    Raises:
        DataError: the codec cannot decode it; the message names photograph and codec.
    """
    try:
        return codec.decode(bitstream)
    except Exception as error:  # as above
        raise DataError(f"{photograph}: {codec.name} cannot decode what it encoded ({cause(error)})") from error


def compressed(
    codec: Distortion, pristine: Pixels, level: int, *, needs: Collection[str] = (), photograph: str = "an image"
) -> Sample:
    """The sample that a predictor gets of an image (uint8 (H, W, 3)) at a level, with the extra inputs that it needs.

    Raises:
        DataError: the codec fails on the image; the message names it as `photograph`.

    Examples:
        >>> import numpy as np
        >>> sample = compressed(find_distortion("jpeg"), np.zeros((8, 16, 3), np.uint8), level=30, needs={"reference"})
        >>> sample.image.shape, sample.reference.shape, sample.bitstream
        (torch.Size([3, 8, 16]), torch.Size([3, 8, 16]), None)
    """
    bitstream = encoded(codec, pristine, level, photograph)
    return Sample(
        image=to_tensor(decoded(codec, bitstream, photograph)),
        reference=to_tensor(pristine) if "reference" in needs else None,
        bitstream=bitstream if "bitstream" in needs else None,
    )


def encode_jpeg(image: Pixels, quality: int) -> bytes:
    """Encode a baseline JPEG at this quality, with chroma 4:2:0 and standard Huffman tables.

    Examples:
        >>> import numpy as np
        >>> noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        >>> len(encode_jpeg(noise, quality=10)) < len(encode_jpeg(noise, quality=90))
        True
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling="4:2:0", optimize=False)
    return buffer.getvalue()


def decode_jpeg(bitstream: bytes) -> Pixels:
    """Decode the pixels of a JPEG bitstream.

    Examples:
        >>> import numpy as np
        >>> decode_jpeg(encode_jpeg(np.zeros((8, 16, 3), np.uint8), quality=30)).shape
        (8, 16, 3)
    """
    return decode(bitstream, "JPEG bitstream")


def jpeg_encoder() -> str:
    """The versions of Pillow and libjpeg, and the chroma subsampling."""
    library = "libjpeg-turbo" if features.check("libjpeg_turbo") else "libjpeg"
    version = features.version("libjpeg_turbo") or features.version("jpg")
    return f"Pillow {PIL.__version__}, {library} {version}, 4:2:0"


DISTORTIONS = {
    "jpeg": Distortion("jpeg", encode_jpeg, decode_jpeg, jpeg_encoder, range(1, 96), longest_side=65_500),
}


@functools.cache
def find_distortion(name: str) -> Distortion:
    """The distortion of this name, from this package or an installed one.

    Raises:
        SuiteError: there is none; the message lists the valid names.

    Examples:
        >>> find_distortion("jpeg").levels
        range(1, 96)
    """
    distortion = resolve("distortions", name, DISTORTIONS)
    if distortion is None:
        names = ", ".join([*DISTORTIONS, *extensions("distortions")])
        raise SuiteError(f"unknown distortion {name!r}; valid are {names}")
    if not isinstance(distortion, Distortion):
        raise PluginError(f"the distortion {name!r} is {distortion!r}, no Distortion")
    return distortion
