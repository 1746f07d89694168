"""What each plot shows, said once: `figures` draws these charts as pictures, `site.plots` as interactive plots of the pages.

for chart in suite_charts(ranked, "gains"):
    print(chart.stem, [panel.title for panel in chart.panels])
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from benchmark.evaluation.downstream import FRACTIONS, read_rivals
from benchmark.evaluation.results import PredictorResult, SuiteResults
from benchmark.leaderboard import plot_data
from benchmark.leaderboard.chart_parts import BLUE, GREEN, ORANGE, RIVALS, Chart, Panel, Series, coloured, look
from benchmark.leaderboard.rate_charts import rate_curves
from benchmark.metrics.classification import auroc, overlap
from benchmark.suites.spec import COMBINED, Suite
from benchmark.suites.tasks import TASKS

PAPER = ("ssim", "energy", "fisher", "resnet18")
"""The four methods that the paper's Fig. 1 shows."""


def chart_names(suite: Suite) -> list[str]:
    """The names that `rank --figure` takes for a suite."""
    downstream = [TASKS[suite.task].FIGURE, "gains"] if suite.networks.held_out else []
    return ["1", *downstream, "cost", "conditions", "rates"]


@functools.lru_cache(maxsize=8)  # pictures and pages show the same charts
def suite_charts(ranked: SuiteResults, name: str) -> list[Chart]:
    """The charts of a suite's combined labels that have this name, which is one of `chart_names`."""
    results = [result for result in ranked.results[COMBINED] if not result.card.is_informed]
    if not results:
        return []
    if name == "1":
        return figure_1(ranked, results)
    if name == "gains":
        return [gain_curves(ranked, results)]
    if name == "cost":
        return cost(results)
    if name == "conditions":
        return conditions(ranked, results)
    return rate_curves(ranked) if name == "rates" else [figure_2(ranked, results)]


def figure_1(ranked: SuiteResults, results: Sequence[PredictorResult]) -> list[Chart]:
    """Fig. 1 with the paper's four methods in two rows, and the same with all predictors."""
    charts = []
    for groups in plot_data.classes_of(ranked):
        about = f"Share of the images at each score: {groups.names[0]} against {groups.names[1]}."
        heading = "Do scores separate the two classes?"
        panels = [histograms(result, groups) for result in results]
        four = [panel for name in PAPER for panel in panels if panel.title.removesuffix(" †") == name]
        columns = len(results) if len(results) <= 3 else math.ceil(len(results) / 2)
        for stem, chosen, wide in ((groups.stem, four, 2), (f"{groups.stem}_all", panels, columns)):
            size = (2.4 * wide, 2.1 * math.ceil(len(chosen) / wide) + 0.4)
            charts.append(Chart(stem, heading, about, tuple(chosen), size, wide, "Fig. 1"))
    return [chart for chart in charts if chart.panels]


def own_histograms(ranked: SuiteResults, result: PredictorResult) -> list[Chart]:
    """The panels of Fig. 1 that show one predictor, each as a chart of its own."""
    return [
        replace(chart, stem=chart.stem.removesuffix("_all"), panels=(panel,), columns=1)
        for chart in suite_charts(ranked, "1")
        if chart.stem.endswith("_all")
        for panel in chart.panels
        if panel.title == result.title
    ]


def histograms(result: PredictorResult, groups: plot_data.BinaryGroups) -> Panel:
    """Histograms of a predictor's score over the images of class 1 (named first) and of class 0."""
    y, s = plot_data.classified(result, groups.rows)
    edges, shares = plot_data.histograms(y, s)
    separation = f"\noverlap {overlap(y, s):.2f}, AUROC {auroc(y, s):.2f}" if len(np.unique(y)) == 2 else ""
    series = tuple(
        Series(name, "bars", edges, share, colour)
        for name, share, colour in zip(groups.names, shares, (BLUE, ORANGE), strict=True)
    )
    return Panel(result.title, series, "score" + separation, "share of images")


def figure_2(ranked: SuiteResults, results: Sequence[PredictorResult]) -> Chart:
    """Accuracy or mAP of the held-out networks after each predictor's choice, beside three rivals that keep as much."""
    task, names = TASKS[ranked.suite.task], ranked.suite.networks.held_out
    positions = np.arange(len(results))[::-1].astype(float)
    kept = [result.card.downstream[names[0]].kept or 0.0 for result in results]
    rows = tuple(f"{result.title}\nkeeps {100 * share:.0f} %" for result, share in zip(results, kept, strict=True))[
        ::-1
    ]
    panels = []
    for name in names:
        gains = [result.card.downstream[name] for result in results]
        series = [Series("all images", "vertical", [gains[0].unfiltered or 0.0], dash="dot")]
        if gains[0].pristine is not None:
            series.append(Series("all replaced", "vertical", [gains[0].pristine], colour=GREEN, dash="dot"))
        for key, title, marker, colour, filled in (
            ("oracle", "oracle", "diamond", RIVALS["oracle"], False),
            ("condition", "best conditions", "triangle-up", RIVALS["condition"], True),
            ("random", "random", "cross-thin", RIVALS["random"], True),
            ("filtered", "predictor", "circle", BLUE, True),
        ):
            values = [math.nan if getattr(gain, key) is None else getattr(gain, key) for gain in gains]
            ends = intervals(results, name, gains[0].unfiltered or 0.0) if key == "filtered" else ((), ())
            series.append(Series(title, "points", values, positions, colour, marker, filled, low=ends[0], high=ends[1]))
        panels.append(Panel(name, tuple(series), task.MEASURE, rows=rows))
    about = (
        "What held-out networks reach after each predictor's choice, beside random, best conditions and an oracle that keep as "
        "much; lines: 95 % intervals of the gain over all images."
    )
    size = (2.4 * len(names) + 1.2, 0.34 * len(results) + 1.2)
    heading = f"What {task.MEASURE} do held-out networks reach after each predictor's choice?"
    return Chart(f"figure_{task.FIGURE}", heading, about, tuple(panels), size, len(names), f"Fig. {task.FIGURE}")


