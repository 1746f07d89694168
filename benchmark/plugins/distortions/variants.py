"""Variants of codecs, by names that say how they differ: fewer pixels, and other speeds of AVIF.

find_distortion("webp@50")          # reduced to 50 % of its sides, then WebP; the image stays that small
find_distortion("avif-speed4")      # libavif's speed 4 instead of 8: smaller files, several times slower
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import PIL
from PIL import Image

from benchmark.core.images import Pixels
from benchmark.plugins.distortions.codecs import avif
from benchmark.plugins.distortions.distortion import Distortion

NAME = re.compile(r"(?P<codec>.+)@(?P<percent>[1-9][0-9]?)")
SPEED = re.compile(r"avif-speed(?P<speed>[0-9]|10)")


def unscaled(name: str) -> tuple[str, float]:
    """The name of the codec that a name of a variant begins with, and the share of the sides that it keeps.

    Examples:
        >>> unscaled("webp@50"), unscaled("webp")
        (('webp', 0.5), ('webp', 1.0))
    """
    match = NAME.fullmatch(name)
    return (match["codec"], int(match["percent"]) / 100) if match else (name, 1.0)


def scaled(name: str, share: float) -> str:
    """The name of the variant of a codec that keeps this share of the sides, above 0 and at most 1.

    Examples:
        >>> scaled("webp", 0.5), scaled("webp", 1)
        ('webp@50', 'webp')
    """
    percent = round(100 * share)
    return name if percent >= 100 else f"{name}@{max(1, percent)}"


def reduced(codec: Distortion, name: str, share: float) -> Distortion:
    """The codec after the image was reduced to this share of its sides, bicubic and antialiased; decoded images stay small."""

    def small(image: Pixels) -> Pixels:
        height, width = (max(1, round(share * length)) for length in image.shape[:2])
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))

    def encode(image: Pixels, level: int, random: np.random.Generator) -> bytes:
        return codec.encode(small(image), level, random)

    def encode_with_profile(image: Pixels, level: int, profile: bytes) -> bytes:
        assert codec.encode_with_profile
        return codec.encode_with_profile(small(image), level, profile)

    def encoder() -> str:
        return f"{codec.encoder()}, after Pillow {PIL.__version__} bicubic to {share:g}"

    return dataclasses.replace(
        codec,
        name=name,
        encode=encode,
        encoder=encoder,
        longest_side=int(min(codec.longest_side, 2**31) / share),
        encode_with_profile=encode_with_profile if codec.encode_with_profile else None,
    )


def other_speed(name: str) -> Distortion | None:
    """AVIF at the speed that its name says, 0 (slowest) to 10; None for another name."""
    match = SPEED.fullmatch(name)
    return avif(name, speed=int(match["speed"])) if match else None
