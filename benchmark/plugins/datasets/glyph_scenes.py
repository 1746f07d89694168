"""Glyph scenes: one to four boxed letters on dead leaves; the embedded dataset for detection.

Scenes have 128 x 128 px and consist of the same letters and fonts as `glyphs`, divided between the same pools, on grounds of
their own. A box is the extent of a letter's mask, and letters do not overlap.

    GlyphScenes(train=1050, validation=150, test=300).read("test-00017")
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
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
            Source(id=f"{pool}-{index:05d}", truth=objects_of(letters_of(pool, index)), pool=pool)
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


@dataclass(frozen=True, eq=False)
class SceneLetter:
    """A letter of a scene, as it is drawn before any pixel is."""

    kind: int
    mask: Pixels
    box: tuple[int, int, int, int]
    """Left, top, right, bottom, in px."""
    contrast: int
    tint: Ints


@functools.lru_cache(maxsize=8192)
def scene(pool: str, index: int, *, letter: bool = True) -> tuple[Pixels, Objects]:
    """Scene `index` of a pool and the objects in it, or its ground without a letter and no object."""
    ground = dead_leaves.dead_leaves((110 + POOLS.index(pool), index), SIZE)
    drawn = letters_of(pool, index) if letter else []
    for item in drawn:
        left, top, right, bottom = item.box
        resized = Image.fromarray(item.mask).resize((right - left, bottom - top), Image.Resampling.BICUBIC)
        ink = np.asarray(resized).astype(np.int32)
        blend(ground, ink, top, left, contrast=item.contrast, tint=item.tint)
    return finished(ground), objects_of(drawn)


def letters_of(pool: str, index: int) -> list[SceneLetter]:
    """One to four letters of a scene, none over another; where no position is free, a letter is left out."""
    masks, random = letters(pool), np.random.default_rng([100 + POOLS.index(pool), index])
    least, most = CONTRASTS[pool]
    drawn: list[SceneLetter] = []
    for _ in range(1 + int(random.random() * MOST_LETTERS)):
        kind = int(random.random() * len(LETTERS))
        fonts = masks[LETTERS[kind]]
        mask = fonts[int(random.random() * len(fonts))]
        height = int(HEIGHTS[0] + random.random() * (HEIGHTS[1] - HEIGHTS[0]))
        width = max(4, min(SIZE // 2, round(mask.shape[1] * height / mask.shape[0])))
        contrast = int(least + random.random() ** 2 * (most - least))
        tint = (random.random(3) * 40).astype(np.int32) - 20
        positions = (random.random((TRIES, 2)) * (SIZE - height, SIZE - width)).astype(int).tolist()
        boxes = [(x, y, x + width, y + height) for y, x in positions]
        free = [box for box in boxes if not any(touches(box, letter.box) for letter in drawn)]
        if free:
            drawn.append(SceneLetter(kind, mask, free[0], contrast, tint))
    return drawn


def objects_of(drawn: Sequence[SceneLetter]) -> Objects:
    """The letters of a scene as objects."""
    boxes = np.array([letter.box for letter in drawn], np.float64).reshape(-1, 4)
    classes = np.array([letter.kind for letter in drawn], np.int64)
    return Objects(boxes, classes, np.zeros(len(drawn), bool), (SIZE, SIZE))


def touches(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    """Whether two boxes (left, top, right, bottom) share a pixel."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
