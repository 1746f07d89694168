"""Both tasks go the same way from suite to board, and a predictor trained on one is judged on the other."""

import dataclasses

import numpy as np
import polars as pl
import pytest
import torch

from benchmark.core.errors import LabelError
from benchmark.core.types import Sizes
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.training import check_no_overlap
from benchmark.labelling.label_report import label_summary
from benchmark.labelling.pipeline import label
from benchmark.labelling.shards import IMAGES
from benchmark.leaderboard.rank import rank
from benchmark.suites.results_folder import Training
from benchmark.suites.tasks import detection, replacement
from tests.test_evaluate import Slope


def test_detection_is_labelled_and_recorded_whole(tiny_det):
    """Every detector has an outcome of every image that it is asked for, best score first, and labels of both kinds."""
    judged = 20 * 4 + 24 * 6
    assert tiny_det.outcomes["zoo:retinanet_vgg"].height == 40 * 4 + judged
    assert tiny_det.outcomes["zoo:fcos_shufflenet"].height == judged
    for name in ("zoo:retinanet_vgg", "zoo:fcos_shufflenet"):
        table = tiny_det.outcomes[name]
        assert table["scores"].list.len().max() <= 100
        assert table["scores"].list.explode().min() >= 100
        assert table.select(pl.col("scores").list.diff().list.max().fill_null(0).max()).item() <= 0
        assert (table["boxes"].list.len() == 4 * table["scores"].list.len()).all()
    assert set(tiny_det.labels("combined")["label"]) >= {0, 1}
    bits = tiny_det.outcomes[IMAGES]
    assert bits.filter(level=-1)["bits"].min() > bits.filter(level=50)["bits"].max() / 2


def test_labelling_again_runs_nothing_and_gives_the_same(tiny_det, workspace, monkeypatch):
    """From recorded outcomes no detector is loaded, and the ground truth is the same."""
    monkeypatch.setattr("benchmark.labelling.worker.load", lambda *_: pytest.fail("a network was loaded"))
    again = label(tiny_det.suite, workspace)
    assert again.digest("combined") == tiny_det.digest("combined")


def test_the_digest_covers_what_held_out_detectors_saw(tiny_det):
    """One box moved by an eighth of a px in a held-out detector's outcomes is another ground truth."""
    table = tiny_det.outcomes["zoo:fcos_shufflenet"]
    before = detection.facts(table, table)
    moved = table.with_columns(pl.col("boxes").list.eval(pl.element() + (pl.element().cum_count() == 1).cast(pl.Int32)))
    assert detection.facts(moved, moved) != before


@pytest.mark.usefixtures("few_resamples")
def test_no_detector_runs_to_evaluate_one_more_predictor(tiny_det, workspace, monkeypatch):
    """Gains come from stored detections, and the board shows Table II and Fig. 2b."""
    monkeypatch.setattr("benchmark.labelling.worker.load", lambda *_: pytest.fail("a network was loaded"))
    for name in ("jpeg_quality", "chance"):
        card = evaluate(name, tiny_det.suite, workspace=workspace, truth=tiny_det)
        gains = card.downstream["zoo:fcos_shufflenet"]
        assert all(getattr(gains, name) is not None for name in (*detection.GAINS, "curve"))
        assert gains.pristine >= gains.unfiltered
    rank(["tiny-det"], workspace)
    board = (workspace.results / "tiny-det" / "leaderboard.md").read_text()
    for part in ("Table II:", "Fig. 2b: mAP", "Table IV: mAP", "SSD300", "bits_filtered", "at each condition"):
        assert part in board
    assert (workspace.results / "tiny-det" / "figures" / "figure_2b.png").is_file()
    assert not (workspace.results / "tiny-det" / "figures" / "figure_1.png").exists()


@pytest.mark.usefixtures("few_resamples", "no_pictures")
@pytest.mark.parametrize("here", ["tiny", "tiny_det"])
def test_trained_on_the_other_task(here, workspace, request):
    """The other suite's examples train it, this suite's images and thresholds judge it, and the board names both."""
    truth = request.getfixturevalue(here)
    other = request.getfixturevalue("tiny_det" if here == "tiny" else "tiny")
    own = evaluate(Slope, truth.suite, workspace=workspace, truth=truth, seeds=[0])
    cross = evaluate(Slope, truth.suite, workspace=workspace, truth=truth, train_on=other.suite, seeds=[0])
    assert cross.trained_on == Training(other.suite.name, "combined", other.lesson_digest("combined"))
    assert own.trained_on.suite == truth.suite.name
    assert cross.ground_truth == own.ground_truth
    rank([truth.suite.name], workspace)
    assert f"slope (from {other.suite.name})" in (workspace.results / truth.suite.name / "leaderboard.md").read_text()


