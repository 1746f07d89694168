"""Distortions are named maps from an image and a level to an encoded bitstream and back: codecs, and faults of cameras.

    jpeg = find_distortion("jpeg")
    bitstream = encoded(jpeg, image, 30, "cat")       # bytes; 8 * len(bitstream) bits
    distorted = decoded(jpeg, bitstream, "cat")       # uint8 (H, W, 3)

A bitstream depends on the image, the level and the version of the encoder, which is recorded with every outcome; that of a
camera fault also on the suite's seed and the id of the image's source.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from benchmark.core.errors import PluginError, SuiteError
from benchmark.core.similar_names import near
from benchmark.plugins.distortions.camera_faults import CAMERA_FAULTS
from benchmark.plugins.distortions.codecs import CODECS, decode_jpeg, encode_jpeg
from benchmark.plugins.distortions.distortion import Distortion, compressed, decoded, decoded_sample, encoded, generator
from benchmark.plugins.distortions.extra_codecs import EXTRA_CODECS
from benchmark.plugins.distortions.variants import other_speed, reduced, scaled, unscaled
from benchmark.plugins.registry import extensions, resolve

__all__ = [
    "DISTORTIONS",
    "Distortion",
    "compressed",
    "decode_jpeg",
    "decoded",
    "decoded_sample",
    "encode_jpeg",
    "encoded",
    "encoders",
    "find_distortion",
    "generator",
    "scaled",
    "unscaled",
]

DISTORTIONS = {distortion.name: distortion for distortion in (*CODECS, *EXTRA_CODECS, *CAMERA_FAULTS)}


@functools.cache
def find_distortion(name: str) -> Distortion:
    """The distortion of this name, from this package or an installed one.

    A name may also be that of a variant, such as `webp@50` or `avif-speed6`, see `variants`.

    Raises:
        SuiteError: there is none; the message lists the valid names.
        PluginError: a package's entry point of this name is no Distortion, or one of another name.

    Examples:
        >>> find_distortion("jpeg").levels
        range(1, 96)
    """
    codec, share = unscaled(name)
    if share < 1:
        return reduced(find_distortion(codec), name, share)
    distortion = other_speed(name) or resolve("distortions", name, DISTORTIONS)
    if distortion is None:
        names = [*DISTORTIONS, *extensions("distortions", own=DISTORTIONS)]
        raise SuiteError(f"unknown distortion {name!r}{near(name, names)}; valid are {', '.join(names)}")
    if not isinstance(distortion, Distortion):
        raise PluginError(f"the distortion {name!r} is {distortion!r}, no Distortion")
    if distortion.name != name:
        raise PluginError(f"the distortion {name!r} calls itself {distortion.name!r}; both names must be the same")
    return distortion


def encoders(names: Iterable[str]) -> str:
    """Libraries and parameters of the encoders of these distortions on this machine, as text, each once."""
    return "; ".join(dict.fromkeys(find_distortion(name).encoder() for name in names))
