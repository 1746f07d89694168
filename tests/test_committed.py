"""What is committed under results/ against this machine: pixels, outcomes, labels, scorecards."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.distortions import find_distortion
from benchmark.ground_truth import label
from benchmark.images import to_tensor
from benchmark.leaderboard import in_order, in_short, read_ranked
from benchmark.networks import load
from benchmark.records import PRISTINE
from benchmark.runtime import Paths
from benchmark.suite import load_suite
from benchmark.tasks import replacement

RESULTS = Path(__file__).parents[1] / "results"
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def truths(tmp_path_factory):
    """Ground truth of a suite from the committed outcomes; loading a network fails."""
    cache = tmp_path_factory.mktemp("cache")

    def read(name, data=None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("benchmark.labelling.load", lambda *_: pytest.fail("a network was loaded"))
            return label(load_suite(name), Paths(data, None, cache, RESULTS))

    return read


COMMITTED = sorted({path.parents[1].name for path in RESULTS.glob("*/cards/*")})
PHOTOGRAPHS = {"imagenet": "imagenet_data", "coco": "coco_data"}


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_outcomes_give_the_committed_ground_truth(name, truths, request):
    """Without running a network, labels have the digest that every committed scorecard was judged by."""
    wanted = PHOTOGRAPHS.get(load_suite(name).dataset["name"])
    truth = truths(name, request.getfixturevalue(wanted) if wanted else None)
    cards = sorted((RESULTS / name / "cards").glob("*/*.json"))
    assert cards
    for path in cards:
        card = json.loads(path.read_text())
        assert card["fingerprint"] == truth.fingerprint
        assert card["ground_truth"] == truth.digest(card["labels"]), path.name


def test_committed_outcomes_of_glyphs_are_reproduced(truths):
    """Logits of a few scenes, computed here, are the committed ones to 1e-4, and no decision flips."""
    truth = truths("glyphs")
    codec = find_distortion("jpeg")
    for name in truth.suite.networks.labelling:
        network = load(name, None)
        rows = truth.outcomes[name].sample(40, seed=0).to_dicts()
        images = [truth.dataset.read(row["source"]) for row in rows]
        seen = [
            image if row["level"] == PRISTINE else codec.decode(codec.encode(image, row["level"]))
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
        for source, level in rows.select("source", "level").iter_rows():
            pristine = truth.dataset.read(source)
            image = pristine if level == PRISTINE else codec.decode(codec.encode(pristine, level))
            images.append(to_tensor(image))
        with torch.inference_mode():
            answers = network.answer(images)
        for (boxes, scores, classes), recorded in zip(answers, replacement.unpack(rows), strict=True):
            clear = int((recorded.scores > 0.2).sum())
            np.testing.assert_allclose(scores[:clear], recorded.scores[:clear], atol=0.002)
            assert classes[:clear].tolist() == recorded.classes[:clear].tolist()
            np.testing.assert_allclose(boxes[:clear], recorded.boxes[:clear], atol=0.2)


def test_committed_outcomes_are_small():
    """The outcomes of each suite stay below 10 MB, and no file of the results above 4 MiB."""
    for home in RESULTS.glob("*/outcomes"):
        assert sum(path.stat().st_size for path in home.iterdir()) < 10_000_000, home
    files = [path for path in RESULTS.rglob("*") if path.is_file() and path.parent.name != "assets"]
    assert [path for path in files if path.stat().st_size > 4 * 2**20] == []


def test_the_readme_shows_the_committed_boards():
    """Its boards are those that `rank` makes of the committed scorecards."""
    some = in_order(read_ranked(RESULTS / name) for name in COMMITTED)
    text = in_short(some)
    assert (RESULTS / "boards.md").read_text() == text
    readme = (RESULTS.parent / "README.md").read_text()
    assert text in readme[readme.index("<!-- boards -->") : readme.index("<!-- /boards -->")]
