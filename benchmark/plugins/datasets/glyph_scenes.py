"""Glyph scenes: one to four boxed letters on a photograph; the embedded dataset for detection.

Scenes have 128 x 128 px and consist of the same letters, fonts and photographs as `glyphs`, divided between the same pools. A
box is the extent of a letter's mask, and letters do not overlap.

    GlyphScenes(train=1200, test=300).read("test-00017")
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.core.digests import digest
from benchmark.core.images import Pixels, pixel_digest, png_bits
from benchmark.core.types import Objects, Source
from benchmark.plugins.datasets.glyphs import (
    LETTERS,
    MASKS,
    PHOTOGRAPHS,
    POOLS,
    Ints,
    blend,
    check_id,
    checked_counts,
    finished,
    letters,
    photograph,
)

SIZE = 128
MOST_LETTERS = 4
TRIES = 8
"""Number of positions that are tried for a letter before it is left out."""
HEIGHTS = (26, 60)
"""Least and greatest height of a letter, in px."""
CONTRASTS = {"zoo": (24, 184), "train": (14, 80), "test": (14, 80)}
"""Least and greatest difference between a letter and its ground, in grey levels."""


class BoxedScenes(ABC):
    """A dataset of scenes of boxed letters, by pools; a subclass says how a scene is drawn."""

    classes = len(LETTERS)
    counts: dict[str, int]
    """Number of scenes of each pool."""

    @abstractmethod
    def signature(self) -> str:
        """Digest of everything that the scenes depend on."""

    @abstractmethod
    def render(self, pool: str, index: int) -> tuple[Pixels, Objects]:
        """Scene `index` of a pool, uint8 RGB of shape (128, 128, 3), and the objects in it."""

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
        """Render one scene.

        Raises:
            DataError: there is no such source.
        """
        return self.render(*check_id(source, self.counts))[0]

    def bits(self, source: str) -> int:
        """Size of the scene as a PNG."""
        return png_bits(self.read(source))


class GlyphScenes(BoxedScenes):
    """The dataset `glyph-scenes`, with `train` and `test` sources in the pools of these names."""

    def __init__(self, train: int, test: int, *, zoo: int = 0) -> None:
        self.counts = checked_counts({"zoo": zoo, "train": train, "test": test})

    def signature(self) -> str:
        """Digest of counts, masks, photographs and the code."""
        photographs = [pixel_digest(photograph(name)) for names in PHOTOGRAPHS.values() for name in names]
        code = [Path(__file__).with_name(name).read_bytes() for name in ("glyphs.py", "glyph_scenes.py")]
        return digest(repr(self.counts), MASKS.read_bytes(), *code, *photographs)

    def render(self, pool: str, index: int) -> tuple[Pixels, Objects]:
        """Scene `index` of a pool, and the objects in it."""
        return scene(pool, index)


@functools.lru_cache(maxsize=8192)
def scene(pool: str, index: int) -> tuple[Pixels, Objects]:
    """Scene `index` of a pool, and the objects in it."""
    random = np.random.default_rng([100 + POOLS.index(pool), index])
    photo = photograph(PHOTOGRAPHS[pool][int(random.random() * len(PHOTOGRAPHS[pool]))])
    side = int(SIZE + random.random() * (min(256, *photo.shape[:2]) - SIZE))
    top, left = (int(random.random() * (length - side + 1)) for length in photo.shape[:2])
    crop = Image.fromarray(photo[top : top + side, left : left + side])
    ground = np.array(crop.resize((SIZE, SIZE), Image.Resampling.BICUBIC), np.int32)
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
