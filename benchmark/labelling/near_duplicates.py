"""Audit: photographs of different parts that look alike, though their ids and contents differ.

    for pair in near_duplicates(index_suite(suite, workspace), workspace.cache):
        print(pair)                          # train n01440764_10026 and test n01443537_2: distance 2

Each pristine image gets a perceptual hash of 64 bits (imagehash's `phash`, of the low DCT frequencies), and so does each of its
seven mirrored and turned versions; two images of which any version looks like the other, with hashes that differ in at most
NEAR bits, are reported. On 150 photographs of ImageNet, this detects all copies, mirrored and turned ones included, that
were saved at JPEG quality 20 or half the size, and 96 % of those 1.3 times as bright. Crops are not found: of copies cut by 2 %
on each side it detects 91 %, by 5 % 17 %, by 10 % 2 %. The least distance between photographs of different parts of
imagenet-lite is 10. A reported pair is a hint to inspect, not a proof, and no report is no proof either.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmark.core.images import Pixels
from benchmark.core.json_cache import read_cached, write_cached
from benchmark.core.progress import show_progress
from benchmark.core.types import Source
from benchmark.labelling.indexed_suite import IndexedSuite

NEAR = 6
"""Largest number of bits, of 64, in which the hashes of near-duplicates differ."""
BLOCK = 1000
TURNS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "": np.asarray,
    "mirrored left to right": np.fliplr,
    "mirrored top to bottom": np.flipud,
    "turned by 90 degrees": np.rot90,
    "turned by 180 degrees": functools.partial(np.rot90, k=2),
    "turned by 270 degrees": functools.partial(np.rot90, k=3),
    "transposed": np.transpose,
    "transposed about the other diagonal": lambda pixels: np.rot90(np.transpose(pixels), 2),
}
"""The versions of an image that are hashed, by what was done to it: all that keep a square a square; the first is the image."""
Hashes = Annotated[list[int], msgspec.Meta(min_length=len(TURNS), max_length=len(TURNS))]
"""The hashes of an image as they are cached, one for each of TURNS."""
SIDE = 32
"""Height and width, in px, of the grey image that the hash is made of."""


@dataclass(frozen=True, order=True)
class Pair:
    """Two photographs of different parts that look alike."""

    distance: int
    """Number of bits in which their hashes differ."""
    parts: tuple[str, str]
    sources: tuple[str, str]
    turned: str = ""
    """What makes the first look like the second, one of TURNS."""

    def __str__(self) -> str:
        """The pair as one line of text."""
        names = (f"{part} {source}" for part, source in zip(self.parts, self.sources, strict=True))
        return f"{' and '.join(names)}: distance {self.distance}" + (
            f", the first {self.turned}" if self.turned else ""
        )


def perceptual_hashes(image: Pixels) -> list[int]:
    """The 64-bit hashes of an image, uint8 RGB (H, W, 3), one for each of TURNS."""
    import imagehash
    from PIL import Image

    small = np.asarray(Image.fromarray(image).convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    versions = (Image.fromarray(np.ascontiguousarray(turn(small))) for turn in TURNS.values())
    return [int(str(imagehash.phash(version)), 16) for version in versions]


def hashes(indexed: IndexedSuite, cache: Path) -> dict[str, list[int]]:
    """The hashes of every photograph of a suite, without augmented versions; the cache keeps them by its digest."""
    path = cache / "hashes" / f"{indexed.suite.dataset['name']}-{len(TURNS)}-turns.json"
    cached = read_cached(path, dict[str, Hashes]) or {}
    sources = [source for members in indexed.parts.values() for source in members if not source.parent]
    new = [source for source in sources if source.digest not in cached]
    with show_progress(f"{indexed.suite.folder}, audit", len(new), "photographs") as advance:
        for source in new:
            cached[source.digest] = perceptual_hashes(indexed.dataset.read(source.id))
            advance(1)
    if new:
        write_cached(path, cached)
    return {source.id: cached[source.digest] for source in sources}


def near_duplicates(indexed: IndexedSuite, cache: Path) -> list[Pair]:
    """Photographs of different parts that look alike, the most alike first."""
    source_hashes = hashes(indexed, cache)
    parts = {name: [source for source in members if not source.parent] for name, members in indexed.parts.items()}
    pairs = [
        Pair(distance, names, (first.id, second.id), turned)
        for names in itertools.combinations(parts, 2)
        for distance, turned, first, second in close(parts[names[0]], parts[names[1]], source_hashes)
    ]
    return sorted(pairs)


def close(
    first: list[Source], second: list[Source], source_hashes: dict[str, list[int]]
) -> Iterator[tuple[int, str, Source, Source]]:
    """All pairs of which hashes differ in at most NEAR bits, with the least distance and how the first is turned for it."""
    left, right = (
        np.array([source_hashes[source.id] for source in members], np.uint64).reshape(-1, len(TURNS))
        for members in (first, second)
    )
    for start in range(0, len(left), BLOCK):
        nearest: dict[tuple[int, int], tuple[int, str]] = {}
        for turned, column in zip(TURNS, left[start : start + BLOCK].T, strict=True):
            distance: NDArray[np.uint8] = np.bitwise_count(column[:, None] ^ right[:, 0])
            for row, other in np.argwhere(distance <= NEAR).tolist():
                candidate = int(distance[row, other]), turned
                nearest[row, other] = min(candidate, nearest.get((row, other), candidate))
        for (row, other), (least, turned) in nearest.items():
            yield least, turned, first[start + row], second[other]
