"""Suites without a ground truth: what labelling networks agree on stands for it, in both tasks."""

import dataclasses
import itertools

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.ops import box_iou

from benchmark.cli.main import main
from benchmark.core.errors import LabelError, MetricError, ResultError, SuiteError
from benchmark.core.types import PRISTINE, UNKNOWN
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.labelling.pipeline import label, recorded_truth
from benchmark.labelling.probe_agreement import agreements, recorded_agreements
from benchmark.labelling.reproducibility import reproduce
from benchmark.leaderboard.rank import rank
from benchmark.metrics.consensus import fused_objects
from benchmark.plugins.datasets import open_dataset
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import SuiteFolder
from tests.conftest import TINY, TINY_DET

LETTERS = '[dataset]\nname = "glyphs"\ntrain = 80\nvalidation = 40\ntest = 60'
SCENES = '[dataset]\nname = "glyph-scenes"\ntrain = 40\nvalidation = 20\ntest = 24'

pytestmark = pytest.mark.usefixtures("few_resamples")


def boxes_of(*corners):
    """Boxes from corners in percent."""
    return np.array(corners, np.float64).reshape(-1, 4) / 100


def detector(*objects):
    """Boxes, scores and classes of a detector from (left, top, right, bottom, score, class)."""
    rows = np.array(objects, np.float64).reshape(-1, 6)
    return rows[:, :4] / 100, rows[:, 4], rows[:, 5].astype(np.int64)


def fused(*detectors):
    """The fused boxes in percent, and their classes."""
    boxes, classes = fused_objects(*map(list, zip(*detectors, strict=True)))
    return (100 * boxes).round(4).tolist(), classes.tolist()


CASES = {
    "two of two": ([(0, 0, 50, 50, 0.5, 3)], [(0, 0, 50, 60, 1.0, 3)], None, [[0, 0, 50, 56.6667]], [3]),
    "one of two": ([(0, 0, 50, 50, 0.9, 3)], [], None, [], []),
    "two of three": ([(0, 0, 50, 50, 1, 3)], [(0, 0, 50, 50, 1, 3)], [], [[0, 0, 50, 50]], [3]),
    "one of three": ([(0, 0, 50, 50, 1, 3)], [], [], [], []),
    "other classes": ([(0, 0, 50, 50, 1, 3)], [(0, 0, 50, 50, 1, 4)], None, [], []),
    "far apart": ([(0, 0, 40, 40, 1, 3)], [(50, 50, 90, 90, 1, 3)], None, [], []),
    "a box without area": ([(0, 0, 50, 50, 1, 3), (9, 9, 9, 20, 1, 3)], [(0, 0, 50, 50, 1, 3)], None, [[0, 0, 50, 50]], [3]),
}  # fmt: skip


@pytest.mark.parametrize(("first", "second", "third", "boxes", "classes"), CASES.values(), ids=CASES)
def test_objects_are_those_of_a_majority(first, second, third, boxes, classes):
    """More than half of the detectors must find an object, of one class, where boxes overlap by half."""
    detectors = [detector(*objects) for objects in (first, second, third) if objects is not None]
    assert fused(*detectors) == (boxes, classes)
    assert fused(*detectors[::-1]) == (boxes, classes)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2)), max_size=6, unique=True))
def test_detectors_that_agree_give_what_each_says(cells):
    """Three equal answers without overlaps within a class are the consensus."""
    objects = [(20 * x + 1, 20 * y + 1, 20 * x + 19, 20 * y + 19, 0.8, kind) for x, y, kind in cells]
    boxes, classes = fused(*[detector(*objects)] * 3)
    expected = sorted((kind, (float(a), float(b), float(c), float(d))) for a, b, c, d, _, kind in objects)
    assert sorted(zip(classes, map(tuple, boxes), strict=True)) == expected


