"""Suites over a person's own photographs: levels that are hard enough, a file that loads, rows that are as expected."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmark.advice.levels import TRAINING, grid, propose, spread
from benchmark.advice.new_suite import expected_rows, init_suite
from benchmark.cli.main import main
from benchmark.core.errors import BenchmarkError, FileError, SuiteError
from benchmark.core.workspace import Workspace
from benchmark.labelling.indexed_suite import index_suite
from benchmark.labelling.pipeline import label
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.distortions import DISTORTIONS, find_distortion
from benchmark.suites.loading import load_suite


@given(st.lists(st.floats(0, 1), min_size=9, max_size=20))
def test_levels_fall_and_alternate(kept):
    """Whatever is kept, five training levels and the four held-out ones between them are of the grid and fall."""
    levels = list(range(len(kept), 0, -1))
    training, between = spread(levels, np.array(kept))
    together = [level for pair in zip(training, (*between, None), strict=True) for level in pair if level is not None]
    assert len(training) == TRAINING
    assert together == sorted(set(together), reverse=True)
    assert set(together) <= set(levels)


def test_levels_reach_from_mild_to_strong():
    """Of a curve that falls from all to nothing, levels are those closest to shares that are spread evenly."""
    levels, kept = list(range(100, 0, -1)), np.linspace(1, 0, 100)
    training, _ = spread(levels, kept)
    shares = [kept[levels.index(level)] for level in training]
    assert shares == pytest.approx(np.linspace(0.97, 0.1, 5), abs=0.01)


@pytest.mark.parametrize("name", [name for name, known in DISTORTIONS.items() if len(known.levels) >= 2 * TRAINING - 1])
def test_every_grid_holds_both_ends_and_valid_levels(name):
    """What is tried of a distortion reaches from its best to its worst level."""
    levels, valid = grid(name), find_distortion(name).levels
    assert levels[0] == valid[-1]
    assert levels[-1] == valid[0]
    assert set(levels) <= set(valid)
    assert list(levels) == sorted(set(levels), reverse=True)


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """A folder of letters, and a workspace."""
    root = tmp_path_factory.mktemp("letters")
    dataset = open_dataset({"name": "glyphs", "train": 80, "validation": 40, "test": 60}, None)
    (root / "photos").mkdir()
    for source in dataset.sources()[-90:]:
        Image.fromarray(dataset.read(source.id)).save(root / "photos" / f"{source.id}.png")
    return root / "photos", Workspace(None, None, root / "cache", root / "results", chosen_device="cpu")


@pytest.fixture(scope="module")
def new(letters, tmp_path_factory):
    """A suite over the letters."""
    folder, workspace = letters
    path = tmp_path_factory.mktemp("suite") / "mine.toml"
    networks = ["zoo:densenet", "zoo:resnet"]
    return init_suite([str(folder)], networks, ["zoo:resnext"], path, workspace, codecs=["jpeg"], sample=40)


def test_a_new_suite_is_labelled_as_any(new, letters):
    """The file loads, its levels are those proposed, and labels of both kinds come out, about as many as expected."""
    _, workspace = letters
    suite = load_suite(str(new.path))
    assert suite.has_consensus
    assert suite.distortions == tuple(proposal.choice for proposal in new.proposals)
    truth = label(suite, workspace)
    for (part, kind), count in new.rows.items():
        labels = truth.rows_of("combined", part)["label"]
        made = int((labels == (kind == "useful")).sum())
        assert made > 0
        assert count == pytest.approx(made, rel=0.8)
    whole = expected_rows(suite, workspace, 90)
    for (part, kind), count in whole.items():
        assert count == int((truth.rows_of("combined", part)["label"] == (kind == "useful")).sum())


def test_proposed_levels_depend_on_training_sources_alone(new, letters):
    """Other sources may show anything: what networks keep is counted on the training part."""
    folder, workspace = letters
    suite = load_suite(str(new.path))
    (proposal,) = propose(suite, workspace, sample=90)
    train = index_suite(suite, workspace).parts["train"]
    assert 0 < len(train) < len(list(folder.iterdir()))
    counts = 2 * len(train) * np.array(proposal.kept)  # decisions of two networks
    assert counts == pytest.approx(counts.round())
    assert 0 < counts.min() < counts.max() <= 2 * len(train)


def test_the_same_name_is_free_for_other_networks_and_photographs(letters, tmp_path, monkeypatch):
    """Samples of an earlier suite of the name do not count, and a command that is stopped leaves no file."""
    folder, workspace = letters
    (tmp_path / "photos").mkdir()
    for path in sorted(folder.iterdir())[:60]:
        shutil.copy(path, tmp_path / "photos")
    path, options = tmp_path / "mine.toml", {"codecs": ["jpeg"], "sample": 30}

    def init(networks):
        return init_suite([str(tmp_path / "photos")], networks, ["zoo:resnext"], path, workspace, **options)

    def stopped(*_):
        raise KeyboardInterrupt

    init(["zoo:densenet", "zoo:resnet"])
    path.unlink()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("benchmark.advice.new_suite.make_ground_truth", stopped)
        init(["zoo:densenet", "zoo:vgg"])
    assert not path.exists()
    for other in sorted(folder.iterdir())[60:80]:
        shutil.copy(other, tmp_path / "photos")
    assert load_suite(str(init(["zoo:densenet", "zoo:vgg"]).path)).networks.labelling == ("zoo:densenet", "zoo:vgg")


def test_the_command_writes_a_suite_and_prints_levels(letters, tmp_path, capsys, monkeypatch):
    """`suite init` writes the file and says what to do next, `suite levels` prints a line for each distortion."""
    folder, workspace = letters
    monkeypatch.setenv("UTILBENCH_CACHE", str(workspace.cache))
    path = tmp_path / "mine.toml"
    networks = ["--network", "zoo:densenet", "--network", "zoo:resnet", "--held-out", "zoo:resnext"]
    networks += ["--probe", "zoo:resnet_wide"]
    assert main(["suite", "init", str(folder), *networks, "--codec", "jpeg", "-o", str(path), "--sample", "40"]) == 0
    told = capsys.readouterr()
    assert f"next: utilbench label {path}" in told.out
    assert load_suite(str(path)).networks.probe == "zoo:resnet_wide"
    assert "little can be learned or told" in told.err
    assert main(["suite", "levels", str(path), "--sample", "40"]) == 0
    assert capsys.readouterr().out.startswith("jpeg: levels ")


WRONG = {
    "no suite file": ("mine.txt", {}, SuiteError, "a suite file ends in .toml"),
    "a name that cannot be": ("my suite.toml", {}, SuiteError, "name is 'my suite'"),
    "a network of another task": ("a.toml", {"networks": ["zoo:vgg", "zoo:fcos_resnet_wide"]}, SuiteError, "one task"),
    "a probe of another task": ("a.toml", {"probe": "zoo:fcos_resnet_wide"}, SuiteError, "one task"),
    "a network twice": ("a.toml", {"held_out": ["zoo:vgg"]}, SuiteError, "stands twice"),
    "an unknown codec": ("a.toml", {"codecs": ["gif"]}, SuiteError, "unknown distortion 'gif'"),
    "no photograph": ("a.toml", {"photographs": ["gone"]}, BenchmarkError, "no such file or folder"),
}


@pytest.mark.parametrize(("name", "given_values", "error", "message"), WRONG.values(), ids=WRONG)
def test_what_makes_no_suite_is_refused_and_leaves_no_file(letters, tmp_path, name, given_values, error, message):
    """A wrong value is named, and no half-made file stays."""
    folder, workspace = letters
    values = {"photographs": [str(folder)], "networks": ["zoo:vgg"], "held_out": ["zoo:resnet"], "codecs": ["jpeg"]}
    values |= given_values
    options = {key: values.pop(key) for key in ("codecs", "probe") if key in values}
    with pytest.raises(error, match=message):
        init_suite(*values.values(), tmp_path / name, workspace, **options, sample=20)
    assert not list(tmp_path.iterdir())


def test_a_file_that_exists_is_not_overwritten(letters, tmp_path):
    """A suite file is never replaced."""
    folder, workspace = letters
    (tmp_path / "mine.toml").write_text("mine")
    with pytest.raises(FileError, match="exists already"):
        init_suite([str(folder)], ["zoo:vgg"], ["zoo:resnet"], tmp_path / "mine.toml", workspace)
    assert (tmp_path / "mine.toml").read_text() == "mine"
