"""An installed package adds predictors, networks, datasets and distortions, and one that fails is named."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import BenchmarkError, PluginError
from benchmark.evaluation.scorecard import read_card
from benchmark.plugins import registry
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.distortions import Distortion, decoded, encoded
from benchmark.plugins.networks import load
from benchmark.plugins.networks.answers import wrong_answers_named

EXAMPLE = Path(__file__).parent / "extension"
UTILBENCH = [sys.executable, "-m", "benchmark"]


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """An environment in which the example package is installed, in a folder of its own; and a folder to work in."""
    folder = tmp_path_factory.mktemp("outside")
    flags = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *flags, "--target", str(folder / "site"), str(EXAMPLE)]
    subprocess.run(command, check=True)
    places = [str(folder / "site"), str(Path(__file__).parents[1])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(places), "UTILBENCH_CACHE": str(folder / "cache")}, folder


def run(outside, *arguments):
    """What `utilbench` with these arguments gives, from the outside."""
    environment, folder = outside
    return subprocess.run([*UTILBENCH, *arguments], env=environment, cwd=folder, capture_output=True, text=True)


def test_a_package_adds_one_of_each_kind(outside):
    """A suite of the package's dataset, distortion and networks is labelled, its predictor run, and all is ranked."""
    suite = str(EXAMPLE / "stripes.toml")
    ran = run(outside, "run", "contrast", "chance", "-s", suite)
    assert ran.returncode == 0, ran.stderr
    assert "contrast on stripes, combined labels" in ran.stdout
    ranked = run(outside, "rank", suite)
    assert ranked.returncode == 0, ranked.stderr
    card = read_card(outside[1] / "results" / "stripes" / "cards" / "combined" / "contrast.json")
    assert card.provenance.encoder.startswith("WebP")
    assert set(card.downstream) == {"brightest:8"}


def test_the_contract_of_an_installed_predictor_is_checked(outside):
    """`check` finds it by name."""
    checked = run(outside, "check", "contrast")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_one_that_fails_to_load_is_named_with_its_cause(outside):
    """The message holds the entry point, where it points, and the error; exit 1."""
    ran = run(outside, "check", "broken")
    assert ran.returncode == 1
    for part in ("'broken'", "utilbench.predictors", "utilbench_example.broken:Nothing", "no licence found"):
        assert part in ran.stderr
    assert "Traceback" not in ran.stderr


def test_unknown_names_list_what_packages_add(outside):
    """The near and the added ones are told."""
    assert "contrast" in run(outside, "check", "contras").stderr


@pytest.mark.parametrize(
    "points", [["ssim"], ["mine", "mine"]], ids=["one of our names", "two packages with the same name"]
)
def test_a_name_that_is_taken_is_refused(monkeypatch, points):
    """No package can replace what another, or this one, calls so."""
    found = [EntryPoint(name, f"package{number}:X", "utilbench.predictors") for number, name in enumerate(points)]
    monkeypatch.setattr(registry, "entry_points", lambda group: found)
    with pytest.raises(PluginError, match="name is taken"):
        registry.extensions("predictors", own=["ssim"])


def exits(*given, **options):
    """End the program, as if its work were done."""
    sys.exit(0)


EXITS = {
    "a module": lambda: registry.resolve("datasets", "mine", {}),
    "a dataset": lambda: open_dataset({"name": "mine"}, None),
    "a network": lambda: load("mine:net", None),
    "a network's answer": lambda: ask(),
    "an encoder": lambda: encoded(CODEC, np.zeros((2, 2, 3), np.uint8), 5, "cat"),
    "a decoder": lambda: decoded(CODEC, b"", "cat"),
}
CODEC = Distortion("mine", encode=exits, decode=exits, encoder=lambda: "none", levels=range(1, 9))


def ask():
    """Ask a network that ends the program."""
    with wrong_answers_named("mine:net", ["cat"]):
        exits()


@pytest.mark.parametrize("name", EXITS)
def test_no_package_ends_the_program(monkeypatch, name):
    """What a package raises to end the program is an error with its name and the cause, wherever its code is called."""
    point = EntryPoint("mine", "mine:X", "utilbench")
    loaded = exits if name == "a module" else lambda: exits
    monkeypatch.setattr(EntryPoint, "load", lambda self: loaded())
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    with pytest.raises(BenchmarkError, match=r"(mine|cat).*SystemExit: 0"):
        EXITS[name]()


def test_what_is_ours_needs_no_package():
    """An own name is found without looking at packages; an unknown one is None."""
    assert registry.resolve("distortions", "jpeg", {"jpeg": 1}) == 1
    assert registry.resolve("distortions", "unheard-of", {}) is None
