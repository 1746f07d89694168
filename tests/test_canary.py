"""A predictor that recognises images fails on images that exist nowhere else, and its row is marked."""

import hashlib
import json
import shutil

import msgspec
import numpy as np
import polars as pl
import pytest

from benchmark.core.types import IMAGE
from benchmark.core.workspace import Workspace
from benchmark.evaluation.canary import MOST, TOLERANCE, Canary, compared, crop, sing
from benchmark.evaluation.dataloading import samples
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.passes import Entrant
from benchmark.evaluation.results import title
from benchmark.evaluation.scorecard import read_card
from benchmark.evaluation.scoring import score_rows, scores_table
from benchmark.leaderboard.rank import rank
from benchmark.plugins.predictors.base import Context, Predictor

LOOK_UP = """
import hashlib
import json
from pathlib import Path

import benchmark

class Mine(benchmark.Predictor):
    def score(self, samples):
        table = json.loads((Path(__file__).parent / "table.json").read_text())
        names = [hashlib.blake2b(sample.image.numpy().tobytes()).hexdigest() for sample in samples]
        return [table.get(name, 0.5) for name in names]
"""


@pytest.fixture
def workspace(tiny_workspace, tmp_path):
    """Folders of its own, with the small suite's outcomes."""
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", tmp_path / "results" / "tiny" / "outcomes")
    return Workspace(
        data=None, networks=None, cache=tiny_workspace.cache, results=tmp_path / "results", chosen_device="cpu"
    )


def table(truth):
    """Label of each labelled image by the digest of its pixels, as published labels and photographs give it."""
    rows = truth.labelled("combined", "test")
    pairs = rows.select(IMAGE).rows()
    labels = rows["label"].to_list()
    return {
        hashlib.blake2b(sample.image.numpy().tobytes()).hexdigest(): float(labels[index])
        for indices, batch in samples(truth.indexed, pairs, (), "any")
        for index, sample in zip(indices, batch, strict=True)
    }


@pytest.mark.usefixtures("no_pictures")
def test_a_look_up_is_marked(tiny, workspace, tmp_path):
    """A predictor from a file that looks digests up loses its AUROC of 1, has a mark and no rank."""
    (tmp_path / "lookup.py").write_text(LOOK_UP)
    (tmp_path / "table.json").write_text(json.dumps(table(tiny)))
    card = evaluate(str(tmp_path / "lookup.py"), tiny.suite, workspace=workspace, truth=tiny)
    (canary,) = card.provenance.canary
    assert canary.failed
    assert (canary.original, canary.cropped) == (1.0, 0.5)
    assert title(card) == "lookup ¶"
    stored = read_card(workspace.results / "tiny" / "cards" / "combined" / "lookup.json")
    assert stored.provenance.canary == (canary,)
    rank([], workspace)
    text = (workspace.results / "tiny" / "leaderboard.md").read_text()
    assert "| - | lookup ¶ |" in text
    assert "¶: loses much of its AUROC" in text


class Contrast(Predictor):
    """Standard deviation of the pixels."""

    def score(self, samples):
        return [float(sample.image.float().std()) for sample in samples]


def test_an_honest_predictor_is_not_marked(tiny):
    """What depends on the content of an image says nearly the same of the image without its margins."""
    entrants = {"contrast": Entrant.of("contrast", Contrast(Context()))}
    scored = score_rows(entrants, tiny.indexed)["contrast"].scores
    canary = sing(entrants, tiny, {"contrast": scores_table(tiny.indexed, scored, 0)})["contrast"]
    assert not canary.failed
    assert abs(canary.original - canary.cropped) < TOLERANCE + 0.03


@pytest.mark.usefixtures("no_pictures")
def test_in_this_process_there_is_no_canary(tiny, workspace):
    """What runs in this process, and every committed card, has none, and its board says nothing of it."""
    card = evaluate("chance", tiny.suite, workspace=workspace, truth=tiny)
    assert card.provenance.canary == ()
    assert not {"canary", "sandbox"} & set(msgspec.to_builtins(card.provenance))
    rank([], workspace)
    assert "¶" not in (workspace.results / "tiny" / "leaderboard.md").read_text()


def test_a_crop_is_small_and_secret():
    """Each side loses one to seven pixels, the same of all images, and others with another secret."""
    pixels = np.arange(200 * 300 * 3, dtype=np.uint8).reshape(200, 300, 3)
    shapes = {crop(secret, pixels).shape for secret in map(str, range(50))}
    assert len(shapes) > 20
    for height, width, _ in shapes:
        assert 2 <= 200 - height <= 2 * MOST
        assert 2 <= 300 - width <= 2 * MOST
    assert crop("a", pixels).tobytes() == crop("a", pixels).tobytes()
    assert crop("a", pixels[:9, :9]).shape == (9, 9, 3)


def test_chance_alone_is_no_failure():
    """A wide interval marks nobody, and neither does a loss within the tolerance."""
    values = Canary(cropped=0.8, original=0.9, low=-0.1, high=0.3, sources=20)
    assert not values.failed
    assert not msgspec.structs.replace(values, low=TOLERANCE / 2).failed
    assert msgspec.structs.replace(values, low=2 * TOLERANCE).failed


def test_copies_of_one_photograph_count_as_one():
    """Resampled are photographs: two sources of one are drawn together, as everywhere."""
    rows = pl.DataFrame({"label": [0, 1] * 8, "score": np.linspace(0, 1, 16)})
    apart, together = ([f"{number // size}" for number in range(16)] for size in (2, 4))
    assert compared(rows, rows["score"].to_numpy(), apart).sources == 8
    assert compared(rows, rows["score"].to_numpy(), together).sources == 4