def test_no_detector_has_no_consensus():
    """Nothing to agree on raises."""
    with pytest.raises(MetricError, match="no detectors"):
        fused_objects([], [], [])


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """The letters of the tiny suite as PNG files, and a workspace."""
    return exported(tmp_path_factory, {"name": "glyphs", "train": 80, "validation": 40, "test": 60})


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """The scenes of the tiny suite of detection as PNG files, and a workspace."""
    return exported(tmp_path_factory, {"name": "glyph-scenes", "train": 40, "validation": 20, "test": 24})


def exported(tmp_path_factory, choice):
    """A workspace whose data holds the pictures of a dataset as a folder of PNG files."""
    root, dataset = tmp_path_factory.mktemp("own"), open_dataset(choice, None)
    (root / "data" / "mine").mkdir(parents=True)
    for source in dataset.sources():
        Image.fromarray(dataset.read(source.id)).save(root / "data" / "mine" / f"{source.id}.png")
    return Workspace(root / "data", None, root / "cache", root / "results", chosen_device="cpu")


def folder_suite(text, dataset, classes, path):
    """A tiny suite over a folder instead of its dataset."""
    table = f'[dataset]\nname = "folder"\npath = "mine"\ntruth = "consensus"\nclasses = {classes}'
    assert dataset in text
    path.write_text(text.replace(dataset, table).replace('name = "tiny', 'name = "mine', 1))
    return load_suite(str(path))


@pytest.fixture(scope="module")
def own_letters(letters, tmp_path_factory):
    """The labelled suite of letters without a truth, and its workspace."""
    suite = folder_suite(TINY, LETTERS, 11, tmp_path_factory.mktemp("suite") / "mine.toml")
    return label(suite, letters), letters


@pytest.fixture(scope="module")
def own_scenes(scenes, tmp_path_factory):
    """The labelled suite of scenes without a truth, and its workspace."""
    suite = folder_suite(TINY_DET, SCENES, 10, tmp_path_factory.mktemp("suite") / "mine.toml")
    return label(suite, scenes), scenes


def test_the_class_is_that_on_which_all_labelling_networks_agree(own_letters):
    """Truths are the common decisions on pristine versions, and those that disagree take no part."""
    truth, _ = own_letters
    pristine = [truth.outcomes[name].filter(distortion=PRISTINE.distortion) for name in truth.suite.networks.labelling]
    tops = [dict(table.select("source", "top").iter_rows()) for table in pristine]
    for name, source in truth.indexed.sources.items():
        decisions = {top[name] for top in tops}
        assert source.truth == (decisions.pop() if len(decisions) == 1 else UNKNOWN)
    unknown = [name for name, source in truth.indexed.sources.items() if source.truth == UNKNOWN]
    assert unknown
    rows = truth.labels("combined").filter(pl.col("source").is_in(unknown))
    assert set(rows["label"]) == {-1}
    assert not rows["eligible"].any()


def test_labels_are_those_of_a_truth_where_the_networks_are_right(own_letters, tiny):
    """Where the networks agree on the true class, combined labels are those that the truth gives."""
    truth, _ = own_letters
    pixels = {source.id: tiny.indexed.dataset.read(source.id).tobytes() for source in tiny.indexed.sources.values()}
    same = {}
    for name, source in truth.indexed.sources.items():
        original = name.removesuffix(".png")
        assert truth.indexed.dataset.read(name).tobytes() == pixels[original]
        if source.truth == tiny.indexed.truths[original]:
            same[name] = original
    assert len(same) > 60
    mine = {
        row[:-1]: row[-1] for row in truth.labels("combined").select("source", "distortion", "level", "label").rows()
    }
    other = {
        row[:-1]: row[-1] for row in tiny.labels("combined").select("source", "distortion", "level", "label").rows()
    }
    compared = [
        (value, other[same[source], distortion, level])
        for (source, distortion, level), value in mine.items()
        if source in same and (same[source], distortion, level) in other
    ]
    assert len(compared) > 100
    assert all(first == second for first, second in compared)
    assert {first for first, _ in compared} >= {0, 1}


