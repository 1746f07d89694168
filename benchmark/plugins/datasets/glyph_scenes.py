"""Glyph scenes: one to four boxed letters on dead leaves; the embedded dataset for detection.

Scenes have 128 x 128 px and consist of the same letters and fonts as `glyphs`, divided between the same pools, on grounds of
their own. A box is the extent of a letter's mask, and letters do not overlap.

    GlyphScenes(train=1050, validation=150, test=300).read("test-00017")
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.core.digests import digest
from benchmark.core.images import Pixels, png_bits
from benchmark.core.types import Objects, Source
from benchmark.plugins.datasets import dead_leaves, glyphs
from benchmark.plugins.datasets.dead_leaves import Ints
from benchmark.plugins.datasets.glyphs import (
    LETTERS,
    MASKS,
    POOLS,
    blend,
    check_id,
    checked_counts,
    finished,
    letters,
)

SIZE = 128
MOST_LETTERS = 4
TRIES = 8
"""Number of positions that are tried for a letter before it is left out."""
HEIGHTS = (26, 60)
"""Least and greatest height of a letter, in px."""
FAINT = (14, 80)
CONTRASTS = {"zoo": (24, 184), "train": FAINT, "validation": FAINT, "test": FAINT}
"""Least and greatest difference between a letter and its ground, in grey levels."""


class GlyphScenes:
    """The dataset `glyph-scenes`, with so many sources in each pool; see `Glyphs`."""

    classes = len(LETTERS)

    def __init__(self, train: int, validation: int, test: int, *, zoo: int = 0) -> None:
        self.counts = checked_counts({"zoo": zoo, "train": train, "validation": validation, "test": test})

    def signature(self) -> str:
        """Digest of counts, masks and the code."""
        code = [Path(file).read_bytes() for file in (__file__, glyphs.__file__, dead_leaves.__file__)]
        return digest(repr(self.counts), MASKS.read_bytes(), *code)

    def sources(self) -> list[Source]:
        """All sources, without digests."""
        return [
            Source(id=f"{pool}-{index:05d}", truth=self.render(pool, index)[1], pool=pool)
            for pool, count in self.counts.items()
            for index in range(count)
        ]

    def content(self, source: str) -> bytes:
        """The bytes that identify a source's content, which are its pixels and objects."""
        pool, index = check_id(source, self.counts)
        pixels, objects = self.render(pool, index)
        return pixels.tobytes() + repr((objects.boxes.tolist(), objects.classes.tolist())).encode()

    def read(self, source: str) -> Pixels:
        """Render one scene, uint8 RGB of shape (128, 128, 3).

        Raises:
            DataError: there is no such source.
        """
        return self.render(*check_id(source, self.counts))[0]

    def bits(self, source: str) -> int:
        """Size of the scene as a PNG."""
        return png_bits(self.read(source))

    def render(self, pool: str, index: int) -> tuple[Pixels, Objects]:
        """Scene `index` of a pool, and the objects in it."""
        return scene(pool, index)


@functools.lru_cache(maxsize=8192)
def scene(pool: str, index: int, *, letter: bool = True) -> tuple[Pixels, Objects]:
    """Scene `index` of a pool and the objects in it, or its ground without a letter and no object."""
    number = POOLS.index(pool)
    ground = dead_leaves.dead_leaves((110 + number, index), SIZE)
    objects = Objects(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool), (SIZE, SIZE))
    if letter:
        random = np.random.default_rng([100 + number, index])
        objects = put_letters(ground, letters(pool), random, contrasts=CONTRASTS[pool])
    return finished(ground), objects


def put_letters(
    ground: Ints, masks: dict[str, list[Pixels]], random: np.random.Generator, *, contrasts: tuple[int, int]
) -> Objects:
    """Blend one to four letters onto a ground, in place, and return them as objects.

    Args:
        ground: int32 (128, 128, 3), 0 to 255.
        masks: for each letter, its masks in each font that may be drawn.
        random: draws all that is chosen.
        contrasts: least and greatest difference between a letter and its ground, in grey levels.
    """
    boxes: list[tuple[int, int, int, int]] = []
    classes: list[int] = []
    for _ in range(1 + int(random.random() * MOST_LETTERS)):
        kind = int(random.random() * len(LETTERS))
        fonts = masks[LETTERS[kind]]
        mask = fonts[int(random.random() * len(fonts))]
        height = int(HEIGHTS[0] + random.random() * (HEIGHTS[1] - HEIGHTS[0]))
        width = max(4, min(SIZE // 2, round(mask.shape[1] * height / mask.shape[0])))
        contrast = int(contrasts[0] + random.random() ** 2 * (contrasts[1] - contrasts[0]))
        tint = (random.random(3) * 40).astype(np.int32) - 20
        positions = (random.random((TRIES, 2)) * (SIZE - height, SIZE - width)).astype(int).tolist()
        free = [(y, x) for y, x in positions if not any(touches((x, y, x + width, y + height), box) for box in boxes)]
        if free:
            y, x = free[0]
            ink = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.BICUBIC)).astype(np.int32)
            blend(ground, ink, y, x, contrast=contrast, tint=tint)
            boxes.append((x, y, x + width, y + height))
            classes.append(kind)
    crowd = np.zeros(len(boxes), bool)
    return Objects(np.array(boxes, np.float64), np.array(classes, np.int64), crowd, (SIZE, SIZE))


def touches(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    """Whether two boxes (left, top, right, bottom) share a pixel."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