def test_training_on_what_is_judged_is_a_leak(tiny, workspace):
    """Another split of the same photographs, whose training part holds this suite's test photographs, is refused by name."""
    split = dataclasses.replace(tiny.suite.split, train=0.25, validation=0.5)
    dataset = {"name": "glyphs", "train": 60, "test": 120}
    other = dataclasses.replace(tiny.suite, name="other", split=split, dataset=dataset)
    parts = tiny.parts | {"validation": tiny.parts["test"][:3]}
    planted = dataclasses.replace(tiny, indexed=dataclasses.replace(tiny.indexed, suite=other, parts=parts))
    with pytest.raises(
        LabelError, match=r"leak: glyphs test-\d+ in test of tiny and .* in training on other are of one photograph"
    ):
        check_no_overlap(planted, tiny)
    check_no_overlap(tiny, tiny)


def test_another_dataset_with_the_same_ids_is_no_leak(tiny, tiny_det):
    """Letters and scenes share names but no photograph."""
    assert {source.id for source in tiny.parts["test"]} & {source.id for source in tiny_det.parts["test"]}
    check_no_overlap(tiny_det, tiny)
    check_no_overlap(tiny, tiny_det)


def test_what_needs_no_training_does_not_care_where_it_would_train(tiny, tiny_det, workspace):
    """A predictor that does not learn has one card, whatever `train_on` says."""
    cards = [
        evaluate("chance", tiny.suite, workspace=workspace, truth=tiny, train_on=name) for name in ("", tiny_det.suite)
    ]
    assert cards[0].trained_on is None
    assert cards[0].metrics == cards[1].metrics


def test_a_network_of_the_other_task_is_refused(tiny_det, tmp_path):
    """A classifier cannot judge scenes: the message names it and both tasks."""
    networks = dataclasses.replace(tiny_det.suite.networks, labelling=("zoo:vgg",))
    workspace = Workspace(
        data=None, networks=None, cache=tmp_path / "cache", results=tmp_path / "results", chosen_device="cpu"
    )
    with pytest.raises(LabelError, match="zoo:vgg does classification of 11 classes, tiny-det is detection of 10"):
        label(dataclasses.replace(tiny_det.suite, networks=networks), workspace)


def test_rules_are_told_beside_each_other(tiny, tiny_det, tmp_path):
    """`label` prints what each rule of the task would give; the suite's own rule is marked."""
    assert "| plain (the paper's) (this suite's) | combined |" in label_summary(tiny, tmp_path)
    text = label_summary(tiny_det, tmp_path)
    for rule in (
        "one retained (the paper's text)",
        "half retained",
        "one retained, pristine must succeed (this suite's)",
    ):
        assert f"| {rule} | combined |" in text


def test_stored_detections_are_close_to_what_the_detector_said():
    """Rounding to eighths of a px and ten-thousandths moves the mAP by less than 1e-3."""
    from benchmark.core.images import to_tensor
    from benchmark.metrics.matches import match
    from benchmark.metrics.mean_ap import mean_ap
    from benchmark.plugins.datasets.glyph_scenes import scene
    from benchmark.plugins.networks import load
    from benchmark.plugins.networks.detector import as_detections

    network = load("zoo:fcos_shufflenet", None)
    scenes = [scene("test", number) for number in range(200)]
    with torch.inference_mode():
        answers = network.answer([to_tensor(pixels) for pixels, _ in scenes], "cpu")
    exact = [as_detections(answer) for answer in answers]
    columns = detection.observe(network, answers, None, [Sizes((128, 128), (128, 128))] * len(scenes), None)
    keys = {"source": map(str, range(200)), "digest": [""] * 200, "distortion": ["pristine"] * 200, "level": [-1] * 200}
    stored = replacement.unpack(pl.DataFrame(keys | columns, schema=detection.SCHEMA))
    objects, everything = [truth for _, truth in scenes], np.arange(len(scenes))
    before, after = (mean_ap(match(objects, some, 10), everything) for some in (exact, stored))
    assert after == pytest.approx(before, abs=1e-3)


def test_classes_of_one_label_are_warned_of(tiny, tmp_path, monkeypatch):
    """The summary counts the combined labels of each class, and warns where a class has hardly any row of one of them."""
    monkeypatch.setattr("benchmark.labelling.label_report.ENOUGH_ROWS", 5)
    assert "| class | useful | non-useful |" in label_summary(tiny, tmp_path)
    rows = tiny.labels("combined").filter(pl.col("label") >= 0)
    ones = [name for name, source in tiny.indexed.sources.items() if source.truth == 3]
    outcomes = {
        name: table.with_columns(top=pl.when(pl.col("source").is_in(ones)).then(3).otherwise("top").cast(pl.Int16))
        if "top" in table.columns
        else table
        for name, table in tiny.outcomes.items()
    }
    always_right = dataclasses.replace(tiny, outcomes=outcomes)
    assert rows.filter(pl.col("source").is_in(ones), label=0).height > 0
    warnings = [line for line in label_summary(always_right, tmp_path).splitlines() if line.startswith("Warning")]
    assert len(warnings) == 1
    assert "class 3 (" in warnings[0]
    assert " 0 non-useful)" in warnings[0]
