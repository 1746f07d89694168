"""Leaf glyph scenes: one to four boxed letters on dead leaves; an embedded dataset for detection.

Scenes have 128 x 128 px and consist of the same letters and fonts as `leaf-glyphs`, divided between the same pools, on grounds
of their own. Letters have the sizes, contrasts and boxes of those of `glyph-scenes`.

    LeafGlyphScenes(train=1050, validation=150, test=300).read("test-00017")
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from benchmark.core.digests import digest
from benchmark.core.images import Pixels
from benchmark.core.types import Objects
from benchmark.plugins.datasets import dead_leaves, glyph_scenes, glyphs, leaf_glyphs
from benchmark.plugins.datasets.glyph_scenes import SIZE, BoxedScenes, put_letters
from benchmark.plugins.datasets.glyphs import checked_counts, finished
from benchmark.plugins.datasets.leaf_glyphs import MASKS, POOLS, letters

CONTRASTS = {**glyph_scenes.CONTRASTS, "validation": glyph_scenes.CONTRASTS["train"]}
"""Least and greatest difference between a letter and its ground, in grey levels."""


class LeafGlyphScenes(BoxedScenes):
    """The dataset `leaf-glyph-scenes`, with so many sources in each pool; see `LeafGlyphs`."""

    def __init__(self, train: int, validation: int, test: int, *, zoo: int = 0) -> None:
        self.counts = checked_counts({"zoo": zoo, "train": train, "validation": validation, "test": test})

    def signature(self) -> str:
        """Digest of counts, masks and the code."""
        files = (__file__, glyph_scenes.__file__, leaf_glyphs.__file__, glyphs.__file__, dead_leaves.__file__)
        return digest(repr(self.counts), MASKS.read_bytes(), *(Path(file).read_bytes() for file in files))

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
        objects = put_letters(
            ground, letters(pool), np.random.default_rng([100 + number, index]), contrasts=CONTRASTS[pool]
        )
    return finished(ground), objects
