"""Checks of recorded outcomes against this machine: the same pixels, weights and precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from benchmark.core.errors import LabelError
from benchmark.core.images import pixel_digest
from benchmark.core.types import PRISTINE
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.labelling.shards import IMAGES
from benchmark.plugins.distortions import decoded, encoded, find_distortion
from benchmark.suites.results_folder import SuiteFolder

Stored = dict[str, tuple[pl.DataFrame, dict[str, Any]]]
"""Table and metadata of each network, and of `images`."""
WeightsHere = Callable[[str], str | None]
"""Maps a network to the digest of its weights on this machine, or to None; see `plugins.networks.weights_here`."""
CHECKED_SOURCES = 8


def check_codec(indexed: IndexedSuite, stored: Stored, home: SuiteFolder) -> None:
    """Raise LabelError if any of a few images, compressed on this machine, differs from the recorded pixels."""
    table, metadata = stored.get(IMAGES, (pl.DataFrame(), {}))
    codec = find_distortion(indexed.suite.distortion.name)
    checked = table["source"].unique(maintain_order=True)[:CHECKED_SOURCES] if table.height else ()
    for name in checked:
        pristine = indexed.dataset.read(name)
        for level, pixels in table.filter(source=name).select("level", "pixels").iter_rows():
            image = pristine if level == PRISTINE else decoded(codec, encoded(codec, pristine, level, name), name)
            if int(pixel_digest(image), 16) != pixels:
                raise LabelError(
                    f"{home.path}: recorded with {metadata['encoder']}; this machine's {codec.encoder()} gives other pixels "
                    f"for {name} at level {level}; use that version, or label anew into another folder (--results)"
                )


def check_weights(stored: Stored, weights: WeightsHere, home: SuiteFolder) -> None:
    """Raise LabelError if a network whose outcomes are recorded has other weights on this machine now."""
    for name, (table, _) in stored.items():
        if name != IMAGES and table.height and (here := weights(name)):
            check_same(name, stored, home, weights=here)


def check_same(name: str, stored: Stored, home: SuiteFolder, **now: str) -> None:
    """Raise LabelError if the recorded outcomes of a network were computed with other weights or precision."""
    for key, value in now.items() if name in stored else ():
        before = stored[name][1][key]
        if before != value:
            raise LabelError(
                f"{home.path}: outcomes of {name} were recorded with {key} {before}, now it is {value}; they do not mix: "
                "label anew (--anew) into another folder (--results)"
            )