def intervals(results: Sequence[PredictorResult], network: str, unfiltered: float) -> tuple[list[float], list[float]]:
    """Ends of the interval of each predictor's gain, beyond what a network reaches on all images; NaN where there are none.

    What is reached lies between 0 and 1, and so do they.
    """
    measures = [result.card.gains.get(f"gain of {network}") for result in results]
    ends = [(measure.low, measure.high) if measure else (None, None) for measure in measures]
    low, high = zip(*ends, strict=True)
    return tuple(
        [math.nan if end is None else min(max(unfiltered + end, 0.0), 1.0) for end in side] for side in (low, high)
    )  # type: ignore[return-value]


def gain_curves(ranked: SuiteResults, results: Sequence[PredictorResult]) -> Chart:
    """Performance of each held-out network against the fraction kept, for these predictors and three rivals."""
    table, _ = read_rivals(ranked.folder.rivals)
    measure, panels = TASKS[ranked.suite.task].MEASURE, []
    bright = coloured(result.title for result in results)
    rivals: tuple[tuple[str, Literal["dash", "dot"]], ...] = (
        ("oracle", "dash"), ("condition", "dash"), ("random", "dot")
    )  # fmt: skip
    for name in ranked.suite.networks.held_out:
        series = []
        for rival, dash in rivals:
            curve = table.filter(network=name, rival=rival)["curve"][0].to_numpy().astype(float)
            series.append(Series(rival, "line", FRACTIONS, curve, look(rival)[0], dash=dash, wide=True))
        for result in results:
            gain = result.card.downstream[name].curve
            line = Series(
                result.title, "line", FRACTIONS, gain.value, *look(result.title), low=gain.low, high=gain.high
            )
            series.append(replace(line, band=result is results[0], muted=result.title not in bright))
        panels.append(Panel(name, tuple(series), "fraction kept", measure))
    about = (
        f"The {measure} of held-out networks against the fraction kept, for each predictor and three rivals; the area is the "
        "95 % interval of the first predictor."
    )
    heading = f"What {measure} do held-out networks reach at each share of images kept?"
    return Chart("gain_curves", heading, about, tuple(panels), (2.6 * len(panels) + 1.8, 3.0), len(panels))


def cost(results: Sequence[PredictorResult]) -> list[Chart]:
    """AUROC against milliseconds per image, with the Pareto front, for predictors that are distinguished from chance."""
    points = plot_data.costs([result.card for result in results])
    if not points:
        return []
    times, values = zip(*plot_data.front(points), strict=True)
    series = [Series("Pareto front", "steps", times, values)]
    bright = coloured(result.title for result in results)
    titles = [results[index].title for index, _, _ in points]
    series += [
        Series(name, "points", [spent], [value], *look(name), muted=name not in bright)
        for name, (_, spent, value) in zip(titles, points, strict=True)
    ]
    about = (
        "AUROC of each predictor that is distinguished from chance against its milliseconds per image; the line joins "
        "those that no cheaper predictor reaches. Names are those of predictors in colour or on the line."
    )
    panel = Panel("", tuple(series), "ms an image", "AUROC", log_x=True, names_points=True)
    return [Chart("cost", "What does a better score cost?", about, (panel,), (4.6, 3.2))]


def conditions(ranked: SuiteResults, results: Sequence[PredictorResult]) -> list[Chart]:
    """AUROC at each condition that has enough images of both classes; what knows only the condition has .5 there."""
    panels = []
    names = [result.title for result in results]
    bright = coloured(names)
    for choice in ranked.suite.distortions:
        aurocs = [plot_data.level_aurocs(ranked, result, choice.name) for result in results]
        series = [Series("", "horizontal", y=[0.5], dash="dot")]
        for name, by_level in zip(names, aurocs, strict=True):
            levels = [str(level) for level in by_level]
            series.append(Series(name, "line", levels, list(by_level.values()), *look(name), muted=name not in bright))
        if any(aurocs):
            panels.append(Panel(choice.name, tuple(series), "level", "AUROC at the level"))
    if not panels:
        return []
    about = "AUROC of each predictor among images of one condition; what knows only the condition has .5 there."
    columns = min(4, len(panels))
    size = (2.6 * columns + 2.6, 2.7 * math.ceil(len(panels) / columns) + 0.5)
    return [
        Chart("conditions", "Which scores tell images of one condition apart?", about, tuple(panels), size, columns)
    ]
