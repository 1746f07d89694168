"""What plots show, and what they leave out because it would say nothing."""

import dataclasses
from types import SimpleNamespace

import pytest

from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.scorecard import Cost
from benchmark.leaderboard import figures, plot_data
from benchmark.leaderboard.chart_parts import Panel, Series, named_points
from benchmark.leaderboard.rank import read_ranked
from benchmark.leaderboard.site import plots
from benchmark.suites.results_folder import SuiteFolder


def card(spent, low, value):
    """A scorecard as far as its cost goes."""
    return SimpleNamespace(
        cost=Cost(score_ms_per_image=spent, fit_seconds=None), metrics={"auroc": Measure(value=value, low=low)}
    )


def test_costs_leave_out_what_is_not_told_from_chance():
    """Cheapest first; without those that were not timed, and those whose interval reaches down to .5."""
    cards = [
        card(3.0, 0.8, 0.9),
        card(None, 0.9, 0.95),
        card(0.1, 0.45, 0.52),
        card(1.0, 0.6, 0.7),
        card(2.0, None, 0.6),
    ]
    assert plot_data.costs(cards) == [(3, 1.0, 0.7), (4, 2.0, 0.6), (0, 3.0, 0.9)]


def test_names_stand_beside_points_in_colour_and_on_the_front():
    """Others would cover them; a chart whose names stand elsewhere has none beside its points."""
    points = [
        Series("quick", "points", [1.0], [0.6], muted=True),
        Series("best", "points", [3.0], [0.9]),
        Series("covered", "points", [3.0], [0.7], muted=True),
    ]
    panel = Panel("", (Series("front", "steps", [1.0, 3.0], [0.6, 0.9]), *points), "ms", names_points=True)
    assert [series.name for series in named_points(panel)] == ["quick", "best"]
    assert named_points(dataclasses.replace(panel, names_points=False)) == []


@pytest.mark.parametrize("enough", [1, 10**6])
def test_conditions_are_drawn_where_any_has_enough_images(enough, tiny, workspace, monkeypatch):
    """With no level that has enough of both classes there is no figure and no plot, rather than an empty one."""
    monkeypatch.setattr(plot_data, "ENOUGH", enough)
    evaluate("jpeg_quality", tiny.suite, workspace=workspace, truth=tiny)
    ranked = read_ranked(SuiteFolder(workspace.results / "tiny"))
    assert [path.suffix for path in figures.draw(ranked, figure="conditions")] == (
        [".png", ".svg"] if enough == 1 else []
    )
    assert ("conditions" in [plot.id for plot in plots.of_suite(ranked)]) == (enough == 1)
