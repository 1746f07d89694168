"""Informed rivals: their shares against a count by hand, and what they may be told."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from benchmark.core.errors import PredictorError
from benchmark.evaluation.condition_shares import PRIOR
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.informed_rivals import informed_scores
from benchmark.leaderboard.rank import rank
from benchmark.plugins.predictors.informed import CEILING, CONDITION, CONDITION_AND_CLASS
from benchmark.plugins.predictors.resolve import resolve_predictor


def by_hand(truth, levels):
    """The shares of each level, counted row by row; drawn towards all rows', then pooled until they rise with the level."""
    rows = truth.labelled("combined", "train").select("level", "label").rows()
    overall = sum(label for _, label in rows) / len(rows)
    blocks = []
    for level in sorted(levels):
        labels = [label for at, label in rows if at == level]
        blocks.append([sum(labels) + PRIOR * overall, len(labels) + PRIOR, [level]])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            useful, count, members = blocks.pop()
            blocks[-1] = [blocks[-1][0] + useful, blocks[-1][1] + count, blocks[-1][2] + members]
    return {level: useful / count for useful, count, members in blocks for level in members}


def test_shares_are_those_counted_by_hand(tiny):
    """At training levels the score is the share; at held-out levels it lies between those of the neighbours."""
    scores, record = informed_scores(tiny, CONDITION, "combined")
    levels = tiny.indexed.scored_rows["level"].to_numpy()
    expected = by_hand(tiny, tiny.suite.distortions[0].levels)
    for level, share in expected.items():
        assert scores[levels == level] == pytest.approx(share, abs=1e-4)
    between = scores[levels == 30]
    assert (expected[10] - 1e-3 <= between).all()
    assert (between <= expected[50] + 1e-3).all()
    assert (record.track, record.predictor, record.seeds) == ("informed", "condition", (0,))


def test_the_condition_ranks_as_the_level_does(tiny):
    """On one distortion it orders images as their levels do, ties included."""
    scores, _ = informed_scores(tiny, CONDITION, "combined")
    levels = tiny.indexed.scored_rows["level"].to_numpy()
    assert np.array_equal(np.unique(scores, return_inverse=True)[1], np.unique(levels, return_inverse=True)[1])


def test_the_class_adds_what_its_training_rows_show(tiny):
    """Two images of one level and class have one score; a class that is always useful in training has the higher one."""
    scores, _ = informed_scores(tiny, CONDITION_AND_CLASS, "combined")
    table = tiny.indexed.scored_rows.with_columns(
        score=pl.Series(scores), kind=pl.col("source").replace_strict(tiny.indexed.truths, return_dtype=pl.Int64)
    )
    assert table.group_by("level", "kind").agg(pl.col("score").n_unique())["score"].unique().to_list() == [1]
    rows = tiny.labelled("combined", "train").filter(level=10)
    shares = rows.group_by(
        pl.col("source").replace_strict(tiny.indexed.truths, return_dtype=pl.Int64).alias("kind")
    ).agg(share=pl.col("label").mean(), count=pl.len())
    best, worst = (
        shares.filter(pl.col("count") >= 3).sort("share", descending=order)["kind"][0] for order in (True, False)
    )
    at = table.filter(level=10).unique(["kind"])
    assert at.filter(kind=best)["score"].item() > at.filter(kind=worst)["score"].item()


def test_test_labels_are_not_told(tiny, monkeypatch):
    """The scores follow from the training part alone."""
    before, _ = informed_scores(tiny, CONDITION_AND_CLASS, "combined")
    labels = tiny.labels("combined")
    flipped = labels.with_columns(
        label=pl.when(pl.col("part") == "train").then("label").otherwise(pl.when(label=1).then(0).otherwise(1))
    )
    monkeypatch.setitem(tiny.__dict__, "labels", lambda _: flipped)
    after, _ = informed_scores(tiny, CONDITION_AND_CLASS, "combined")
    assert np.array_equal(before, after)


@pytest.mark.usefixtures("few_rows_are_ranked")
def test_boards_show_and_do_not_rank_them(tiny, workspace):
    """A rival stands on the board with a mark and no rank, is first nowhere, in no figure, and its page has no empty part."""
    for name in ("condition", "condition_and_class", "ceiling", "jpeg_quality", "chance"):
        evaluate(name, tiny.suite, workspace=workspace, truth=tiny)
    rank([], workspace)
    assert "First: <b>jpeg_quality</b>, AUROC" in (workspace.results / "index.html").read_text()
    board = (workspace.results / "tiny" / "leaderboard.md").read_text()
    line = next(line for line in board.splitlines() if "| condition § |" in line)
    assert line.startswith("| - |")
    assert "condition_and_class" not in (workspace.results / "tiny" / "figures" / "gain_curves.svg").read_text()
    pages = {page.stem.partition("@")[0]: page.read_text() for page in workspace.results.glob("tiny/predictors/*.html")}
    assert {name: 'id="figure-1"' in text for name, text in pages.items()} == {
        "condition": False,
        "condition_and_class": False,
        "ceiling": False,
        "jpeg_quality": True,
        "chance": True,
    }


@pytest.mark.usefixtures("few_resamples")
def test_scenes_of_several_classes_are_refused(tiny_det, workspace):
    """Detection has no class of an image; the condition alone is told there."""
    with pytest.raises(PredictorError, match="condition_and_class: images of tiny-det show several classes"):
        evaluate("condition_and_class", tiny_det.suite, workspace=workspace, truth=tiny_det)
    assert evaluate("condition", tiny_det.suite, workspace=workspace, truth=tiny_det).track == "informed"


def test_they_have_no_code():
    """Where a predictor's code is needed, a rival is refused by name."""
    with pytest.raises(PredictorError, match="condition: an informed rival looks at no image"):
        resolve_predictor("condition")


def test_the_ceiling_is_the_utility_to_other_networks(tiny):
    """For a labelling network it is the mean utility to the other ones, for combined labels that to the probe."""
    for labels, others in {"zoo:densenet": ["zoo:resnet"], "combined": ["zoo:resnet_wide"]}.items():
        scores, record = informed_scores(tiny, CEILING, labels)
        rows = tiny.indexed.scored_rows.with_columns(score=pl.Series(scores))
        for name in others:
            both = rows.join(tiny.judgement(name), on=["source", "distortion", "level"])
            assert both["score"].to_list() == both["utility"].to_list()
            assert both.height == rows.height
        assert record.track == "informed"


def test_the_ceiling_needs_another_network(tiny):
    """A suite without a probe has no other network than those that determine its combined labels."""
    networks = dataclasses.replace(tiny.suite.networks, probe="")
    suite = dataclasses.replace(tiny.suite, networks=networks)
    truth = dataclasses.replace(tiny, indexed=dataclasses.replace(tiny.indexed, suite=suite))
    with pytest.raises(PredictorError, match="ceiling: no other network judges the images of tiny; it names no probe"):
        informed_scores(truth, CEILING, "combined")
