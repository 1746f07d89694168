"""Tables of distortions and codecs: results by kind, bits that predictors save, codecs against JPEG, and curves as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from benchmark.core.markdown import number
from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.rates import ANCHOR, MOST_UNDEFINED, USEFUL, CodecRates, Rates
from benchmark.evaluation.results import SuiteResults, title
from benchmark.evaluation.scorecard import Scorecard
from benchmark.leaderboard.kind_tables import kind_grids
from benchmark.leaderboard.paper_tables import Grid
from benchmark.suites.spec import COMBINED, Suite
from benchmark.suites.tasks import TASKS

MINUS = "\N{MINUS SIGN}"
SAVINGS = {
    "bits_saved": (
        "Bits saved by choosing a level for each image",
        "an image is kept where a held-out network decides as on the pristine one",
    ),
    "bits_saved_labels": (
        "Bits saved by choosing a level for each image, by combined labels",
        "an image is kept where its combined label is useful, so that an unlabelled one counts as not kept",
    ),
}
"""Measure of `evaluation.savings` -> heading of its table, and what it counts as kept."""


def condition_grids(ranked: SuiteResults) -> list[Grid]:
    """The tables by kind of distortion, where there are several, and of codecs, where there are any, for combined labels."""
    suite, rates = ranked.suite, ranked.rates
    if COMBINED not in ranked.results:
        return []
    cards = ranked.cards(COMBINED)
    grids = kind_grids(cards, suite) if suite.is_mixed else []
    if rates:
        compared = [bd_rate_grid(rates, suite)] if len(rates.codecs) > 1 and ANCHOR in rates.codecs else []
        saved = [savings_grid(cards, suite, rates, measure) for measure in SAVINGS if measure in cards[0].gains]
        grids += [*saved, *compared, just_useful_grid(rates), points_grid(rates, suite)]
    return grids


def percent(measure: Measure) -> str:
    """A share as signed per cent with its interval."""
    if measure.value is None:
        return "-"
    interval = f" ({signed(measure.low)} to {signed(measure.high)})" if measure.low is not None else ""
    return f"{signed(measure.value)} %{interval}"


def signed(share: float | None) -> str:
    """A share in per cent with its sign.

    Examples:
        >>> signed(0.123), signed(0.0004), signed(-0.3) == f"{MINUS}30.0"
        ('+12.3', '0.0', True)
    """
    text = f"{100 * (share or 0.0):+.1f}".replace("-", MINUS)
    return text[1:] if float(text[1:]) == 0 else text


def curve_title(name: str, suite: Suite) -> str:
    """The heading of a curve."""
    return "share useful" if name == USEFUL else f"{TASKS[suite.task].MEASURE} of {name}"


def bd_rate_grid(rates: Rates, suite: Suite) -> Grid:
    """Mean difference of the rate to JPEG's at equal utility, for every other codec."""
    others = {name: codec for name, codec in rates.codecs.items() if name != ANCHOR}
    curves = list(next(iter(others.values())).bd_rate)
    rows = [
        (codec_title(name, codec), *(difference_cell(codec, curve) for curve in curves))
        for name, codec in others.items()
    ]
    return Grid(
        "bd_rate",
        f"Rate at equal utility, against {ANCHOR}",
        ("codec", *(curve_title(curve, suite) for curve in curves)),
        tuple(rows),
        "Bjontegaard delta (PCHIP) over the common range of the two curves, which are made monotone first; negative: fewer "
        "bits. Intervals resample the test sources, those of both codecs jointly. A dash: the curves' common range is less "
        f"than half of their whole range. No interval where over {100 * MOST_UNDEFINED:.0f} % of the resamples are undefined, "
        "whose share stands beside it.",
    )


def codec_title(name: str, codec: CodecRates) -> str:
    """A codec's name, with a remark where no predictor is trained on it."""
    return name + " (unseen)" * codec.unseen


def difference_cell(codec: CodecRates, curve: str) -> str:
    """A difference of rates, with the share of undefined resamples where it is large."""
    share = codec.undefined[curve]
    remark = f", {100 * share:.0f} % undefined" if share > MOST_UNDEFINED and codec.bd_rate[curve].value else ""
    return percent(codec.bd_rate[curve]) + remark


def just_useful_grid(rates: Rates) -> Grid:
    """The just-useful rates of each codec, and what an oracle would save."""
    rows = []
    for name, codec in rates.codecs.items():
        own = codec.just_useful
        counts = f"{own.never} / {own.always} of {own.sources}"
        rows.append((codec_title(name, codec), number(own.median), counts, percent(codec.oracle_saves)))
    return Grid(
        "just_useful",
        "Just-useful rate",
        ("codec", "median, bits a pixel", "never / always useful", "oracle saves"),
        tuple(rows),
        "The bits a pixel at the lowest level from which on all higher levels are useful (combined labels; unlabelled counts "
        "as not useful), over sources whose pristine versions all labelling networks get right. Never: not even at the top "
        "level; always: at the lowest level too, so that the rate may be lower still. The oracle knows for each image the "
        "lowest level at which at least half of the held-out networks decide as on the pristine image, or as many as at any "
        "level, and is compared with the random mixture of two neighbouring fixed levels that keeps as many.",
    )


def points_grid(rates: Rates, suite: Suite) -> Grid:
    """The points of all curves."""
    names = list(next(iter(rates.codecs.values())).points[0].values)
    rows = [
        (codec_title(name, codec), str(point.level), number(point.bits_per_pixel.value),
         *(point.values[curve].text for curve in names))
        for name, codec in rates.codecs.items()
        for point in codec.points
    ]  # fmt: skip
    return Grid(
        "rates",
        "Rate and utility of the test sources",
        ("codec", "level", "bits a pixel", *(curve_title(curve, suite) for curve in names)),
        tuple(rows),
        "Bits of all test images over their pixels. Share useful: of the sources whose pristine versions all labelling "
        "networks get right.",
    )


def savings_grid(cards: Sequence[Scorecard], suite: Suite, rates: Rates, measure: str) -> Grid:
    """Bits that each predictor saves on each codec, and on those of seen and of unseen kinds, by one of SAVINGS."""
    kinds = [kind for kind in suite.kinds if f"{measure} on {kind}" in cards[0].gains]
    codecs = {name: codec for name, codec in rates.codecs.items() if f"{measure} on {name}" in cards[0].gains}
    measures = [measure, *(f"{measure} on {name}" for name in (*kinds, *codecs))]
    ordered = sorted(cards, key=lambda card: -(card.gains[measure].value or 0.0))
    heading, kept = SAVINGS[measure]
    return Grid(
        measure,
        heading,
        ("predictor", "mean" if codecs else "bits saved", *kinds, *(codec_title(*codec) for codec in codecs.items())),
        tuple((title(card), *(percent(card.gains[name]) for name in measures)) for card in ordered),
        "Each image is sent at the lowest level down to which the predictor's score stays above a threshold, frozen on "
        f"validation so that 95 % of what the top level keeps is kept; {kept}. Bits against the random mixture of two "
        "neighbouring fixed levels that keeps as many. Intervals resample test sources and, for the threshold, validation "
        "sources.",
    )


def as_csv(rates: Rates) -> str:
    """All points as CSV: codec, level, bitrate in bits a pixel, then a column for each curve, to be plotted beside others'."""
    names = list(next(iter(rates.codecs.values())).points[0].values)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["codec", "level", "bitrate", *names])
    for name, codec in rates.codecs.items():
        for point in codec.points:
            values = [point.values[curve].value for curve in names]
            writer.writerow([name, point.level, point.bits_per_pixel.value, *values])
    return file.getvalue()
