"""Rate and utility of the codecs of a suite: what each spends at each level, what is useful there, and how codecs compare.

    rates = stored_rates(truth, folder)          # made once, then read from results/<suite>/rates.json
    rates.codecs["avif"].bd_rate["useful"]       # -.4: 40 % fewer bits than JPEG at the same share of useful images

Curves are of the test sources at all levels. `useful` is the share of images with the combined label useful among sources whose
pristine versions all labelling networks get right; the others are the accuracy or mAP of each held-out network. Intervals
resample sources, those of two codecs jointly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import MetricError
from benchmark.core.progress import show_progress
from benchmark.core.sealed import read_sealed, write_sealed
from benchmark.evaluation.card_parts import Measure, Number, Record, Share
from benchmark.evaluation.codec_tables import CodecTable, grid, has_rates, images_of
from benchmark.evaluation.measure_table import rounded
from benchmark.evaluation.savings import of_part, oracle_savings, tables_of_codecs
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics import bootstrap
from benchmark.metrics.bootstrap import Floats, once
from benchmark.metrics.rates import bd_rate, just_useful
from benchmark.metrics.weighted import ratio
from benchmark.suites.results_folder import SuiteFolder
from benchmark.suites.spec import COMBINED

FORMAT: Literal[2] = 2
"""Version of the stored record."""
ANCHOR = "jpeg"
"""The codec that others are compared with."""
USEFUL = "useful"
"""Name of the share of useful images among the curves; the others have the names of held-out networks."""
REPLICATES = 400
"""Number of resamples of each interval."""
MOST_UNDEFINED = 0.05
"""Largest share of resamples in which a difference may be undefined if it is to have an interval."""


class Point(Record, frozen=True, kw_only=True):
    """A codec at one level."""

    level: int
    bits_per_pixel: Measure
    """Bits of all test images over their pixels."""
    values: dict[str, Measure]
    """Curve -> its value here."""


class JustUsefulRates(Record, frozen=True, kw_only=True):
    """The just-useful rates of the eligible test sources: bits a pixel at the lowest level from which on all are useful."""

    sources: Number
    never: Number
    """Sources that are not useful even at the top level."""
    always: Number
    """Sources that are useful at all levels, whose rate may be lower still."""
    median: float | None
    """Median over all sources with `never` as infinite and `always` as the lowest level's rate; None if it is not finite."""
    rates: tuple[float, ...]
    """The rates of the others, in increasing order."""


class CodecRates(Record, frozen=True, kw_only=True):
    """The rates of one codec."""

    unseen: bool
    """Whether no predictor is trained on it."""
    points: tuple[Point, ...]
    """Its levels in increasing order."""
    just_useful: JustUsefulRates
    oracle_saves: Measure
    """Bits that an oracle saves, who knows for each image the lowest level at which it is kept; see `evaluation.savings`."""
    bd_rate: dict[str, Measure]
    """Curve -> mean difference of the rate to the anchor's at equal value; empty for the anchor."""
    undefined: dict[str, Share]
    """Curve -> share of the resamples in which that difference is not defined."""


class Rates(Record, frozen=True, kw_only=True):
    """Rate and utility of a suite."""

    format: Literal[2]
    suite: str
    ground_truth: str
    """Digest of the labels and outcomes that everything is made of, that of the combined labels."""
    codecs: dict[str, CodecRates]


def stored_rates(truth: GroundTruth, folder: SuiteFolder) -> Rates | None:
    """The rates of a suite, read from its results if they are of this ground truth, or else made and stored.

    Returns:
        None for a suite without a codec.

    Raises:
        ResultError: what is stored is damaged; the message names the file.
    """
    if not has_rates(truth.suite):
        return None
    stored = read_rates(folder.rates) if folder.rates.is_file() else None
    if stored is None or stored.ground_truth != truth.digest(COMBINED):
        stored = make_rates(truth)
        write_sealed(folder.rates, rounded(msgspec.to_builtins(stored)))
    return stored


def read_rates(path: Path) -> Rates:
    """Read stored rates; raises ResultError, which names the file and the key, if they are not valid."""
    title = f"rates of format {FORMAT}"
    return read_sealed(path, Rates, title=title, again=lambda rates: "delete it to make it again")


