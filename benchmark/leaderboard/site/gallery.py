"""Images that a page shows: ladders, pairs of both classes at the same condition, and where a predictor is right and wrong."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import rankdata

from benchmark.core.errors import BenchmarkError
from benchmark.core.types import CONDITION, IMAGE, Condition
from benchmark.evaluation.results import PredictorResult, SuiteResults
from benchmark.labelling.recorded import read_outcomes_of
from benchmark.leaderboard.plot_data import classified, combined_labels
from benchmark.leaderboard.site.ladder import Ladder, ladders
from benchmark.leaderboard.site.photographs import Photographs, Picture
from benchmark.suites.spec import COMBINED

logger = logging.getLogger(__name__)

PAIRS = 4
"""Number of conditions at which a useful and a non-useful image are shown."""
CLOSE = 0.1
"""Greatest difference of the bits a pixel of a pair, as a share."""
EACH = 6
"""Number of images of each class in which a predictor is most wrong, or most right."""


@dataclass(frozen=True)
class Gallery:
    """The images of the page of a suite."""

    ladders: tuple[Ladder, ...] = ()
    pairs: tuple[tuple[Shown, Shown], ...] = ()
    mistakes: tuple[Shown, ...] = ()


@dataclass(frozen=True)
class Shown:
    """A labelled image."""

    source: str
    credit: str
    condition: Condition
    useful: bool
    distorted: Picture
    pristine: Picture
    percent: int | None = None
    """Percentage of the labelled test images that a predictor scores lower."""
    kept: bool = False
    """Whether the predictor keeps it."""


def gallery(ranked: SuiteResults, result: PredictorResult | None, photographs: Photographs | None) -> Gallery:
    """Ladders, pairs, and mistakes of a predictor; empty where images cannot be shown, of which a warning tells.

    Args:
        ranked: the results of the suite.
        result: those of the predictor whose mistakes are shown; None for none.
        photographs: those of the suite; None where they may not be shown or are not here.
    """
    if not photographs:
        return Gallery()
    try:
        mistakes = extremes(ranked, result, photographs, wrong=True) if result else ()
        return Gallery(tuple(ladders(ranked, photographs)), tuple(pairs(ranked, photographs)), tuple(mistakes))
    except BenchmarkError as error:
        logger.warning(f"{ranked.suite.folder}: no images are shown ({error})")
        return Gallery()


def shown(photographs: Photographs, source: str, condition: Condition, useful: bool, **about: object) -> Shown:
    """Read an image."""
    pictures = photographs.distorted(source, condition), photographs.pristine(source)
    return Shown(source, photographs.credits[source], condition, useful, *pictures, **about)  # type: ignore[arg-type]


def pairs(ranked: SuiteResults, photographs: Photographs) -> list[tuple[Shown, Shown]]:
    """At some conditions, the useful and the non-useful image of the test part whose bits a pixel are closest.

    The conditions are those with the most images of their rarer class, sorted by distortion, highest level first; those at
    which no two images are within CLOSE of each other are left out.
    """
    images, _ = read_outcomes_of(ranked.home, "images", ranked.suite.task)
    rate = (pl.col("bits") / (pl.col("height") * pl.col("width"))).alias("rate")
    table = labels_of_test_part(ranked).join(images.select(*IMAGE, rate), on=IMAGE, maintain_order="left")
    counted = table.group_by(CONDITION, maintain_order=True).agg(
        rarer=pl.min_horizontal((pl.col("class") == value).sum() for value in (0, 1))
    )
    chosen = counted.filter(pl.col("rarer") > 0).sort("rarer", descending=True, maintain_order=True).head(PAIRS)
    shown_pairs = []
    for name, level in chosen.sort(CONDITION, descending=[False, True]).select(CONDITION).iter_rows():
        rows = table.filter(distortion=name, level=level).sort("source")
        useful, useless = (rows.filter(pl.col("class") == value) for value in (1, 0))
        gaps = np.abs(useful["rate"].to_numpy()[:, None] - useless["rate"].to_numpy())
        first, second = np.unravel_index(np.argmin(gaps), gaps.shape)
        if gaps[first, second] > CLOSE * useful["rate"][int(first)]:
            continue
        condition = Condition(name, level)
        shown_pairs.append((
            shown(photographs, useful["source"][int(first)], condition, True),
            shown(photographs, useless["source"][int(second)], condition, False),
        ))  # fmt: skip
    return shown_pairs


def labels_of_test_part(ranked: SuiteResults) -> pl.DataFrame:
    """The combined labels of the test part at the training conditions."""
    rows = ranked.results[COMBINED][0].test_scores
    return rows.select(IMAGE).join(combined_labels(ranked), on=IMAGE, maintain_order="left")


def extremes(
    ranked: SuiteResults, result: PredictorResult, photographs: Photographs, *, wrong: bool, each: int = EACH
) -> list[Shown]:
    """The useful images that a predictor scores lowest and the non-useful ones that it scores highest, or the other way round.

    Args:
        ranked: the results of the suite.
        result: those of the predictor.
        photographs: the suite's.
        wrong: whether to show where it is most wrong; else where it is most right.
        each: how many of each class, of as many photographs.
    """
    labels = combined_labels(ranked)
    rows = result.test_scores.join(labels, on=IMAGE, maintain_order="left")
    y, s = classified(result, labels)
    below = (rankdata(s, "min") - 1) / len(s)
    images: list[Shown] = []
    for value in (1, 0):
        lowest_first = (value == 1) == wrong
        order = np.argsort(below if lowest_first else -below, kind="stable")
        images += [
            shown(
                photographs, source, Condition(name, level), value == 1,
                percent=round(100 * float(below[index])), kept=bool(s[index] >= result.card.threshold[0]),
            )
            for index, source, name, level in of_different_sources(rows, order[y[order] == value], each)
        ]  # fmt: skip
    return images


def of_different_sources(rows: pl.DataFrame, order: Sequence[int], count: int) -> list[tuple[int, str, str, int]]:
    """Index, source, distortion and level of the first rows in this order, one a source."""
    chosen: dict[str, tuple[int, str, str, int]] = {}
    for index in map(int, order):
        source, name, level = rows.select(IMAGE).row(index)
        chosen.setdefault(source, (index, source, name, level))
        if len(chosen) == count:
            break
    return list(chosen.values())
