"""Dead leaves: generated pictures with the statistics of photographs, the grounds of the glyphs.

A picture consists of opaque shapes that fell onto each other, whose sizes follow a power law, so that it looks alike at all
scales; this model explains the spectrum and the gradients of photographs (Lee, Mumford & Huang, "Occlusion models for natural
images", IJCV 2001), and networks learn from it (Baradad et al., "Learning to see by looking at noise", NeurIPS 2021).

    dead_leaves((2, 17), 64)         # the picture of seed (2, 17): int32 (64, 64, 3), 0 to 255

The pictures of two seeds share nothing. A picture is drawn at twice its size and reduced, so that edges are soft; the constants
below are ranges from which each picture draws its own values, and their lengths are in px of the doubled picture.

- *Shapes* are ellipses and rectangles of any direction. Their half-widths r have a density proportional to r**-3, so that each
  octave covers the same area. They cover the picture about one to two times; the ground below them is one more leaf.
- *Outlines* are bent by a texture: a pixel shows the leaf that lies some px away.
- *Colours*: a picture has its mean, contrast and two hues, and each leaf takes a lightness and a mixture of the hues.
- *Textures* are noise with a spectrum close to 1 / f: octaves of integers, each enlarged to the size of the next by linear
  interpolation. Each leaf shows its own part of the picture's texture, at its own strength.
- *Light* is a ramp in a random direction across the picture.

Every picture is the same to the bit on every machine. Random numbers are the raw bits of PCG64, which NumPy guarantees never
to change. Shapes are compared in float32 with sums, products, quotients and roots alone, each an array operation of its own,
which IEEE 754 rounds correctly; no such value is summed up. All the rest is arithmetic on integers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int32]]
Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Shorts = np.ndarray[tuple[int, ...], np.dtype[np.int16]]
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Words = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]

NEAR, FAR = (4, 18), (24, 56)
"""Least and greatest half-width of a picture's leaves."""
COVER, FILL = (6, 18), 2.2
"""Area of all leaves together, in eighths of the picture; and the area of a typical one, in squares of its half-width."""
BROAD, LONG, LONG_SHARE = 1.8, 4.0, 0.12
"""Greatest aspect of most leaves, greatest aspect of the others, and their share."""
MEAN, CONTRAST = (60, 176), (14, 104)
"""Mean lightness, and the leaves' greatest difference from it, in grey levels."""
WARMTH, TINT, COLOURFUL = (-44, 64), (-8, 18), (32, 256)
"""A hue's difference from grey from blue to red, and towards green, in 1/128 of the lightness; and its share, in 1/256."""
TEXTURE, ROUGHNESS, COARSEST = (6, 90), (4, 8), 4
"""Greatest strength of texture, in 1/64 of the lightness; strength of an octave relative to the one before, in eighths, where 8
is a spectrum of 1 / f; and the number of values along a side of the first octave."""
BEND, LIGHT = (0, 20), 40
"""Greatest distance over which outlines are bent; and change of lightness from the middle to an edge, in 1/256."""
SOFTNESS = (0, 1, 1, 2)
"""Choices of the softness of edges: see `halve`."""
CLASSES, MARGIN = (10, 17, 28, 46), 2 * FAR[1] + 1
"""Limits of the extents up to which leaves are drawn together; and the width around a picture into which leaves reach."""


