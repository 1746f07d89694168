"""Checks of recorded outcomes against this machine: the same pixels, weights and precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from benchmark.core.devices import all_cores
from benchmark.core.errors import LabelError
from benchmark.core.images import pixel_digest
from benchmark.core.types import IMAGE, PRISTINE, image_name
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.labelling.shards import IMAGES
from benchmark.plugins.distortions import decoded, encoded, find_distortion
from benchmark.suites.results_folder import SuiteFolder
from benchmark.suites.spec import Suite

Stored = dict[str, tuple[pl.DataFrame, dict[str, Any]]]
"""Table and metadata of each network, and of `images`."""
WeightsHere = Callable[[str], str | None]
"""Maps a network to the digest of its weights on this machine, or to None; see `plugins.networks.weights_here`."""
CHECKED_SOURCES = 8


def check_codec(indexed: IndexedSuite, stored: Stored, home: SuiteFolder) -> None:
    """Raise LabelError if any of a few images, distorted on this machine, differs from the recorded pixels."""
    table, metadata = stored.get(IMAGES, (pl.DataFrame(), {}))
    if not table.height:
        return
    seed, checked = indexed.suite.split.seed, table["source"].unique(maintain_order=True)[:CHECKED_SOURCES]
    rows = table.filter(pl.col("source").is_in(list(checked))).select(*IMAGE, "pixels").rows()
    pristine = {name: indexed.dataset.read(name) for name in checked}

    def digest_here(row: tuple[str, str, int, int]) -> int:
        source, kind, level, _ = row
        image = pristine[source]
        if kind != PRISTINE.distortion:
            distortion = find_distortion(kind)
            image = decoded(distortion, encoded(distortion, image, level, source, seed=seed), source)
        return int(pixel_digest(image), 16)

    with all_cores() as pool:
        digests = list(pool.map(digest_here, rows))
    for (*image, pixels), here in zip(rows, digests, strict=True):
        if here != pixels:
            encoder = find_distortion(image[1]).encoder() if image[1] != PRISTINE.distortion else "decoder"
            raise LabelError(
                f"{home.path}: recorded with {metadata['encoder']}; this machine's {encoder} gives other pixels for "
                f"{image_name(*image)}; use that version, or label anew into another folder (--results)"
            )


def check_weights(stored: Stored, weights: WeightsHere, home: SuiteFolder) -> None:
    """Raise LabelError if a network whose outcomes are recorded has other weights on this machine now."""
    for name, (table, _) in stored.items():
        if name != IMAGES and table.height and (here := weights(name)):
            check_same(name, stored, home, weights=here)


def check_consensus(suite: Suite, stored: Stored, home: SuiteFolder) -> None:
    """Raise LabelError if outcomes, which hold scores of the truth, were recorded when other networks agreed on it."""
    voices = sorted(suite.networks.labelling) if suite.has_consensus else None
    for name, (table, metadata) in stored.items():
        if table.height and (before := metadata.get("consensus")) != voices:
            raise LabelError(
                f"{home.path}: outcomes of {name} are of the truth of {', '.join(before or ['the dataset'])}, now it is that "
                f"of {', '.join(voices or ['the dataset'])}; label into another folder (--results), or under another name"
            )


def check_same(name: str, stored: Stored, home: SuiteFolder, **now: str) -> None:
    """Raise LabelError if the recorded outcomes of a network were computed with other weights or precision."""
    for key, value in now.items() if name in stored else ():
        before = stored[name][1][key]
        if before != value:
            raise LabelError(
                f"{home.path}: outcomes of {name} were recorded with {key} {before}, now it is {value}; they do not mix: "
                "label anew (--anew) into another folder (--results)"
            )
