import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.core.errors import PluginError
from benchmark.plugins.distortions import DISTORTIONS, find_distortion
from benchmark.plugins.predictors.discovery import find_predictor


@pytest.fixture
def results(tiny, tiny_workspace, tmp_path, monkeypatch):
    """A results folder with the small suite's outcomes; the cache is the shared one."""
    monkeypatch.setenv("UTILBENCH_CACHE", str(tiny_workspace.cache))
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", tmp_path / "results" / "tiny" / "outcomes")
    return str(tmp_path / "results")


def test_label_run_rank(results, tiny_file, capsys):
    """The three verbs end well one after the other and print coverage, values and the board, and progress on standard error."""
    assert main(["label", str(tiny_file), "--results", results]) == 0
    assert "coverage" in capsys.readouterr().out
    assert main(["run", "chance", "jpeg_quality", "-s", str(tiny_file), "-l", "all", "--results", results]) == 0
    told = capsys.readouterr()
    assert "jpeg_quality on tiny, zoo:resnet labels: auroc" in told.out
    assert all("labels: auroc" in line for line in told.out.splitlines())
    assert "2 predictors score tiny" in told.err
    assert main(["rank", "tiny", "--results", results]) == 0
    assert "# tiny" in capsys.readouterr().out


RAISES = """
from benchmark import Predictor

class Raises(Predictor):
    def score(self, samples):
        raise ValueError("no such thing")
"""


@pytest.mark.usefixtures("in_this_process")
def test_a_predictor_that_fails_does_not_lose_the_others(results, tiny_file, tmp_path, capsys):
    """Of several predictors the good ones get scorecards; each failure is told, and the exit status is 1."""
    (tmp_path / "raises.py").write_text(RAISES)
    names = ["chance", "nosuch", str(tmp_path / "raises.py"), "jpeg_quality"]
    assert main(["run", *names, "-s", str(tiny_file), "--results", results]) == 1
    told = capsys.readouterr()
    lines = [line for line in told.err.splitlines() if line.startswith("utilbench:")]
    assert "nosuch, combined labels: no predictor 'nosuch'; there are" in lines[0]
    assert "raises: score() raised ValueError: no such thing" in lines[1]
    assert lines[2] == f"utilbench: 2 of 4 runs failed (nosuch, {names[2]}), see above"
    cards = {path.stem for path in (tmp_path / "results" / "tiny" / "cards" / "combined").glob("*.json")}
    assert cards == {"chance", "jpeg_quality"}


CONTRAST = """
from benchmark import Predictor

class Contrast(Predictor):
    def score(self, samples):
        return [float(sample.image.float().std()) for sample in samples]
"""


@pytest.mark.usefixtures("in_this_process")
def test_a_predictor_is_found_once_for_all_label_sets(results, tiny_file, tmp_path, monkeypatch):
    """The file of a predictor is looked up and described once, however many label sets it is evaluated on."""
    names = []

    def noted(name, **options):
        names.append(name)
        return find_predictor(name, **options)

    monkeypatch.setattr("benchmark.plugins.predictors.resolve.find_predictor", noted)
    (tmp_path / "contrast.py").write_text(CONTRAST)
    assert main(["run", str(tmp_path / "contrast.py"), "-s", str(tiny_file), "-l", "all", "--results", results]) == 0
    assert len(list((tmp_path / "results" / "tiny" / "cards").glob("*/contrast.json"))) == 3
    assert names == [str(tmp_path / "contrast.py")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["label", "glyph"], "no suite 'glyph'; near: glyphs"),
        (["label", "imagenet"], "no data folder: set UTILBENCH_DATA or --data"),
        (["label", "imagenet", "--data", "/nowhere"], "ImageNet is missing: no folder /nowhere/imagenet; get"),
        (["rank", "nothing"], "no scorecards; `utilbench run PREDICTOR -s nothing.toml` makes them"),
    ],
)
def test_failure_is_one_line_and_status_1(arguments, message, capsys, monkeypatch, tmp_path):
    """What cannot be done is told in one line on standard error, with exit status 1."""
    monkeypatch.delenv("UTILBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_wrong_usage_is_status_2(capsys):
    """An unknown verb or a missing argument ends with exit status 2."""
    for arguments in (["dance"], ["run", "ssim"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    assert "usage: utilbench" in capsys.readouterr().err


@pytest.mark.usefixtures("few_rows_are_ranked")
def test_run_says_where_the_card_is_and_how_it_ranks(results, tiny_file, tmp_path, capsys):
    """After `run` come the files of the cards, the ranks on the board, and the next command; unranked ones say so."""
    names = ["ssim", "condition", "chance"]
    assert main(["run", *names, "-s", str(tiny_file), "--results", results]) == 0
    printed = capsys.readouterr().err.splitlines()
    board = [line for line in printed if ", combined labels: " in line]
    assert [line.partition(":")[0] for line in board] == [f"{name}, combined labels" for name in names]
    assert board[0].endswith(("rank 1 of 2", "rank 1-2 of 2, not significantly below the first"))
    assert board[1].endswith("not ranked")
    (files, _, folder), *_ = [line.partition(" in ") for line in printed if line.startswith("cards: ")]
    cards = [Path(folder) / name for name in files.removeprefix("cards: ").split(", ")]
    assert [json.loads(card.read_text())["predictor"] for card in cards] == names
    assert printed[-1].startswith("next: utilbench rank tiny, then open ")


def test_a_quick_look_is_compared_and_says_that_it_is_none_of_the_board(results, tiny_file, capsys):
    """`compare --limit` reads what `run --limit` made, and not the results of the whole suite."""
    arguments = ["-s", str(tiny_file), "--limit", "40", "--results", results]
    assert main(["run", "ssim", "chance", *arguments]) == 0
    assert "a quick look, which is on no board" in capsys.readouterr().err
    assert main(["compare", "ssim", "chance", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert main(["compare", "ssim", "chance", "-s", str(tiny_file), "--results", results]) == 1
    assert "`utilbench label tiny.toml` records" in capsys.readouterr().err


def test_list_names_what_there_is(capsys, tmp_path, monkeypatch):
    """`list --json` holds suites, predictors and networks; without photographs it says so."""
    monkeypatch.delenv("UTILBENCH_DATA", raising=False)
    assert main(["list", "--json", "--results", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    suites = {suite["name"]: suite for suite in found["suites"]}
    assert {"glyphs", "imagenet", "imagenet-lite", "imagenet-lite-plain"} <= set(suites)
    assert suites["imagenet"]["photographs"].startswith("no photographs (no data folder")
    assert {"ssim", "resnet18"} <= {one["name"] for one in found["predictors"]}
    assert "zoo" in {one["source"] for one in found["networks"]}
    [webp] = [one for one in found["distortions"] if one["name"] == "webp"]
    assert (webp["kind"], webp["levels"]) == ("codec", "1 to 100")
    assert "method=4" in webp["encoder"]


def test_list_names_a_codec_that_cannot_encode_here(monkeypatch, capsys):
    """A codec whose library is not installed stands in the list with what to install."""

    def lacking():
        raise PluginError("needs new-codec; pip install new-codec")

    monkeypatch.setitem(DISTORTIONS, "avif", dataclasses.replace(find_distortion("avif"), encoder=lacking))
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  avif                  1 to 100; needs new-codec; pip install new-codec" in lines
    assert "  blur                  1 to 10; camera fault" in lines


def test_python_dash_m_is_the_same():
    """`python -m benchmark` answers as `utilbench` does."""
    result = subprocess.run([sys.executable, "-m", "benchmark", "--help"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("usage: utilbench")