def test_held_out_networks_are_judged_by_their_own_decision(own_letters):
    """A network without a voice in the consensus is right where it decides as on the pristine version."""
    truth, _ = own_letters
    (name,) = truth.suite.networks.held_out
    rows = truth.judgement(name)
    assert rows["right"].to_list() == rows["kept"].to_list()
    assert rows["pristine_right"].all()


def test_objects_are_those_of_the_detectors_majority(own_scenes, tiny_det):
    """The truth of a scene are fused objects, most of which cover a true letter of their class by half or more."""
    truth, _ = own_scenes
    covered = []
    for name, source in truth.indexed.sources.items():
        letters = tiny_det.indexed.truths[name.removesuffix(".png")]
        for box, kind in zip(source.truth.boxes, source.truth.classes, strict=True):
            same = torch.as_tensor(np.asarray(letters.boxes, float)[np.asarray(letters.classes) == kind].reshape(-1, 4))
            overlaps = box_iou(torch.as_tensor(np.asarray(box, float)).reshape(1, 4), same)
            covered.append(bool((overlaps >= 0.5).any()))
    assert len(covered) > 10
    assert np.mean(covered) > 0.8
    assert set(truth.labels("combined")["label"]) >= {0, 1}


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("fixture", ["own_letters", "own_scenes"])
def test_the_whole_way_works_without_a_truth(fixture, request):
    """Labels, scores, cards and boards are made as ever, and recorded truths read back without photographs are the same."""
    truth, workspace = request.getfixturevalue(fixture)
    card = evaluate("jpeg_quality", truth.suite, truth=truth, workspace=workspace)
    assert 0 <= card.metrics["auroc"].value <= 1
    assert card.gains["area"].value is not None
    recorded = recorded_truth(truth.suite, workspace)
    assert recorded.digest("combined") == truth.digest("combined")
    text = "\n".join(map(str, rank([str(truth.suite.name)], workspace)))
    board = (workspace.results / truth.suite.name / "leaderboard.md").read_text()
    assert text
    assert "agree on" in board


def test_labelling_again_runs_no_network(own_letters, monkeypatch):
    """A labelled suite without a truth needs no network a second time."""
    from benchmark.labelling import judging

    truth, workspace = own_letters
    monkeypatch.setattr(judging, "judge_images", None)
    again = label(truth.suite, workspace)
    assert again.digest("combined") == truth.digest("combined")


def test_no_temperature_is_fitted_to_a_consensus(tmp_path):
    """Calibration is refused, since networks are right on what they agree on."""
    with pytest.raises(SuiteError, match="no temperature can be fitted"):
        folder_suite(TINY + "calibrate = true\n", LETTERS, 11, tmp_path / "mine.toml")


def test_scores_of_the_true_class_are_those_of_the_consensus(own_letters):
    """In pristine versions a labelling network's score of the agreed class is that of its decision."""
    truth, _ = own_letters
    for name in truth.suite.networks.labelling:
        rows = truth.outcomes[name].filter(distortion=PRISTINE.distortion)
        agreed = [truth.indexed.truths[source] != UNKNOWN for source in rows["source"]]
        chosen = rows.filter(pl.Series(agreed))
        assert chosen["score_true"].to_list() == chosen["score_top"].to_list()
        assert chosen.height


def test_every_pair_of_levels_is_judged(own_letters):
    """Every image that a suite with truth has is judged without one too."""
    truth, _ = own_letters
    test = [source.id for source in truth.parts["test"]]
    conditions = [tuple(condition) for condition in truth.suite.training_conditions]
    expected = {(source, *condition) for source, condition in itertools.product(test, conditions)}
    assert expected <= set(truth.judgement("zoo:resnet").select("source", "distortion", "level").iter_rows())


MIXED = '[[distortions]]\nname = "webp"\nlevels = [50, 10, 1]\nheld_out = [30, 5]\n'


