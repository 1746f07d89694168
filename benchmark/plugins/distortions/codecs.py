"""The codecs of Pillow's own wheel: JPEG, WebP, AVIF and JPEG 2000.

Each is given every parameter that its result depends on, so that a change of a library's defaults changes nothing. Bytes and
pixels repeat for one version of the encoder, whatever the number of cores: AVIF is encoded by one thread, without tiles, since
otherwise its bytes and pixels depend on the number of threads.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping

import numpy as np
import PIL
import simplejpeg
from PIL import AvifImagePlugin, Image, features

from benchmark.core.errors import DataError, PluginError
from benchmark.core.images import Pixels, decode
from benchmark.core.messages import cause
from benchmark.plugins.distortions.distortion import Distortion

Parameters = Mapping[str, object]
SUBSAMPLED: Parameters = {"subsampling": "4:2:0", "optimize": False, "progressive": False}
"""Baseline JPEG with the standard's Huffman tables, as cameras write it."""
PROFILED = ("JPEG", "WEBP", "AVIF")
"""The formats into which Pillow writes colour profiles."""
JPEG_SIDE = 65_500
"""The longest side, in px, that libjpeg and its kin hold."""


def saved(image: Pixels, file_format: str, parameters: Parameters) -> bytes:
    """The image (uint8 RGB (H, W, 3)) as a file of this format of Pillow's."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, file_format, **parameters)
    return buffer.getvalue()


def encode_jpeg(image: Pixels, quality: int) -> bytes:
    """Encode a baseline JPEG at this quality, with chroma 4:2:0 and standard Huffman tables.

    Examples:
        >>> noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        >>> len(encode_jpeg(noise, quality=10)) < len(encode_jpeg(noise, quality=90))
        True
    """
    return saved(image, "JPEG", {"quality": quality, **SUBSAMPLED})


def decode_jpeg(bitstream: bytes) -> Pixels:
    """Decode the pixels of a JPEG bitstream to uint8 RGB of shape (H, W, 3).

    By simplejpeg, whose pixels are Pillow's, in two thirds of the time for photographs and a quarter of it for letters.

    Raises:
        DataError: it is damaged or truncated.

    Examples:
        >>> decode_jpeg(encode_jpeg(np.zeros((8, 16, 3), np.uint8), quality=30)).shape
        (8, 16, 3)
    """
    try:
        return simplejpeg.decode_jpeg(bitstream)
    except ValueError as error:
        raise DataError(f"JPEG bitstream: not a readable image ({cause(error)})") from error


def described(library: str, parameters: Parameters) -> str:
    """A library and the parameters that it is given, as one line.

    Examples:
        >>> described("Pillow 13", {"speed": 8, "subsampling": "4:2:0"})
        'Pillow 13, speed=8, subsampling=4:2:0'
    """
    return ", ".join([library, *(f"{key}={value}" for key, value in parameters.items())])


def require(feature: str, name: str) -> None:
    """Raise PluginError if Pillow was built without this feature, which the codec of this name needs."""
    if not features.check(feature):
        raise PluginError(
            f"the codec {name} needs Pillow with {feature}; Pillow {PIL.__version__} here was built without it"
        )


def pillow_codec(
    name: str,
    file_format: str,
    levels: range,
    parameters: Parameters,
    *,
    feature: str,
    library: Callable[[], str],
    quality: Callable[[int], Parameters] = lambda level: {"quality": level},
    longest_side: int = sys.maxsize,
) -> Distortion:
    """A codec that Pillow has.

    Args:
        name: the name in suites.
        file_format: Pillow's name of the format.
        feature: Pillow's name of the feature that writes it.
        library: gives name and version of the library that encodes.
        levels: the valid levels.
        parameters: what Pillow is told at every level.
        quality: what it is told of the level.
        longest_side: the longest side, in px, that can be encoded and decoded.
    """

    def encode(image: Pixels, level: int, random: np.random.Generator) -> bytes:
        require(feature, name)
        return saved(image, file_format, {**quality(level), **parameters})

    def encode_with_profile(image: Pixels, level: int, profile: bytes) -> bytes:
        require(feature, name)
        return saved(image, file_format, {**quality(level), **parameters, "icc_profile": profile})

    def encoder() -> str:
        require(feature, name)
        return described(f"Pillow {PIL.__version__}, {library()}", parameters)

    return Distortion(
        name,
        encode,
        decode_jpeg if file_format == "JPEG" else lambda bitstream: decode(bitstream, f"{file_format} bitstream"),
        encoder,
        levels,
        format=file_format,
        is_slow=file_format != "JPEG",
        longest_side=longest_side,
        encode_with_profile=encode_with_profile if file_format in PROFILED else None,
    )


def libjpeg() -> str:
    """The library that writes JPEG."""
    name = "libjpeg-turbo" if features.check("libjpeg_turbo") else "libjpeg"
    return f"{name} {features.version('libjpeg_turbo') or features.version('jpg')}"


def libwebp() -> str:
    """The library that writes WebP."""
    return f"libwebp {features.version('webp')}"


def libavif() -> str:
    """The libraries that write and read AVIF."""
    return f"libavif {features.version('avif')}, aom {AvifImagePlugin.get_codec_version('aom')}"


def openjpeg() -> str:
    """The library that writes JPEG 2000."""
    return f"OpenJPEG {features.version('jpg_2000')}"


WEBP: Parameters = {"lossless": False, "method": 4}
AVIF: Parameters = {
    "codec": "aom",
    "subsampling": "4:2:0",
    "range": "full",
    "max_threads": 1,
    "autotiling": False,
}
JPEG2000: Parameters = {"irreversible": True, "mct": 1, "quality_mode": "dB"}
"""The 9/7 wavelet, and the colour transform, without which files are twice as large. Levels are the PSNR that is aimed at."""


def avif(name: str, *, speed: int) -> Distortion:
    """AVIF under this name, encoded at this speed of libavif's, 0 (slowest) to 10."""
    parameters = {"codec": AVIF["codec"], "speed": speed, **AVIF}
    return pillow_codec(name, "AVIF", range(1, 101), parameters, feature="avif", library=libavif, longest_side=32_768)


CODECS = (
    pillow_codec("jpeg", "JPEG", range(1, 96), SUBSAMPLED, feature="jpg", library=libjpeg, longest_side=JPEG_SIDE),
    pillow_codec(
        "jpeg444",
        "JPEG",
        range(1, 96),
        {**SUBSAMPLED, "subsampling": "4:4:4"},
        feature="jpg",
        library=libjpeg,
        longest_side=JPEG_SIDE,
    ),
    pillow_codec("webp", "WEBP", range(1, 101), WEBP, feature="webp", library=libwebp, longest_side=16_383),
    avif("avif", speed=8),
    pillow_codec(
        "jpeg2000",
        "JPEG2000",
        range(20, 61),
        JPEG2000,
        feature="jpg_2000",
        library=openjpeg,
        quality=lambda level: {"quality_layers": [level]},
    ),
)
