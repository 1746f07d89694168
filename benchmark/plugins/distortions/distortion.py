"""What a distortion is, and the three steps that everything else asks of it: encode, decode, and both as a sample."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import numpy as np

from benchmark.core.digests import digest
from benchmark.core.errors import ANY_ERROR, BenchmarkError, DataError, PluginError
from benchmark.core.images import Pixels, to_tensor
from benchmark.core.messages import cause
from benchmark.core.types import Sample


@dataclass(frozen=True)
class Distortion:
    """One codec or camera fault, with its levels.

    Examples:
        >>> def raw(image, level, random): return image.tobytes()
        >>> raw = Distortion("raw", raw, lambda data: data, lambda: "none", range(1, 2))
        >>> len(encoded(raw, np.zeros((8, 8, 3), np.uint8), 1, "an image"))
        192
    """

    name: str
    """Name in suites."""
    encode: Callable[[Pixels, int, np.random.Generator], bytes]
    """(image uint8 (H, W, 3), level, the only source of randomness) -> bitstream. Codecs draw nothing."""
    decode: Callable[[bytes], Pixels]
    """bitstream -> image uint8 (H, W, 3) of the size that was encoded."""
    encoder: Callable[[], str]
    """Library and version of the encoder on this machine, and all its parameters but the level."""
    levels: range
    """The valid levels; a higher level means higher quality. Of codecs it is what they call quality themselves."""
    _: KW_ONLY
    format: str = ""
    """What Pillow calls the format of the bitstreams, such as `JPEG`; empty if they are of none that Pillow knows."""
    kind: Literal["codec", "camera fault"] = "codec"
    """Whether levels spend bits on quality, so that curves of rate against utility make sense, or damage the image."""
    is_slow: bool = False
    """Whether encoding takes so long that bitstreams are kept in the cache."""
    longest_side: int = sys.maxsize
    """The longest side, in px, that encoder and decoder can hold."""
    encode_with_profile: Callable[[Pixels, int, bytes], bytes] | None = None
    """(image, level, ICC profile) -> a file with this colour profile and the same coded image as `encode` makes, for those who
    look at it; None where the format, or its library here, holds none."""


def generator(seed: int, source: str, distortion: str, level: int) -> np.random.Generator:
    """The generator of one image: it depends on these four alone, so that order, batches and workers change no pixel.

    Examples:
        >>> generator(0, "cat", "noise", 3).random() == generator(0, "cat", "noise", 3).random()
        True
        >>> generator(0, "cat", "noise", 3).random() == generator(0, "cat", "noise", 4).random()
        False
    """
    return np.random.default_rng(int(digest(str(seed), source, distortion, str(level)), 16))


def encoded(distortion: Distortion, image: Pixels, level: int, photograph: str, *, seed: int = 0) -> bytes:
    """The bitstream of an image (uint8 (H, W, 3)) at a level.

    Args:
        distortion: the codec or camera fault.
        image: the pristine image.
        level: one of the distortion's levels.
        photograph: the id of the image's source, which messages name and on which the randomness of a camera fault depends.
        seed: the suite's seed, on which that randomness depends too.

    Raises:
        DataError: there is no such level, or the image cannot be encoded; the message names photograph, distortion and,
            where its size is the reason, limit.
    """
    height, width = image.shape[:2]
    what = f"{photograph}: {distortion.name} cannot encode {width} x {height} px at level {level}"
    if level not in distortion.levels:
        raise DataError(f"{what}; valid are levels {distortion.levels[0]} to {distortion.levels[-1]}")
    if max(height, width) > distortion.longest_side:
        raise DataError(f"{what}; a side may have at most {distortion.longest_side} px")
    try:
        return distortion.encode(image, level, generator(seed, photograph, distortion.name, level))
    except BenchmarkError:
        raise
    except ANY_ERROR as error:  # each codec has errors of its own, and a package may add any codec
        raise DataError(f"{what} ({cause(error)})") from error


def decoded(distortion: Distortion, bitstream: bytes, photograph: str) -> Pixels:
    """The image (uint8 (H, W, 3)) of a bitstream that the distortion made of a photograph.

    Raises:
        DataError: it cannot be decoded; the message names photograph and distortion.
        PluginError: the decoder's package is not installed.
    """
    try:
        return distortion.decode(bitstream)
    except PluginError:
        raise
    except ANY_ERROR as error:  # as above
        raise DataError(f"{photograph}: {distortion.name} cannot decode what it encoded ({cause(error)})") from error


def compressed(
    distortion: Distortion,
    pristine: Pixels,
    level: int,
    *,
    needs: Collection[str] = (),
    photograph: str = "an image",
    seed: int = 0,
) -> Sample:
    """The sample that a predictor gets of an image (uint8 (H, W, 3)) at a level, with the extra inputs that it needs.

    Raises:
        DataError: `encoded` or `decoded` fails; the message names the image as `photograph`.

    Examples:
        >>> from benchmark.plugins.distortions import find_distortion
        >>> sample = compressed(find_distortion("jpeg"), np.zeros((8, 16, 3), np.uint8), level=30, needs={"reference"})
        >>> sample.image.shape, sample.reference.shape, sample.bitstream
        (torch.Size([3, 8, 16]), torch.Size([3, 8, 16]), None)
    """
    bitstream = encoded(distortion, pristine, level, photograph, seed=seed)
    return decoded_sample(distortion, bitstream, pristine, needs=needs, photograph=photograph)


def decoded_sample(
    distortion: Distortion, bitstream: bytes, pristine: Pixels, *, needs: Collection[str], photograph: str
) -> Sample:
    """The sample that a predictor gets of a bitstream of an image (uint8 (H, W, 3)), with the extra inputs that it needs.

    Raises:
        DataError: it cannot be decoded; the message names the image as `photograph`.
    """
    return Sample(
        image=to_tensor(decoded(distortion, bitstream, photograph)),
        reference=to_tensor(pristine) if "reference" in needs else None,
        bitstream=bitstream if "bitstream" in needs else None,
    )
