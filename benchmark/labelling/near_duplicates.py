"""Audit: photographs of different parts that look alike, though their ids and contents differ.

    for pair in near_duplicates(index_suite(suite, workspace), workspace.cache):
        print(pair)                          # train n01440764_10026 and test n01443537_2: distance 2

Each pristine image gets a perceptual hash of 64 bits (imagehash's `phash`, of the low DCT frequencies); two images whose hashes
differ in at most NEAR bits are reported. On 150 photographs of ImageNet, this detects all copies at JPEG quality 20 or half the
size, 96 % of those 1.3 times as bright, and 86 % of those cropped by 2 % on each side; the least distance between photographs
of imagenet-lite is 10. A reported pair is a hint to inspect, not a proof.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.core.files import write_text
from benchmark.core.images import Pixels
from benchmark.core.progress import show_progress
from benchmark.core.types import Source
from benchmark.labelling.indexed_suite import IndexedSuite

NEAR = 6
"""Largest number of bits, of 64, in which the hashes of near-duplicates differ."""
BLOCK = 1000


@dataclass(frozen=True, order=True)
class Pair:
    """Two photographs of different parts that look alike."""

    distance: int
    """Number of bits in which their hashes differ."""
    parts: tuple[str, str]
    sources: tuple[str, str]

    def __str__(self) -> str:
        """The pair as one line of text."""
        names = (f"{part} {source}" for part, source in zip(self.parts, self.sources, strict=True))
        return f"{' and '.join(names)}: distance {self.distance}"


def perceptual_hash(image: Pixels) -> int:
    """The 64-bit hash of an image, uint8 RGB (H, W, 3)."""
    import imagehash
    from PIL import Image

    return int(str(imagehash.phash(Image.fromarray(image))), 16)


def hashes(indexed: IndexedSuite, cache: Path) -> dict[str, int]:
    """The hash of every photograph of a suite, without augmented versions; the cache keeps it by the photograph's digest."""
    path = cache / "hashes" / f"{indexed.suite.dataset['name']}.json"
    try:
        cached = json.loads(path.read_text())
    except (OSError, ValueError):  # the file is missing or damaged
        cached = {}
    sources = [source for members in indexed.parts.values() for source in members if not source.parent]
    new = [source for source in sources if source.digest not in cached]
    with show_progress(f"{indexed.suite.folder}, audit", len(new), "photographs") as advance:
        for source in new:
            cached[source.digest] = perceptual_hash(indexed.dataset.read(source.id))
            advance(1)
    if new:
        write_text(path, json.dumps(cached))
    return {source.id: cached[source.digest] for source in sources}


def near_duplicates(indexed: IndexedSuite, cache: Path) -> list[Pair]:
    """Photographs of different parts that look alike, the most alike first."""
    source_hashes = hashes(indexed, cache)
    parts = {name: [source for source in members if not source.parent] for name, members in indexed.parts.items()}
    pairs = [
        Pair(distance, names, (first.id, second.id))
        for names in itertools.combinations(parts, 2)
        for distance, first, second in close(parts[names[0]], parts[names[1]], source_hashes)
    ]
    return sorted(pairs)


def close(
    first: list[Source], second: list[Source], source_hashes: dict[str, int]
) -> Iterator[tuple[int, Source, Source]]:
    """All pairs whose hashes differ in at most NEAR bits, with their distance."""
    left, right = (np.array([source_hashes[source.id] for source in members], np.uint64) for members in (first, second))
    for start in range(0, len(left), BLOCK):
        distance: NDArray[np.uint8] = np.bitwise_count(left[start : start + BLOCK, None] ^ right)
        for row, column in np.argwhere(distance <= NEAR).tolist():
            yield int(distance[row, column]), first[start + row], second[column]
