"""Scorecards as files: one format, one order of keys, and nothing that does not belong there."""

import json

import msgspec
import pytest

from benchmark.core.errors import ResultError
from benchmark.core.sealed import sealed
from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.measure_table import MEASURES, describe, problem_with, whole
from benchmark.evaluation.results import read_scores
from benchmark.evaluation.scorecard import read_card, write_card
from tests.tracked import SUITES, tracked

CARDS = [path for suite in SUITES for path in tracked(f"results/{suite}/cards/*/*.json")]
SPOILT = {
    "an unknown key": (lambda card: card | {"stars": 5}, "unknown field `stars`"),
    "a missing key": (
        lambda card: {key: value for key, value in card.items() if key != "cost"},
        "required field `cost`",
    ),
    "another format": (lambda card: card | {"format": 1}, "format 4: .*format"),
    "no format": (
        lambda card: {key: value for key, value in card.items() if key != "format"},
        "required field `format`",
    ),
    "an unknown measure": (
        lambda card: card | {"soft": card["soft"] | {"stars": {"value": 0.5}}},
        "soft.stars: no such measure",
    ),
    "an unknown key inside": (
        lambda card: card | {"cost": card["cost"] | {"dollars": 1}},
        r"`dollars` - at `\$\.cost`",
    ),
    "a text for a number": (lambda card: card | {"seeds": ["0"]}, r"at `\$\.seeds"),
    "an AUROC of 7": (lambda card: with_auroc(card, value=7.0), "metrics.auroc: 7.0 is not in the range of 0 to 1"),
    "an interval below 0": (lambda card: with_auroc(card, low=-0.5), "metrics.auroc: -0.5 is not in the range"),
    "no number": (lambda card: with_auroc(card, value=float("nan")), "not JSON"),
}


def with_auroc(card, **values):
    """The card with other values of its AUROC."""
    return card | {"metrics": card["metrics"] | {"auroc": card["metrics"]["auroc"] | values}}


@pytest.mark.parametrize("path", CARDS, ids=str)
def test_a_card_is_written_as_it_was_read(path, tmp_path):
    """Every committed card, read and written again, has the same bytes, whatever order its dictionaries had in memory."""
    write_card(tmp_path / "card.json", read_card(path))
    assert (tmp_path / "card.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("fault", SPOILT)
def test_what_is_no_card_is_refused_by_file_and_key(fault, tmp_path):
    """A card with a key too many or too few, of another format, or with a value out of range is refused by file and key."""
    spoil, message = SPOILT[fault]
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(sealed(spoil(json.loads(CARDS[0].read_text())))))
    with pytest.raises(ResultError, match=rf"mine\.json: .*{message}"):
        read_card(path)


def test_scores_of_another_format_are_refused(tmp_path):
    """The metadata of stored scores has the format too."""
    from benchmark.core.parquet import read_table, write_table

    (path,) = tracked("results/glyphs/scores/ssim.parquet")
    table, metadata = read_table(path)
    write_table(tmp_path / "ssim.parquet", table, metadata | {"format": 1})
    with pytest.raises(ResultError, match=r"ssim\.parquet: not scores of format 4"):
        read_scores(tmp_path / "ssim.parquet")


def test_every_measure_of_a_card_is_described():
    """Title, direction and range of every measure on the committed cards stand in the table."""
    for path in CARDS:
        card = read_card(path)
        for group in ("metrics", "soft", "gains"):
            for name in card.measures(group):
                assert whole(name) in MEASURES


def test_directions_of_measures():
    """Errors and overlaps fall, all else rises, and what says nothing about a predictor has no direction."""
    assert describe("overlap").heading == "overlap ↓"
    assert describe("area of zoo:resnet").heading == "gain area ↑"
    assert describe("majority_accuracy").heading == "majority"
    assert describe("AUROC, jpeg 10").higher_is_better
    assert not problem_with("metrics", "mcc", -1.0, None, 1.0)
    assert problem_with("metrics", "mcc", -1.1)


def test_spread_is_that_of_the_seeds():
    """One seed has no spread, several have that of their values, and it is no field of the file."""
    assert Measure(value=0.5).spread is None
    assert Measure(value=0.5, per_seed=(0.4, 0.6)).spread == pytest.approx(0.1414, abs=1e-4)
    assert set(msgspec.to_builtins(Measure(value=0.5))) == {"value"}
