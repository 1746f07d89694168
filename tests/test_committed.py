"""What is committed under results/ against this machine: pixels, outcomes, labels, scorecards."""

import json

import numpy as np
import pytest
import torch

from benchmark.core.images import to_tensor
from benchmark.core.types import IMAGE, PRISTINE
from benchmark.core.workspace import Workspace
from benchmark.evaluation.informed_rivals import rival_code
from benchmark.evaluation.scorecard import read_card
from benchmark.labelling.pipeline import make_ground_truth, recorded_truth
from benchmark.labelling.recorded import read_sources
from benchmark.leaderboard.rank import in_order, in_short, read_ranked
from benchmark.plugins.datasets import index, open_dataset
from benchmark.plugins.distortions import decoded, encoded, find_distortion
from benchmark.plugins.networks import load
from benchmark.plugins.predictors.discovery import find_predictor
from benchmark.plugins.predictors.informed import INFORMED
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import SuiteFolder
from benchmark.suites.tasks import replacement
from tests.tracked import SUITES, WHOLE, copy_tracked

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The committed results, without what a person has added since."""
    return copy_tracked(tmp_path_factory.mktemp("committed"), "results") / "results"


@pytest.fixture(scope="module")
def truths(results, shared_folder):
    """Ground truth of a suite from the committed outcomes; loading a network fails."""
    cache = shared_folder / "utilbench"  # where the wheel, too, looks for the index of the letters

    def read(name, data=None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("benchmark.labelling.worker.load", lambda *_: pytest.fail("a network was loaded"))
            return make_ground_truth(load_suite(name), Workspace(data, None, cache, results))

    return read


PHOTOGRAPHS = {"imagenet": "imagenet_data", "coco": "coco_data", "open": "open_data"}


def check_cards(truth, results):
    """Every committed scorecard of a suite was judged by this ground truth."""
    cards = SuiteFolder(results / truth.suite.name).cards()
    assert cards
    for path in cards:
        card = json.loads(path.read_text())
        assert card["fingerprint"] == truth.fingerprint
        assert card["ground_truth"] == truth.digest(card["labels"]), path.name


@pytest.mark.parametrize("name", WHOLE)
def test_committed_outcomes_give_the_committed_ground_truth(name, results, tmp_path):
    """Without photographs or networks, labels have the digest that every committed scorecard was judged by."""
    check_cards(recorded_truth(load_suite(name), Workspace(None, None, tmp_path, results)), results)


@pytest.mark.parametrize("name", WHOLE)
def test_photographs_at_hand_are_those_that_were_recorded(name, truths, results, request, tmp_path):
    """From the photographs themselves the same ground truth follows, without running a network."""
    suite = load_suite(name)
    fixture = PHOTOGRAPHS.get(suite.dataset["name"])
    data = request.getfixturevalue(fixture) if fixture else None
    if fixture:
        recorded, _ = read_sources(SuiteFolder(results / name), suite.task)
        found = {source.digest for source in index(open_dataset(suite.dataset, data), tmp_path)}
        if not found & set(recorded["digest"]):
            pytest.skip(f"the photographs in UTILBENCH_DATA are others than those that {name} was recorded on")
    check_cards(truths(name, data), results)


def test_committed_outcomes_of_glyphs_are_reproduced(truths):
    """Logits of a few scenes, computed here, are the committed ones to 1e-4, and no decision flips."""
    truth = truths("glyphs")
    codec = find_distortion("jpeg")
    for name in truth.suite.networks.labelling:
        network = load(name, None)
        rows = truth.outcomes[name].sample(40, seed=0).to_dicts()
        images = [truth.indexed.dataset.read(row["source"]) for row in rows]
        seen = [
            image
            if row["distortion"] == PRISTINE.distortion
            else decoded(codec, encoded(codec, image, row["level"], "a scene"), "a scene")
            for image, row in zip(images, rows, strict=True)
        ]
        squares = torch.stack([network.preprocessing.square(to_tensor(image)) for image in seen])
        with torch.inference_mode():
            logits = network.forward(network.preprocessing.normalise(squares, "cpu"))
        scale = logits.abs().max()
        found = torch.stack([logits.max(1).values, logits.logsumexp(1)]).numpy()
        recorded = np.array([[row["score_top"] for row in rows], [row["logsumexp"] for row in rows]])
        np.testing.assert_allclose(found, recorded, atol=float(TOLERANCE * scale))
        assert logits.argmax(1).tolist() == [row["top"] for row in rows]


def test_committed_outcomes_of_glyphs_det_are_reproduced(truths):
    """Detections in a few scenes, computed here, are the committed ones: as many clear ones, at the same places."""
    truth = truths("glyphs-det")
    codec = find_distortion("jpeg")
    for name in truth.suite.networks.labelling:
        network = load(name, None)
        rows = truth.outcomes[name].sample(12, seed=0)
        images = []
        for source, *condition in rows.select(IMAGE).iter_rows():
            pristine = truth.indexed.dataset.read(source)
            image = pristine
            if tuple(condition) != PRISTINE:
                image = decoded(codec, encoded(codec, pristine, condition[1], source), source)
            images.append(to_tensor(image))
        with torch.inference_mode():
            answers = network.answer(images, "cpu")
        for (boxes, scores, classes), recorded in zip(answers, replacement.unpack(rows), strict=True):
            clear = int((recorded.scores > 0.2).sum())
            np.testing.assert_allclose(scores[:clear], recorded.scores[:clear], atol=0.002)
            assert classes[:clear].tolist() == recorded.classes[:clear].tolist()
            np.testing.assert_allclose(boxes[:clear], recorded.boxes[:clear], atol=0.2)


@pytest.mark.parametrize("name", SUITES)
def test_no_committed_scorecard_is_of_other_code(name, results):
    """Every card, twins' included, was made by the code that its predictor has now."""
    for path in SuiteFolder(results / name).cards():
        card = read_card(path)
        rival = INFORMED.get(card.predictor)
        assert card.provenance.code == (rival_code(rival) if rival else find_predictor(card.predictor)[2]), path


def test_committed_outcomes_are_small(results):
    """The outcomes of each suite stay below 15 MB, and no file of the results above 4 MiB."""
    for home in results.glob("*/outcomes"):
        assert sum(path.stat().st_size for path in home.iterdir()) < 15_000_000, home
    assert [path for path in results.rglob("*") if path.is_file() and path.stat().st_size > 4 * 2**20] == []


def test_the_boards_in_short_are_those_of_the_committed_scorecards(results):
    """They are what `rank` makes of all suites."""
    ranked = in_order(read_ranked(SuiteFolder(results / name)) for name in SUITES)
    assert (results / "boards.md").read_text() == in_short(ranked)
