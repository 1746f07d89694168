"""What `pip install` brings: code, networks, and the published outcomes, labels and scorecards; PyPI takes 100 MB at most."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.tracked import ROOT, SUITES, copy_tracked, tracked


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    folder, source = tmp_path_factory.mktemp("wheel"), copy_tracked(tmp_path_factory.mktemp("source"), "results")
    for name in ("benchmark", "baselines"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("pyproject.toml", "README.md"):
        shutil.copyfile(ROOT / name, source / name)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory, shared_folder):
    """Runs `utilbench` from the unpacked wheel in an empty folder without data; the cache may know the letters' digests."""
    site, home = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("home")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("UTILBENCH_")}
    environment |= {"PYTHONPATH": str(site), "XDG_CACHE_HOME": str(shared_folder)}

    def run(*arguments):
        command = [sys.executable, "-m", "benchmark", *arguments]
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return done

    return run


def test_the_wheel_is_small_and_has_every_suite(wheel):
    """Outcomes and labels of all committed suites travel in under 100 MB; pictures, pages and studies do not."""
    assert wheel.stat().st_size < 100e6
    names = zipfile.ZipFile(wheel).namelist()
    patterns = (
        "*/labels.parquet",
        "*/sources.parquet",
        "*/suite.json",
        "*/outcomes/*",
        "*/trained/*",
        "*/cards/combined/*.json",
    )
    expected = [path for path in tracked("results") if any(path.match(pattern) for pattern in patterns)]
    assert {path.parts[1] for path in expected} == set(SUITES)
    for path in expected:
        assert f"benchmark/published/{path.relative_to('results')}" in names
    published = [name for name in names if name.startswith("benchmark/published/")]
    assert not [name for name in published if name.endswith((".png", ".svg", "index.html", "leaderboard.md"))]


def test_the_wheel_has_every_file_of_the_package(wheel):
    """Suites, masks and fonts, and weights of task networks travel as code does."""
    names = set(zipfile.ZipFile(wheel).namelist())
    data = {path.as_posix() for path in tracked("benchmark", "baselines")}
    assert any(name.startswith("baselines/trained/resnet18@imagenet-mixed") for name in data)
    assert {f"benchmark/plugins/datasets/{name}" for name in ("fonts.npz", "fonts.csv")} <= data
    assert data <= names


def test_an_installation_tells_what_it_brought(installed):
    """`utilbench list` away from a checkout knows the published outcomes."""
    suites = {one["name"]: one for one in json.loads(installed("list", "--json").stdout)["suites"]}
    assert suites["glyphs"]["outcomes"] == "outcomes of 7 networks, published with the package"
    assert suites["imagenet"]["outcomes"] == "not labelled yet"


def test_an_installation_runs_no_network_for_a_published_suite(installed):
    """A predictor is evaluated on published outcomes; no forward pass is planned."""
    done = installed("run", "jpeg_quality", "-s", "glyphs", "--limit", "300")
    assert "forward passes" not in done.stderr
    assert "auroc" in done.stdout