def make_rates(truth: GroundTruth) -> Rates:
    """Make the rates of a suite."""
    tables = tables_of_codecs(truth)
    of_test, saves = of_part(tables, "test"), oracle_savings(truth, tables)
    curves: dict[str, Curves] = {}
    codecs: dict[str, CodecRates] = {}
    with show_progress(f"{truth.suite.folder}, rates", len(of_test), "codecs") as advance:
        for name, table in of_test.items():  # the anchor first
            curves[name] = curves_of(truth, name, table)
            differences = compared(curves[ANCHOR], curves[name]) if name != ANCHOR and ANCHOR in curves else {}
            codecs[name] = CodecRates(
                unseen=name in truth.suite.unseen_kinds,
                points=points_of(table, curves[name]),
                just_useful=just_useful_of(truth, name, table),
                oracle_saves=measure(saves[name][: 1 + REPLICATES]),
                bd_rate={curve: difference_measure(values) for curve, values in differences.items()},
                undefined={curve: float(np.isnan(values[1:]).mean()) for curve, values in differences.items()},
            )
            advance(1)
    return Rates(format=FORMAT, suite=truth.suite.folder, ground_truth=truth.digest(COMBINED), codecs=codecs)


Curves = dict[str, Floats]
"""`bits_per_pixel` and each curve -> values and their replicates, shape (1 + R, L)."""
RATE = "bits_per_pixel"


def curves_of(truth: GroundTruth, codec: str, table: CodecTable) -> Curves:
    """The rate and all curves of a codec on the test part."""
    levels = len(table.levels)
    rows = images_of(truth, codec, "test", table.levels)
    cluster, counts = truth.clusters(rows[::levels], "test")
    weights = np.concatenate([once(len(cluster)), counts[:REPLICATES, cluster]])
    weighed, useful, eligible = weights.astype(np.float64), table.useful, eligible_of(truth, codec, table)
    curves = {RATE: weighed @ table.bits / (weighed @ table.pixels)[:, None]}
    curves[USEFUL] = ratio(weighed @ (useful * eligible[:, None]), (weighed @ eligible)[:, None])
    for name in truth.suite.networks.held_out:
        network = truth.downstream(name)
        placed = network.placed(rows)
        values = []
        for level in range(levels):
            subset = placed[level::levels]
            values.append(network.chosen(subset, weights, np.ones(subset.height, bool)))
        curves[name] = np.stack(values, axis=1)
    return curves


def eligible_of(truth: GroundTruth, codec: str, table: CodecTable) -> NDArray[np.bool_]:
    """Whether all labelling networks are right on the pristine version of each test source, shape (S,)."""
    rows = images_of(truth, codec, "test", table.levels)
    return np.asarray(grid(rows, truth.labels(COMBINED), "eligible", len(table.levels))[:, 0] == 1)


def compared(anchor: Curves, curves: Curves) -> Curves:
    """Curve -> the mean difference of the rate to the anchor's, and its replicates, shape (1 + R,)."""
    return {
        name: np.array([
            bd_rate(*columns) for columns in zip(anchor[RATE], anchor[name], curves[RATE], curves[name], strict=True)
        ])
        for name in curves
        if name != RATE
    }  # fmt: skip


def points_of(table: CodecTable, curves: Curves) -> tuple[Point, ...]:
    """The points of a codec's curves, one for each level."""
    return tuple(
        Point(
            level=level,
            bits_per_pixel=measure(curves[RATE][:, index]),
            values={name: measure(values[:, index]) for name, values in curves.items() if name != RATE},
        )
        for index, level in enumerate(table.levels)
    )


def just_useful_of(truth: GroundTruth, codec: str, table: CodecTable) -> JustUsefulRates:
    """The just-useful rates of a codec."""
    useful, eligible = table.useful, eligible_of(truth, codec, table)
    rates = table.bits / table.pixels[:, None]
    own = just_useful(useful[eligible], rates[eligible])
    filled = np.where(own.always, rates[eligible][:, 0], np.where(own.never, np.inf, own.bits))
    median = float(np.median(filled)) if len(filled) else float("inf")
    return JustUsefulRates(
        sources=int(eligible.sum()),
        never=int(own.never.sum()),
        always=int(own.always.sum()),
        median=median if np.isfinite(median) else None,
        rates=tuple(np.sort(own.bits[np.isfinite(own.bits)]).tolist()),
    )


def measure(values: Floats) -> Measure:
    """A value with the interval of its replicates, (1 + R,); without one where most of them are not defined."""
    value = float(values[0]) if np.isfinite(values[0]) else None
    try:
        low, high = bootstrap.interval(values[1:])
    except MetricError:
        return Measure(value=value)
    return Measure(value=value, low=low, high=high)


def difference_measure(values: Floats) -> Measure:
    """The same without an interval where the value, or over 5 % of the replicates, are not defined."""
    whole = measure(values)
    defined = whole.value is not None and np.isnan(values[1:]).mean() <= MOST_UNDEFINED
    return whole if defined else Measure(value=whole.value)
