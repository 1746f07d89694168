"""Leaf glyphs: generated, deterministic letters on dead leaves; an embedded dataset whose parts share no font and no ground.

A scene is one letter of ten, in one of 135 families of fonts, blended onto a picture of `dead_leaves` of its own, 64 x 64 px.
Letters have the sizes and contrasts of those of `glyphs`. The fonts (`fonts.csv`) are divided between four pools: `zoo` trains
networks, and `train`, `validation` and `test` are the parts of a suite. No letter's shape occurs in two pools, and no ground in
two scenes.

    LeafGlyphs(train=4200, validation=600, test=1200).read("test-00017")

All arithmetic is on integers or rounded as IEEE 754 says (Pillow's 8-bit resize, NumPy), so that the pixels are the same on
every machine.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from benchmark.core.digests import digest
from benchmark.core.images import Pixels
from benchmark.plugins.datasets import dead_leaves, glyphs
from benchmark.plugins.datasets.glyphs import (
    LETTERS,
    SIZE,
    LetterScenes,
    check_id,
    checked_counts,
    finished,
    put_letter,
)

MASKS = Path(__file__).with_name("fonts.npz")
POOLS = ("zoo", "train", "validation", "test")
HEIGHTS = {**glyphs.HEIGHTS, "validation": glyphs.HEIGHTS["train"]}
"""Least and greatest height of a letter, in px."""
CONTRASTS = {**glyphs.CONTRASTS, "validation": glyphs.CONTRASTS["train"]}
"""Least and greatest difference between a letter and its ground, in grey levels."""


class LeafGlyphs(LetterScenes):
    """The dataset `leaf-glyphs`, with so many sources in each pool.

    With none in `validation` a suite divides `train`, and its parts train and validation then share fonts.
    """

    def __init__(self, train: int, validation: int, test: int, *, zoo: int = 0) -> None:
        self.counts = checked_counts({"zoo": zoo, "train": train, "validation": validation, "test": test})

    def signature(self) -> str:
        """Digest of counts, masks and the code."""
        code = [Path(file).read_bytes() for file in (__file__, glyphs.__file__, dead_leaves.__file__)]
        return digest(repr(self.counts), MASKS.read_bytes(), *code)

    def read(self, source: str) -> Pixels:
        """Render one scene."""
        return scene(*check_id(source, self.counts))


@functools.lru_cache(maxsize=8192)
def scene(pool: str, index: int, *, letter: bool = True) -> Pixels:
    """Scene `index` of a pool, whose letter is the index modulo ten, or its ground without the letter.

    Grounds alone are examples of no letter, for networks that must not see one in the blocks of a compressed image.
    """
    number = POOLS.index(pool)
    ground = dead_leaves.dead_leaves((10 + number, index), SIZE)
    if letter:
        draw = iter(np.random.default_rng([number, index]).random(8).tolist())
        masks = letters(pool)[LETTERS[index % len(LETTERS)]]
        put_letter(ground, masks, draw, heights=HEIGHTS[pool], contrasts=CONTRASTS[pool])
    return finished(ground)


@functools.cache
def letters(pool: str) -> dict[str, list[Pixels]]:
    """The masks of a pool: for each letter, one uint8 array (64, W) per family of fonts."""
    with np.load(MASKS) as masks:
        ink, widths = masks[pool], masks[f"{pool}/widths"]
    split = np.split(ink, np.cumsum(widths.reshape(-1), dtype=np.int64)[:-1], axis=1)
    return {letter: split[column :: len(LETTERS)] for column, letter in enumerate(LETTERS)}
