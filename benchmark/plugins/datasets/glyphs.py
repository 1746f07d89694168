"""Glyphs: generated, deterministic letters on dead leaves; the embedded dataset that needs no download.

A scene is one letter of ten, in one of 135 families of fonts, blended onto a picture of `dead_leaves` of its own, 64 x 64 px.
Size and contrast vary, and with them how much compression the letter survives. The fonts (`fonts.csv`) are divided between four
pools: `zoo` trains networks, and `train`, `validation` and `test` are the parts of a suite. No letter's shape occurs in two
pools, and no ground in two scenes.

    Glyphs(train=4200, validation=600, test=1200).read("test-00017")

All arithmetic is on integers or rounded as IEEE 754 says (Pillow's 8-bit resize, NumPy), so that the pixels are the same on
every machine.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.core.digests import digest
from benchmark.core.errors import DataError, SuiteError
from benchmark.core.images import Pixels, png_bits
from benchmark.core.types import Source
from benchmark.plugins.datasets import dead_leaves
from benchmark.plugins.datasets.dead_leaves import Ints

SIZE = 64
LETTERS = "ABDEGKNRSX"
MASKS = Path(__file__).with_name("fonts.npz")
POOLS = ("zoo", "train", "validation", "test")
FAINT = (12, 60)
HEIGHTS = {"zoo": (20, 57), "train": (28, 57), "validation": (28, 57), "test": (28, 57)}
"""Least and greatest height of a letter, in px."""
CONTRASTS = {"zoo": (24, 184), "train": FAINT, "validation": FAINT, "test": FAINT}
"""Least and greatest difference between a letter and its ground, in grey levels. The benchmark's letters are large and faint,
so that they are legible until compression flattens them."""


class Glyphs:
    """The dataset `glyphs`, with so many sources in each pool.

    With none in `validation` a suite divides `train`, and its parts train and validation then share fonts.
    """

    classes = len(LETTERS) + 1
    """The letters, and none at all, which no source shows: networks answer it to what compression left of some."""

    def __init__(self, train: int, validation: int, test: int, *, zoo: int = 0) -> None:
        self.counts = checked_counts({"zoo": zoo, "train": train, "validation": validation, "test": test})

    def signature(self) -> str:
        """Digest of counts, masks and the code."""
        code = [Path(file).read_bytes() for file in (__file__, dead_leaves.__file__)]
        return digest(repr(self.counts), MASKS.read_bytes(), *code)

    def sources(self) -> list[Source]:
        """All sources, without digests."""
        return [
            Source(id=f"{pool}-{index:05d}", truth=index % len(LETTERS), pool=pool)
            for pool, count in self.counts.items()
            for index in range(count)
        ]

    def content(self, source: str) -> bytes:
        """The bytes that identify a source's content, which are its pixels."""
        return self.read(source).tobytes()

    def read(self, source: str) -> Pixels:
        """Render one scene, uint8 RGB of shape (64, 64, 3).

        Raises:
            DataError: there is no such source.
        """
        return scene(*check_id(source, self.counts))

    def bits(self, source: str) -> int:
        """Size of the scene as a PNG."""
        return png_bits(self.read(source))


def checked_counts(counts: dict[str, int]) -> dict[str, int]:
    """The counts of scenes by pool, unchanged; raises SuiteError where one is not a number of scenes."""
    for pool, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise SuiteError(f"[dataset] {pool} is {count!r}; it is a number of scenes")
    return counts


def check_id(source: str, counts: dict[str, int]) -> tuple[str, int]:
    """Pool and index of a source's id; raises DataError where there is no such source."""
    pool, _, index = source.partition("-")
    if not (pool in counts and index.isascii() and index.isdigit() and int(index) < counts[pool]):
        available = ", ".join(f"{count} in {name}" for name, count in counts.items())
        raise DataError(f"glyphs: no source {source!r}; ids look like 'train-00017', there are {available}")
    return pool, int(index)


