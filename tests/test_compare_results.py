"""The script that holds results still: it names each value that differs, and takes no digest for a value."""

import json

import polars as pl
import pytest

from tests.compare_results import differences


@pytest.fixture
def folders(tmp_path):
    """Two folders with the same scorecard, scores and board."""
    for name in ("before", "after"):
        suite = tmp_path / name / "glyphs"
        (suite / "cards" / "combined").mkdir(parents=True)
        (suite / "scores").mkdir()
        card = {"fingerprint": "0", "metrics": {"auroc": {"value": 0.9}}, "seeds": [0, 1]}
        (suite / "cards" / "combined" / "ssim.json").write_text(json.dumps(card))
        pl.DataFrame({"score": [0.5, float("nan")]}).write_parquet(suite / "scores" / "ssim.parquet")
        (suite / "leaderboard.md").write_text("# glyphs\n\n0.9\n")
    return tmp_path / "before", tmp_path / "after"


def change_card(folder, **values):
    """Write the scorecard of a folder with other values."""
    path = folder / "glyphs" / "cards" / "combined" / "ssim.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_equal_results_do_not_differ(folders):
    """Every file is compared and none differs, not-a-numbers included; a digest is no value."""
    change_card(folders[1], fingerprint="1")
    assert differences(*folders) == ([], 3)


def test_each_kind_of_file_is_compared(folders):
    """A value, a row, a line and a missing file are each named."""
    _, after = folders
    change_card(after, metrics={"auroc": {"value": 0.91}})
    pl.DataFrame({"score": [0.5, 0.6]}).write_parquet(after / "glyphs" / "scores" / "ssim.parquet")
    (after / "glyphs" / "leaderboard.md").unlink()
    lines, compared = differences(*folders)
    assert compared == 2
    assert any("ssim.json: 1 differ, the first is .metrics.auroc.value" in line for line in lines)
    assert any("ssim.parquet: 1 differ, the first is score" in line for line in lines)
    assert any("leaderboard.md: only in" in line for line in lines)
