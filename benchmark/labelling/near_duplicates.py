"""Audit: photographs of different parts that look alike, though their ids and contents differ.

    for pair in near_duplicates(truth, cache):
        print(pair)                          # train n01440764_10026 and test n01443537_2: distance 2

Each pristine image gets a perceptual hash of 64 bits (imagehash's `phash`, of the low DCT frequencies); two whose hashes differ
in at most NEAR bits are told. On 150 photographs of ImageNet all copies at JPEG quality 20 or half the size were found so, 96 %
of those 1.3 times as bright, and 86 % of those cut by 2 % on each side; between photographs of imagenet-lite the least
distance was 10. It is a hint to look at, not a proof.
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
from benchmark.labelling.ground_truth import GroundTruth

NEAR = 6
"""Most bits of 64 that the hashes of near-duplicates differ in."""
BLOCK = 1000


@dataclass(frozen=True, order=True)
class Pair:
    """Two photographs of different parts."""

    distance: int
    """Bits that their hashes differ in."""
    parts: tuple[str, str]
    sources: tuple[str, str]

    def __str__(self) -> str:
        """As one line."""
        told = (f"{part} {source}" for part, source in zip(self.parts, self.sources, strict=True))
        return f"{' and '.join(told)}: distance {self.distance}"


def perceptual_hash(image: Pixels) -> int:
    """The hash of an image, uint8 RGB (H, W, 3): 64 bits."""
    import imagehash
    from PIL import Image

    return int(str(imagehash.phash(Image.fromarray(image))), 16)


def hashes(truth: GroundTruth, cache: Path) -> dict[str, int]:
    """The hash of every photograph of a suite, versions apart; kept in the cache by the photographs' digests."""
    kept = cache / "hashes" / f"{truth.suite.dataset['name']}.json"
    try:
        known = json.loads(kept.read_text())
    except (OSError, ValueError):  # not there, or damaged
        known = {}
    sources = [source for members in truth.parts.values() for source in members if not source.parent]
    new = [source for source in sources if source.digest not in known]
    with show_progress(f"{truth.suite.folder}, audit", len(new), "photographs") as advance:
        for source in new:
            known[source.digest] = perceptual_hash(truth.dataset.read(source.id))
            advance(1)
    if new:
        write_text(kept, json.dumps(known))
    return {source.id: known[source.digest] for source in sources}


def near_duplicates(truth: GroundTruth, cache: Path) -> list[Pair]:
    """Photographs of different parts that look alike, the most alike first."""
    known = hashes(truth, cache)
    parts = {name: [one for one in members if not one.parent] for name, members in truth.parts.items()}
    pairs = [
        Pair(distance, (one, other), (first.id, second.id))
        for one, other in itertools.combinations(parts, 2)
        for distance, first, second in close(parts[one], parts[other], known)
    ]
    return sorted(pairs)


def close(some: list[Source], others: list[Source], known: dict[str, int]) -> Iterator[tuple[int, Source, Source]]:
    """All pairs whose hashes are near, with their distance."""
    left, right = (np.array([known[source.id] for source in members], np.uint64) for members in (some, others))
    for start in range(0, len(left), BLOCK):
        distance: NDArray[np.uint8] = np.bitwise_count(left[start : start + BLOCK, None] ^ right)
        for row, column in np.argwhere(distance <= NEAR).tolist():
            yield int(distance[row, column]), some[start + row], others[column]