@functools.lru_cache(maxsize=8192)
def scene(pool: str, index: int, *, letter: bool = True) -> Pixels:
    """Scene `index` of a pool, whose letter is the index modulo ten, or its ground without the letter.

    Grounds alone are examples of no letter, for networks that must not see one in the blocks of a compressed image.
    """
    ground = dead_leaves.dead_leaves((10 + POOLS.index(pool), index), SIZE)
    if letter:
        draw = iter(choices(pool, index))
        masks = letters(pool)[LETTERS[index % len(LETTERS)]]
        put_letter(ground, masks, draw, heights=HEIGHTS[pool], contrasts=CONTRASTS[pool])
    return finished(ground)


def choices(pool: str, index: int) -> list[float]:
    """The eight numbers in [0, 1) that choose the letter's family, height, position, contrast and tint."""
    return np.random.default_rng([POOLS.index(pool), index]).random(8).tolist()


def family(pool: str, index: int) -> int:
    """The number of the family of fonts of a scene's letter, within its pool."""
    return int(choices(pool, index)[0] * len(letters(pool)[LETTERS[0]]))


def put_letter(
    ground: Ints, masks: list[Pixels], draw: Iterator[float], *, heights: tuple[int, int], contrasts: tuple[int, int]
) -> None:
    """Blend one letter onto a ground, in place.

    Args:
        ground: int32 (64, 64, 3), 0 to 255.
        masks: the letter in each family that may be drawn.
        draw: at least eight numbers in [0, 1), which choose family, height, position, contrast and tint.
        heights: least and greatest height, in px.
        contrasts: least and greatest difference from the ground, in grey levels.
    """
    mask = masks[int(next(draw) * len(masks))]
    small, large = heights
    height = int(small + next(draw) * (large - small))
    width = min(SIZE - 4, max(4, round(mask.shape[1] * height / mask.shape[0])))
    ink = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.BICUBIC)).astype(np.int32)
    y, x = int(next(draw) * (SIZE - height)), int(next(draw) * (SIZE - width))

    faint, strong = contrasts
    contrast = int(faint + next(draw) ** 2 * (strong - faint))
    tint = np.array([int(next(draw) * 40) - 20 for _ in range(3)])
    blend(ground, ink, y, x, contrast=contrast, tint=tint)


def finished(ground: Ints) -> Pixels:
    """A scene as uint8, which is read-only, since all callers share it."""
    pixels = np.ascontiguousarray(ground, np.uint8)
    pixels.flags.writeable = False
    return pixels


def blend(ground: Ints, ink: Ints, top: int, left: int, *, contrast: int, tint: Ints) -> None:
    """Put a letter onto a scene, in place.

    The letter is lighter than a dark ground and darker than a light one. Contrasts are drawn as squares, so that faint
    letters, which compression destroys first, are common.

    Args:
        ground: the scene, int32 (H, W, 3), 0 to 255.
        ink: opacity of the letter, int32 (h, w), 0 to 255.
        top: the letter's upper edge in the scene, in px.
        left: the letter's left edge in the scene, in px.
        contrast: difference from the ground's mean, in grey levels.
        tint: the value added to each channel, shape (3,).
    """
    under = ground[top : top + ink.shape[0], left : left + ink.shape[1]]
    level = under.mean(axis=(0, 1)).astype(np.int32)
    colour = np.clip(level + np.where(level.mean() < 128, contrast, -contrast) + tint, 0, 255)
    opacity = ink[..., None] * 230 // 255
    under[:] = (under * (255 - opacity) + colour * opacity + 127) // 255


@functools.cache
def letters(pool: str) -> dict[str, list[Pixels]]:
    """The masks of a pool: for each letter, one uint8 array (64, W) per family of fonts."""
    with np.load(MASKS) as masks:
        ink, widths = masks[pool], masks[f"{pool}/widths"]
    split = np.split(ink, np.cumsum(widths.reshape(-1), dtype=np.int64)[:-1], axis=1)
    return {letter: split[column :: len(LETTERS)] for column, letter in enumerate(LETTERS)}
