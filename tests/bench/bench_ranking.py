"""What needs no network: resampling an mAP, ranking many predictors, and the command line's start."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest

from benchmark.core.parquet import read_table, write_table
from benchmark.core.sealed import sealed
from benchmark.leaderboard.rank import rank
from tests.bench.conftest import ROOT
from tests.studies import map_bootstrap
from tests.tracked import copy_tracked

PREDICTORS, SOURCES, LEVELS = 50, 10_000, (90, 70, 50, 40, 30, 20, 15, 10, 5)


def test_map_bootstrap_against_cocoeval(once, figure):
    """1,000 resamples of an mAP at the size of COCO val2017, beside running COCOeval on each."""
    (ours, theirs), _ = once(map_bootstrap.main)
    told = {"replicates_seconds": ours, "cocoeval_seconds_each": theirs}
    figure("1,000 runs of COCOeval / 1,000 replicates, COCO val2017's size", 1000 * theirs / ours, ">= 300", **told)


def many_cards(results):
    """A suite's results with 50 predictors of 90,000 scores each; cards and replicates are those of one that was run."""
    folder = results / "glyphs"
    made = ROOT / "results" / "glyphs"
    shutil.copytree(made / "outcomes", folder / "outcomes")
    shutil.copy(made / "rivals.parquet", folder / "rivals.parquet")
    suite = json.loads((made / "suite.json").read_text())
    (folder / "suite.json").write_text(json.dumps(suite | {"redistributable": False}))  # there are no such photographs
    random = np.random.default_rng(0)
    rows = pl.DataFrame({
        "source": np.repeat([f"test-{number:05d}" for number in range(SOURCES)], len(LEVELS)),
        "distortion": "jpeg",
        "level": pl.Series(np.tile(LEVELS, SOURCES), dtype=pl.Int16),
    })  # fmt: skip
    labels, known = read_table(made / "labels.parquet")
    answers = [pl.Series(name, random.integers(-1, 2, rows.height), pl.Int8) for name in labels.columns[4:]]
    write_table(folder / "labels.parquet", rows.with_columns(pl.lit("test").alias("part"), *answers), known)
    card = json.loads((made / "cards" / "combined" / "ssim.json").read_text())
    replicates = read_table(made / "cards" / "combined" / "ssim.parquet")
    metadata = read_table(made / "scores" / "ssim.parquet")[1]
    for number in range(PREDICTORS):
        name = f"predictor_{number:02d}"
        scores = pl.Series("score", random.normal(size=rows.height))
        table = rows.with_columns(pl.lit("test").alias("part"), pl.lit(0, pl.Int16).alias("seed"), scores)
        write_table(folder / "scores" / f"{name}.parquet", table, metadata | {"predictor": name})
        write_table(folder / "cards" / "combined" / f"{name}.parquet", *replicates)
        path = folder / "cards" / "combined" / f"{name}.json"
        path.write_text(json.dumps(sealed(card | {"predictor": name})))


def test_rank_fifty_predictors(lite, once, figure):
    """Board, tables, figures and pages of 50 predictors with 90,000 scores each, beside reading those scores."""
    many_cards(lite.results)
    start = time.perf_counter()
    for path in (lite.results / "glyphs" / "scores").iterdir():
        read_table(path)
    reading = time.perf_counter() - start
    start = time.perf_counter()
    rank(["glyphs"], lite)
    drawing = time.perf_counter() - start
    _, seconds = once(rank, ["glyphs"], lite)
    title = "seconds of `rank`, 50 scorecards of 90,000 scores"
    figure(f"{title}, charts unchanged", seconds, "< 8", reading_seconds=reading)
    figure(f"{title}, all charts drawn", drawing, "-", reading_seconds=reading)


def seconds_of(*command, cwd=None, repeats=5):
    """The least seconds of a command of the package, or of Python."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, capture_output=True, cwd=cwd)
        times.append(time.perf_counter() - start)
    return min(times)


def test_help_is_quick(once, figure):
    """`utilbench --help`, beside starting Python."""
    seconds, _ = once(seconds_of, "-m", "benchmark", "--help", repeats=20)
    figure("seconds of `utilbench --help`", seconds, "< 0.15", python_seconds=seconds_of("-c", "pass", repeats=20))


def test_list_is_quick(once, figure):
    """`utilbench list`."""
    seconds, _ = once(seconds_of, "-m", "benchmark", "list")
    figure("seconds of `utilbench list`", seconds, "< 2")


@pytest.mark.parametrize("suite", ["imagenet-lite", "coco-lite"])
def test_comparing(suite, tmp_path, once, figure):
    """`utilbench compare` of two predictors where replicates are there, and where they are made first."""
    copy_tracked(tmp_path, f"results/{suite}")
    line = f"-m benchmark compare gatekeeper ssim -s {suite} --results"
    command = [*line.split(), str(tmp_path / "results")]
    first, _ = once(seconds_of, *command, repeats=1)
    figure(f"seconds of `compare` on {suite}", seconds_of(*command, repeats=1), "< 5", with_replicates_made=first)


def test_verifying_a_submission(tmp_path, once, figure):
    """`utilbench verify SUBMISSION` of 22,000 scores on letters, whose images are made anew."""
    folder = ROOT / "results" / "glyphs"
    (tmp_path / "mine" / "scores").mkdir(parents=True)
    scores, metadata = read_table(folder / "scores" / "ssim.parquet")
    rows = scores.select("source", "distortion", "level", "score")
    rows.write_parquet(tmp_path / "mine" / "scores" / "glyphs.parquet")
    text = (ROOT / "submissions" / "_template" / "card.toml").read_text()
    text += f'\ntrack = "full-reference"\n\n[scores.glyphs]\nfingerprint = "{metadata["fingerprint"]}"\n'
    (tmp_path / "mine" / "card.toml").write_text(text)
    seconds, _ = once(seconds_of, "-m", "benchmark", "verify", str(tmp_path / "mine"), repeats=2)
    figure("seconds of `verify SUBMISSION`", seconds, "< 3", scores=rows.height)
