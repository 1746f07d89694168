"""What the README and the pages of docs/ show works as it is written."""

import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

from benchmark import HOMES
from benchmark.cli.main import main
from benchmark.cli.parser import parser
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.scorecard import read_card
from benchmark.labelling.pipeline import label
from benchmark.leaderboard.after_run import one_line
from benchmark.plugins import registry
from benchmark.plugins.datasets.glyphs import scene
from benchmark.plugins.distortions import encode_jpeg, find_distortion
from benchmark.plugins.networks import load
from benchmark.suites.loading import load_suite
from tests.finding_records import card_path
from tests.tracked import ROOT, copy_tracked

PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in [
    ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))
]}  # fmt: skip
TEXT = "\n".join(PAGES.values())
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
PREDICTORS = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", re.findall(r"class (\w+)", block)[0]).lower(): block
    for block in BLOCKS
    if "Predictor)" in block
}
SHELL = re.findall(r"^ *```sh([^\n]*)\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE)
"""What a block of commands needs beyond a fresh clone, and its lines."""


@pytest.mark.parametrize("name", PREDICTORS)
def test_a_predictor_of_a_page_keeps_the_contract(name, tiny, workspace, tmp_path, in_this_process):
    """It is valid, and gets a scorecard."""
    path = tmp_path / f"{name}.py"
    path.write_text(PREDICTORS[name])
    assert main(["check", str(path)]) == 0
    card = evaluate(str(path), tiny.suite, workspace=workspace, truth=tiny, seeds=[0])
    assert 0 < card.metrics["auroc"].value < 1


def test_predictors_of_the_readme_are_short():
    """That without training has 8 lines, that with training 15, blank ones left out."""
    lengths = {name: sum(map(bool, block.splitlines())) for name, block in PREDICTORS.items()}
    assert lengths["contrast"] <= 8
    assert lengths["threshold"] <= 15


def test_the_readme_is_short():
    """It has 160 lines at most, and one picture."""
    assert PAGES["README.md"].count("\n") <= 160
    assert PAGES["README.md"].count("![") == 1


def test_printed_results_are_those_of_the_scorecards():
    """The lines of results that the README prints after a command are what the committed scorecards say."""
    printed = re.findall(r"^((\w+) on (\S+), combined labels: .*)$", PAGES["README.md"], re.MULTILINE)
    assert printed
    for line, predictor, suite in printed:
        assert one_line(read_card(card_path(suite, predictor, "combined"))) == line


@pytest.mark.parametrize("name", ["README.md", "docs/own-photographs.md"])
def test_printed_advice_is_what_the_command_printed(name):
    """The lines of advice that a page shows are those of the stored example, in their order, some left out."""
    stored = iter((ROOT / "results" / "studies" / "advice.txt").read_text(encoding="utf-8").splitlines())
    (block,) = re.findall(r"```console\n(\$ utilbench advise .*?)```", PAGES[name], re.DOTALL)
    lines = [line for line in block.splitlines() if line.strip() not in ("", "...")]
    assert [line for line in lines if line not in stored] == []


def test_your_own_images(tiny, tmp_path, monkeypatch):
    """Two lines score a photograph with the committed threshold."""
    (block,) = [block for block in BLOCKS if "load_predictor" in block]
    (tmp_path / "results").symlink_to(ROOT / "results")
    (tmp_path / "photo.jpg").write_bytes(encode_jpeg(tiny.indexed.dataset.read("test-00000"), 60))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(block, names)
    assert [(row.score, row.useful) for row in names["scores"]] == [(60, True)]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The network, dataset and distortion of the pages as an installed package, and folders for it."""
    code = [
        block for block in BLOCKS if any(word in block for word in ("def classifier", "Photographs:", "FAST_WEBP ="))
    ]
    assert len(code) == 3
    for block in code:
        assert len([line for line in block.splitlines() if line and "import" not in line]) <= 16
    (tmp_path / "mine.py").write_text("\n".join(code))
    monkeypatch.syspath_prepend(tmp_path)
    lines = re.findall(r'entry-points\."(utilbench\.\w+)"\]\n +(\w+) = "(mine:\w+)"', TEXT)
    assert len(lines) == 3
    points = [EntryPoint(name, value, group) for group, name, value in lines]
    monkeypatch.setattr(registry, "entry_points", lambda group: [point for point in points if point.group == group])
    find_distortion.cache_clear()
    torch.manual_seed(0)
    for name in "abc":
        weights = {"2.weight": torch.randn(10, 192), "2.bias": torch.zeros(10)}
        save_file(weights, tmp_path / f"{name}.safetensors")
    for number in range(20):
        folder = tmp_path / "data" / "shots" / f"class{number % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene("train", number)).save(folder / f"shot{number}.png")
    yield Workspace(tmp_path / "data", tmp_path, tmp_path / "cache", tmp_path / "results")
    sys.modules.pop("mine", None)
    find_distortion.cache_clear()


def test_your_own_network_dataset_and_distortion(mine, tmp_path):
    """What the pages show of each kind is enough for a suite: outcomes of every image by every network."""
    suite = (ROOT / "tests" / "extension" / "stripes.toml").read_text()
    for old, new in {
        'name = "stripes"\ncount = 120': 'name = "photographs"\nfolder = "shots"',
        '"brightest:32", "brightest:16"': '"mine:a", "mine:b"',
        '"brightest:8"': '"mine:c"',
        'probe = "brightest:32"': "",
    }.items():
        assert old in suite
        suite = suite.replace(old, new)
    path = tmp_path / "shots.toml"
    path.write_text(suite)
    truth = label(load_suite(str(path)), mine)
    assert truth.outcomes["mine:a"]["source"].n_unique() == 20
    assert set(truth.outcomes["mine:c"]["level"]) == {-1, 1, 40, 80}
    images = truth.outcomes["images"]
    assert images.filter(level=1)["bits"].mean() < images.filter(level=80)["bits"].mean()


def test_your_own_module(tmp_path, monkeypatch):
    """A function of a file gives a network for the command line; here without downloading the weights."""
    (block,) = [block for block in BLOCKS if "def network()" in block]
    (tmp_path / "mine.py").write_text(block)
    whole = torchvision.models.resnet18
    monkeypatch.setattr("torchvision.models.resnet18", lambda weights: whole())
    monkeypatch.chdir(tmp_path)
    network = load("python:mine.py:network", None)
    assert (network.task, network.classes, network.preprocessing.crop) == ("classification", 1000, 224)


def commands(lines):
    """The arguments of each `utilbench` line."""
    split = [shlex.split(line, comments=True) for line in lines.splitlines()]
    return [words[1:] for words in split if words[:1] == ["utilbench"]]


def test_every_command_is_in_a_block_that_says_what_it_needs():
    """No command hides in an indented block, where no test would find it; needs are of a known kind."""
    fenced = re.sub(r"^ *```.*?```", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    assert not re.findall(r"^ {4}(?:utilbench|pip|make|export|accelerate) ", fenced, re.MULTILINE)
    kinds = {"data", "hours", "minutes", "cluster", "installing"}
    for needs, _ in SHELL:
        assert not needs or set(needs.strip().removeprefix("needs=").split(",")) <= kinds


def test_commands_that_need_more_than_a_clone_are_ones_that_the_command_line_takes():
    """Blocks that need data, hours or a cluster are understood by the command line's parser, and make has its targets."""
    lines = [command for needs, block in SHELL if needs for command in commands(block)]
    assert len(lines) > 8
    for command in lines:
        parser().parse_args(command)
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^make ([\w-]+)", TEXT, re.MULTILINE)) <= set(targets)


@pytest.mark.usefixtures("few_resamples", "no_pictures")
def test_all_other_commands_run_in_a_fresh_clone(tiny, tmp_path, monkeypatch, capsys):
    """With an empty cache and no data, every other command of the pages ends well, in the order in which it stands there."""
    for variable in ("UTILBENCH_DATA", "UTILBENCH_NETWORKS", "UTILBENCH_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    copy_tracked(tmp_path, "results", "submissions")
    (tmp_path / "photos").mkdir()
    for number in range(3):
        path = tmp_path / "photos" / f"{number}.jpg"
        path.write_bytes(encode_jpeg(tiny.indexed.dataset.read(f"test-{number:05d}"), 20 + 30 * number))
    for name, block in PREDICTORS.items():
        (tmp_path / f"{name}.py").write_text(block)
    lines = dict.fromkeys(tuple(command) for needs, block in SHELL if not needs for command in commands(block))
    assert len(lines) > 15
    for command in lines:
        assert main(list(command)) == 0, (command, capsys.readouterr().err[-2000:])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        if command[0] == "label":
            assert "forward passes" not in told.err
    assert len(list(tmp_path.glob("few/*.parquet"))) == 4


@pytest.mark.parametrize("page", PAGES)
def test_linked_files_exist(page):
    """Every relative link leads to a file of the repository."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", PAGES[page])
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def test_the_reference_has_all_public_names():
    """The page of the interface names each public name where it is defined."""
    named = re.findall(r"^::: (\S+)$", PAGES["docs/api.md"], re.MULTILINE)
    assert sorted(named) == sorted(f"{module}.{name}" for name, module in HOMES.items())


def test_the_site_is_built_without_a_warning_or_a_request(tmp_path):
    """`make docs` in strict mode makes a page of each file, and none loads anything from another machine."""
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=quiet)
    assert (result.returncode, result.stderr) == (0, "")
    pages = list(tmp_path.glob("**/index.html"))
    assert len(pages) == len(PAGES) - 1
    loaded = r'(?:src|<link[^>]*rel="(?:stylesheet|preload|icon)"[^>]*href)="(https?:[^"]*)"'
    assert [re.findall(loaded, page.read_text(encoding="utf-8")) for page in pages] == [[]] * len(pages)