@pytest.mark.parametrize("mixed", [False, True])
def test_without_a_held_out_network_downstream_parts_are_left_out(letters, tmp_path, mixed, capsys):
    """Labels, cards, boards, comparisons and pages are made, and nothing is told of downstream performance."""
    text = TINY.replace('held_out = ["zoo:resnext"]', "held_out = []").replace('probe = "zoo:resnet_wide"', "")
    text = text.replace("[networks]", (MIXED if mixed else "") + "[networks]")
    workspace = dataclasses.replace(letters, results=tmp_path / "results")
    suite = folder_suite(text, LETTERS, 11, tmp_path / "mine.toml")
    assert suite.networks.held_out == ()
    truth = label(suite, workspace)
    for name in ("ssim", "bits_per_pixel", "condition"):
        card = evaluate(name, suite, truth=truth, workspace=workspace)
        assert card.downstream == {}
        assert {card.gains[measure].value for measure in ("area", "gain", "over_random")} == {None}
    assert "bits_saved_labels" in card.gains
    assert "bits_saved" not in card.gains
    rank([], workspace)
    board = (workspace.results / "mine" / "leaderboard.md").read_text()
    assert "No network is held out" in board
    assert "Downstream" not in board
    page = (workspace.results / "mine" / "index.html").read_text()
    assert "No network is held out" in page
    assert not list((workspace.results / "mine" / "figures").glob("figure_2*"))
    arguments = [
        "compare",
        "ssim",
        "bits_per_pixel",
        "-s",
        str(tmp_path / "mine.toml"),
        "--results",
        str(workspace.results),
    ]
    assert main(arguments) == 0
    assert "auroc" in capsys.readouterr().out.lower()


@pytest.mark.parametrize("fixture", ["own_letters", "own_scenes"])
def test_a_suite_without_a_truth_is_reproduced(fixture, request):
    """Asked again, every network gives the recorded outcomes, scores of the agreed truth among them."""
    truth, workspace = request.getfixturevalue(fixture)
    checks = list(reproduce(truth.suite, workspace))
    assert len(checks) > 4
    assert [check.problem for check in checks if check.problem] == []


def test_other_voices_are_another_truth(own_letters):
    """Outcomes that were recorded when other networks agreed on the truth are refused, and stay as they are."""
    truth, workspace = own_letters
    networks = dataclasses.replace(truth.suite.networks, labelling=("zoo:densenet", "zoo:nfnet"))
    other = dataclasses.replace(truth.suite, networks=networks)
    files = {path: path.read_bytes() for path in (workspace.results / "mine" / "outcomes").iterdir()}
    for work in (label, recorded_truth):
        with pytest.raises(
            (LabelError, ResultError), match=r"truth of zoo:densenet, zoo:resnet, now|recorded of other choices"
        ):
            work(other, workspace)
    assert {path: path.read_bytes() for path in (workspace.results / "mine" / "outcomes").iterdir()} == files


@pytest.mark.usefixtures("no_pictures")
def test_predictors_trained_elsewhere_are_judged_on_fresh_photographs(own_letters, tmp_path, capsys):
    """A suite over a folder without a truth gives a board on which everything was trained on another suite."""
    _, workspace = own_letters
    other = tmp_path / "other.toml"
    other.write_text(TINY.replace('"tiny"', '"other"').replace("train = 80", "train = 90"))
    own = tmp_path / "mine.toml"
    folder_suite(TINY, LETTERS, 11, own)
    folders = ["--data", str(workspace.data), "--results", str(workspace.results)]
    assert main(["run", "gatekeeper", "header", "-s", str(own), "--train-on", str(other), *folders]) == 0
    assert main(["rank", str(own), *folders[2:]]) == 0
    board = (workspace.results / "mine" / "leaderboard.md").read_text()
    for name in ("gatekeeper", "header"):
        assert f"| {name} (from other) |" in board
    assert "Nobody has given a truth" in board
    assert "(from mine)" not in capsys.readouterr().out


def test_the_probe_is_judged_alike_by_the_report_and_by_the_board(own_letters):
    """The agreement of the probe is the same from the ground truth and from what is recorded."""
    truth, workspace = own_letters
    folder = SuiteFolder(workspace.results / truth.suite.name)
    assert agreements(truth) == recorded_agreements(folder, truth.digest("combined")) != {}
