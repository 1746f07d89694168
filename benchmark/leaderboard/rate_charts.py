"""The chart of rate and utility: curves of the codecs of a suite, and their just-useful rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.rates import USEFUL
from benchmark.evaluation.results import SuiteResults
from benchmark.leaderboard.chart_parts import Chart, Panel, Series, look
from benchmark.suites.tasks import TASKS


def rate_curves(ranked: SuiteResults) -> list[Chart]:
    """What is useful at each rate, for each codec, and the share of sources whose just-useful rate is no higher."""
    if ranked.rates is None:
        return []
    codecs, measure = ranked.rates.codecs, TASKS[ranked.suite.task].MEASURE
    panels = []
    for curve in next(iter(codecs.values())).points[0].values:
        series = []
        for name, codec in codecs.items():
            points = [(point.bits_per_pixel.value or 0.0, point.values[curve]) for point in codec.points]
            line = Series(name, "line", [rate for rate, _ in points], values_of(points, "value"), *look(name))
            series.append(replace(line, low=values_of(points, "low"), high=values_of(points, "high")))
        heading = "share useful" if curve == USEFUL else curve
        panels.append(
            Panel(heading, tuple(series), "bits a pixel", "share" if curve == USEFUL else measure, log_x=True)
        )
    steps = []
    for name, codec in codecs.items():
        own = codec.just_useful
        reached = (own.always + np.arange(1, len(own.rates) + 1)) / max(1, own.sources)
        steps.append(Series(name, "steps", own.rates, reached.tolist(), look(name)[0]))
    panels.append(Panel("just useful", tuple(steps), "bits a pixel", "share of sources", log_x=True))
    about = "Share of useful images, and performance of held-out networks, at the rate of each codec's levels."
    return [
        Chart(
            "rates",
            "What is still useful at each bit rate?",
            about,
            tuple(panels),
            (2.6 * len(panels) + 1.6, 3.0),
            len(panels),
        )
    ]


def values_of(points: Sequence[tuple[float, Measure]], end: str) -> list[float]:
    """The values of points, or an end of their intervals; NaN where there is none."""
    values = [getattr(measure, end) for _, measure in points]
    return [math.nan if value is None else value for value in values]
