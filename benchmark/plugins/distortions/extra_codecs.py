"""Codecs of packages that are installed on demand: JPEG XL (extra `jpegxl`); HEIC, mozjpeg and jpegli (extra `codecs`).

    jpegxl    pillow-jxl-plugin    GPL-3.0-or-later, so in an extra by itself
    heic      pillow-heif          BSD-3-Clause; its wheels are GPL-2.0, since they hold x265
    mozjpeg   jpeglib              MPL-2.0; mozjpeg itself is BSD-3-Clause and IJG
    jpegli    ajpegli              BSD-3-Clause

Files of mozjpeg and jpegli are decoded by Pillow, as any JPEG is.
"""

from __future__ import annotations

import importlib
import io
import tempfile
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from benchmark.core.errors import PluginError
from benchmark.core.images import Pixels, decode
from benchmark.plugins.distortions.codecs import JPEG_SIDE, Parameters, decode_jpeg, described, libjpeg, saved
from benchmark.plugins.distortions.distortion import Distortion

JPEGXL: Parameters = {
    "effort": 7,
    "lossless": False,
    "decoding_speed": 0,
    "use_container": False,
    "use_original_profile": False,
    "num_threads": 0,
}
HEIC: Parameters = {"subsampling": "4:2:0", "tile_size": 0}
X265: Parameters = {"preset": "slow", "tune": "ssim"}
MOZJPEG: Parameters = {"version": "mozjpeg403", "subsampling": "4:2:0"}
JPEGLI: Parameters = {
    "subsampling": "420",
    "progressive": 2,
    "optimize": True,
    "adaptive_quantization": True,
    "xyb": False,
}
MOZJPEG_LOCK = threading.Lock()
"""jpeglib has one version of libjpeg in use at a time, for the whole process."""


def package(module: str, codec: str, extra: str) -> Any:
    """The module of an extra's package.

    Raises:
        PluginError: it is not installed, or does not load; the message names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PluginError(f"the codec {codec} needs {module} ({error}); pip install 'utilbench[{extra}]'") from error


def encode_jpegxl(image: Pixels, quality: int) -> bytes:
    """Encode JPEG XL in VarDCT mode."""
    package("pillow_jxl", "jpegxl", "jpegxl")  # importing it makes Pillow know the format
    return saved(image, "JXL", {"quality": quality, **JPEGXL})


def decode_jpegxl(bitstream: bytes) -> Pixels:
    """Decode JPEG XL."""
    package("pillow_jxl", "jpegxl", "jpegxl")
    return decode(bitstream, "JPEG XL bitstream")


def encode_heic(image: Pixels, quality: int) -> bytes:
    """Encode one HEVC intra frame in a HEIF container."""
    heif, buffer = package("pillow_heif", "heic", "codecs"), io.BytesIO()
    height, width = image.shape[:2]
    options = {"quality": quality, **HEIC, "enc_params": dict(X265)}  # a copy: pillow-heif adds to it
    heif.encode("RGB", (width, height), image.tobytes(), buffer, **options)
    return buffer.getvalue()


def decode_heic(bitstream: bytes) -> Pixels:
    """Decode the one frame of a HEIF container."""
    frame = package("pillow_heif", "heic", "codecs").open_heif(bitstream)
    return np.asarray(frame.to_pillow().convert("RGB"))


def encode_mozjpeg(image: Pixels, quality: int) -> bytes:
    """Encode a progressive JPEG with trellis quantisation."""
    jpeglib = package("jpeglib", "mozjpeg", "codecs")
    with MOZJPEG_LOCK, jpeglib.version(MOZJPEG["version"]), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.jpg"
        pixels = jpeglib.from_spatial(np.ascontiguousarray(image))
        pixels.samp_factor = MOZJPEG["subsampling"]
        pixels.write_spatial(str(path), qt=quality)
        return path.read_bytes()


def encode_jpegli(image: Pixels, quality: int) -> bytes:
    """Encode a progressive JPEG with jpegli's adaptive quantisation."""
    ajpegli = package("ajpegli", "jpegli", "codecs")
    bitstream: bytes = ajpegli.encode(np.ascontiguousarray(image), quality=quality, **JPEGLI)
    return bitstream


def jpegxl_encoder() -> str:
    """Versions and parameters of JPEG XL."""
    package("pillow_jxl", "jpegxl", "jpegxl")
    return described(f"Pillow {PIL.__version__}, pillow-jxl-plugin {version('pillow-jxl-plugin')}", JPEGXL)


def heic_encoder() -> str:
    """Versions and parameters of HEIC."""
    libraries = package("pillow_heif", "heic", "codecs").libheif_info()
    names = f"libheif {libraries['libheif']}, {libraries['HEIF']}, {', '.join(libraries['decoders'].values())}"
    return described(f"pillow-heif {version('pillow-heif')}, {names}", {**HEIC, **X265})


def mozjpeg_encoder() -> str:
    """Versions and parameters of mozjpeg, and of the decoder."""
    package("jpeglib", "mozjpeg", "codecs")
    return described(f"jpeglib {version('jpeglib')}, decoded by Pillow {PIL.__version__}, {libjpeg()}", MOZJPEG)


def jpegli_encoder() -> str:
    """Versions and parameters of jpegli, and of the decoder."""
    commit = package("ajpegli", "jpegli", "codecs").jpegli_commit()
    return described(
        f"ajpegli {version('ajpegli')}, jpegli {commit}, decoded by Pillow {PIL.__version__}, {libjpeg()}", JPEGLI
    )


def codec(encode: Callable[[Pixels, int], bytes]) -> Callable[[Pixels, int, np.random.Generator], bytes]:
    """An encoder that draws nothing, as a distortion has it."""
    return lambda image, level, random: encode(image, level)


EXTRA_CODECS = (
    Distortion(
        "jpegxl", codec(encode_jpegxl), decode_jpegxl, jpegxl_encoder, range(1, 100), format="JXL", is_slow=True
    ),
    Distortion("heic", codec(encode_heic), decode_heic, heic_encoder, range(1, 101), format="HEIF", is_slow=True),
    Distortion(
        "mozjpeg",
        codec(encode_mozjpeg),
        decode_jpeg,
        mozjpeg_encoder,
        range(1, 101),
        format="JPEG",
        is_slow=True,
        longest_side=JPEG_SIDE,
    ),
    Distortion(
        "jpegli",
        codec(encode_jpegli),
        decode_jpeg,
        jpegli_encoder,
        range(1, 101),
        format="JPEG",
        longest_side=JPEG_SIDE,
    ),
)
"""Of HEIC, x265 itself limits the sides, the shorter the image's other side the more; JPEG XL has no limit that matters."""