class Draws:
    """Random numbers of one seed, from raw bits."""

    def __init__(self, seed: Sequence[int]) -> None:
        self.bits = np.random.PCG64(np.random.SeedSequence(list(seed)))

    def words(self, count: int) -> Words:
        """So many numbers from 0 to 2**32 - 1."""
        return np.asarray(self.bits.random_raw(count)) >> np.uint64(32)

    def whole(self, low: int, high: int, count: int) -> Ints:
        """So many integers from low to high, both included."""
        return ((self.words(count) * np.uint64(high - low + 1)) >> np.uint64(32)).astype(np.int32) + np.int32(low)

    def below(self, limits: Ints) -> Ints:
        """For each limit, an integer from 0 to one less."""
        return ((self.words(len(limits)) * limits.astype(np.uint64)) >> np.uint64(32)).astype(np.int32)

    def between(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return int(self.whole(low, high, 1)[0])

    def unit(self, count: int) -> Floats:
        """So many float32 in [0, 1), multiples of 2**-24."""
        return (self.words(count) >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)

    def noise(self, size: int) -> Ints:
        """White noise of shape (size, size), integers from -128 to 127."""
        raw = np.asarray(self.bits.random_raw(size * size // 8)).astype("<u8")
        return raw.view(np.int8).reshape(size, size).astype(np.int32)


@dataclass(frozen=True)
class Leaves:
    """Shapes in the order in which they fall, each array of shape (N).

    Attributes:
        radius: half of the longer extent.
        aspect: the longer extent divided by the shorter one.
        across: horizontal part of the longer axis's unit vector, not 0.
        down: its vertical part, not 0.
        straight: whether it is a rectangle instead of an ellipse.
        row: row of the centre.
        column: column of the centre.
    """

    radius: Floats
    aspect: Floats
    across: Floats
    down: Floats
    straight: Bools
    row: Ints
    column: Ints


def dead_leaves(seed: Sequence[int], size: int) -> Ints:
    """The picture of a seed, int32 of shape (size, size, 3), 0 to 255; size is a power of two, at least 16."""
    if size < 16 or size & (size - 1):
        raise ValueError(f"size is {size}; it is a power of two, at least 16")
    draw, double = Draws(seed), 2 * size
    field, leaves = texture(draw, double), fall(draw, double)
    label, count = bent(paint(leaves, double), field, draw.between(*BEND)), len(leaves.row) + 1
    start, strength = draw.whole(0, field.size - 1, count), (draw.whole(0, 255, count) * draw.between(*TEXTURE)) >> 8
    part = field.take((start.take(label) + np.arange(field.size)) & (field.size - 1))
    gain = 256 + (part * strength.take(label) >> 5)
    ramp, softness = light(draw, size), SOFTNESS[draw.between(0, len(SOFTNESS) - 1)]
    planes = [(colour.take(label) * gain).reshape(double, double) for colour in palette(draw, count)]
    picture = np.stack([halve(plane, softness) * ramp >> 18 for plane in planes], axis=2)
    return np.clip(picture, 0, 255, out=picture)


def fall(draw: Draws, size: int) -> Leaves:
    """The leaves of a picture of so many px."""
    near, far = draw.between(*NEAR), draw.between(*FAR)
    octaves = sum(1 / step for step in range(near + 1, far + 1))  # close to log(far / near), and the same everywhere
    count = max(4, int(draw.between(*COVER) / 8 * size * size / (2 * near * near * octaves * FILL)))
    spread = np.float32(1 - near * near / (far * far))
    radius = np.float32(near) / np.sqrt(np.float32(1) - draw.unit(count) * spread)
    stretch = np.where(draw.unit(count) < np.float32(LONG_SHARE), np.float32(LONG - 1), np.float32(BROAD - 1))
    odd = 2 * draw.whole(-50, 49, 2 * count) + 1  # so that no outline is upright
    across, down = odd.astype(np.float32).reshape(2, count)
    length: Floats = np.sqrt(across * across + down * down)
    reach = radius.astype(np.int32)
    return Leaves(
        radius=radius,
        aspect=np.float32(1) + draw.unit(count) * stretch,
        across=across / length,
        down=down / length,
        straight=draw.unit(count) < draw.unit(1),
        row=draw.below(size + reach) - reach // 2,
        column=draw.below(size + reach) - reach // 2,
    )


def paint(leaves: Leaves, size: int) -> Shorts:
    """For each pixel the number of the leaf on top, counted from 1; 0 where there is none; with a margin of `MARGIN` px."""
    canvas = np.zeros((size + 2 * MARGIN, size + 2 * MARGIN), np.int16)
    reach = (leaves.radius * np.where(leaves.straight, np.float32(1.5), np.float32(1))).astype(np.int32) + 1
    most = int(reach.max())
    first, last = spans(leaves, most)
    masks: dict[int, Bools] = {}
    for low, high in itertools.pairwise([0, *(limit for limit in CLASSES if limit < most), most]):
        (members,) = np.nonzero((reach > low) & (reach <= high))
        steps, rows = np.arange(-high, high + 1, dtype=np.int16), slice(most - high, most + high + 1)
        covered = steps >= first[members, rows, None]
        covered &= steps < last[members, rows, None]
        masks.update(zip(members.tolist(), covered, strict=True))
    for number, (row, column) in enumerate(zip(leaves.row.tolist(), leaves.column.tolist(), strict=True)):
        side = len(masks[number])
        top, left = row + MARGIN - side // 2, column + MARGIN - side // 2
        np.copyto(canvas[top : top + side, left : left + side], number + 1, where=masks[number])
    return canvas


def spans(leaves: Leaves, reach: int) -> tuple[Shorts, Shorts]:
    """What leaves cover in each row around their centres: first column and the one after the last, each (N, 2 * reach + 1).

    In coordinates u along and v athwart a leaf, in half-widths, an ellipse is u**2 + v**2 <= 1 and a rectangle is |u| <= 1 and
    |v| <= 1. Both are convex, so that they cover one span of each row.
    """
    y, unit = np.arange(-reach, reach + 1, dtype=np.float32), np.float32(1)
    ux, uy = (part[:, None] / leaves.radius[:, None] for part in (leaves.across, leaves.down))
    vx, vy = -uy * leaves.aspect[:, None], ux * leaves.aspect[:, None]
    square, product = ux * ux + vx * vx, ux * uy + vx * vy
    middle, width = -product / square, (product * product - square * (uy * uy + vy * vy)) / (square * square)
    root = np.sqrt(np.maximum(width * (y * y) + unit / square, np.float32(0)))
    u, v, reach_u, reach_v = -uy / ux * y, -vy / vx * y, unit / np.abs(ux), unit / np.abs(vx)
    straight = leaves.straight[:, None]
    left = np.where(straight, np.maximum(u - reach_u, v - reach_v), middle * y - root)
    right = np.where(straight, np.minimum(u + reach_u, v + reach_v), middle * y + root)
    limit = np.float32(reach + 1)
    first, last = (np.clip(np.ceil(edge), -limit, limit).astype(np.int16) for edge in (left, right))
    return first, last


def bent(canvas: Shorts, field: Ints, bend: int) -> Ints:
    """The labels without their margin, flattened, intp, each taken from up to `bend` px away, as a texture says."""
    size, width = len(field), len(canvas)
    here = (np.arange(MARGIN, MARGIN + size) * width)[:, None] + np.arange(MARGIN, MARGIN + size)
    shift = np.clip(field, -128, 127) * bend >> 7
    return canvas.reshape(-1).take(here + shift * width + shift[::-1].T).reshape(-1).astype(np.intp)


def texture(draw: Draws, size: int) -> Ints:
    """A periodic texture of shape (size, size), which mostly lies within -128 to 127."""
    roughness = draw.between(*ROUGHNESS)
    field, scale, total = draw.noise(COARSEST) << 4, 16 * 256, 256 * 256
    while len(field) < size // 2:
        field = enlarge(enlarge(field).T).T
        scale = scale * roughness >> 3
        total += (scale >> 4) ** 2
        field += draw.noise(len(field)) * (scale >> 4) >> 4
    return enlarge(enlarge(field).T).T // math.isqrt(total >> 8)


def enlarge(field: Ints) -> Ints:
    """A periodic field with twice as many rows, linearly interpolated."""
    around = np.concatenate([field[-1:], field, field[:1]])
    larger = np.empty((2 * field.shape[0], field.shape[1]), np.int32)
    larger[0::2] = (3 * field + around[:-2] + 2) >> 2
    larger[1::2] = (3 * field + around[2:] + 2) >> 2
    return larger


def palette(draw: Draws, count: int) -> list[Ints]:
    """Red, green and blue of so many leaves, 0 to 255, each of shape (N)."""
    mean, contrast = draw.between(*MEAN), draw.between(*CONTRAST)
    lightness = np.clip(mean + draw.whole(-contrast, contrast, count), 4, 250)
    colourful = draw.between(*COLOURFUL)
    warmth, tint = (draw.whole(*limits, 2) * colourful >> 8 for limits in (WARMTH, TINT))
    mixture = draw.whole(0, 255, count)
    warm, green = ((pair[0] * mixture + pair[1] * (255 - mixture)) // 255 for pair in (warmth, tint))
    hues = (warm - green // 2, green, -warm - green // 2)
    return [np.clip(lightness + (hue * lightness >> 7), 0, 255) for hue in hues]


def halve(plane: Ints, softness: int) -> Ints:
    """Four times a plane reduced to half its size, with weights 0, 4, 4, 0 or 1, 3, 3, 1 or 2, 2, 2, 2 in both directions."""
    for _ in range(2):
        padded = np.concatenate([plane[:1], plane, plane[-1:]])
        inner, outer = plane[0::2] + plane[1::2], padded[0:-2:2] + padded[3::2]
        plane = (((4 - softness) * inner + softness * outer) >> 2).T
    return plane


def light(draw: Draws, size: int) -> Ints:
    """A ramp of lightness in a random direction, about 256, shape (size, size)."""
    steps = 2 * np.arange(size, dtype=np.int32) - size
    down, across = draw.whole(-LIGHT, LIGHT, 2)
    return 256 + (down * steps[:, None] + across * steps[None, :]) // size
