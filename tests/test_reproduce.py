"""`verify SUITE` tells what this machine does not give again, and why."""

import json
import re
import shutil

import numpy as np
import polars as pl
import pytest

from benchmark.cli.main import main
from benchmark.core.parquet import read_table, write_table
from benchmark.core.provenance import versions
from benchmark.evaluation.evaluate import evaluate
from benchmark.labelling import reproducibility as room
from benchmark.labelling.reproducibility import reproduce
from benchmark.labelling.worker import WorkerConfig
from tests.conftest import workspace_in


@pytest.fixture(scope="module")
def evaluated(tiny, tiny_workspace, tmp_path_factory):
    """The small suite's outcomes, labels and a scorecard."""
    workspace = workspace_in(tmp_path_factory.mktemp("evaluated"))
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", workspace.results / "tiny" / "outcomes")
    evaluate("jpeg_quality", tiny.suite, workspace=workspace, truth=tiny)
    return workspace.results


@pytest.fixture
def recorded(evaluated, tmp_path):
    """The same in folders of its own, to be spoilt."""
    shutil.copytree(evaluated, tmp_path / "results")
    return workspace_in(tmp_path)


def problems(suite, workspace):
    """What each check that fails says, by the check's first words."""
    return {check.name: check.problem for check in reproduce(suite, workspace) if check.problem}


def spoil(path, table=None, **known):
    """Write a table again with other rows or metadata."""
    old, metadata = read_table(path)
    write_table(path, old if table is None else table(old), metadata | known)


def test_what_was_recorded_here_is_given_again(tiny, recorded):
    """On the machine that recorded them all checks hold: photographs, pixels, each network's outcomes, labels."""
    checks = list(reproduce(tiny.suite, recorded))
    assert [check.problem for check in checks] == [""] * 7
    told = "\n".join(check.name for check in checks)
    for part in ("180 photographs", "have the recorded pixels", "outcomes of zoo:resnext", "recorded labels"):
        assert part in told
    assert not any(check.name.startswith("0 ") for check in checks)


def test_another_codec_is_the_cause_of_other_pixels(tiny, recorded):
    """Pixels that differ are blamed on the encoder's version where it is another one, and outcomes on the pixels."""
    home = recorded.results / "tiny" / "outcomes"
    spoil(home / "images.parquet", lambda old: old.with_columns(pixels=pl.col("pixels") ^ 1), encoder="Pillow 1.0")
    spoil(home / "zoo-resnet.parquet", lambda old: old.with_columns(score_top=pl.col("score_top") + 1))
    found = list(problems(tiny.suite, recorded).values())
    assert "recorded with Pillow 1.0, here it is Pillow" in found[0]
    assert ", pristine; likely cause" in found[0]
    assert "the images have other pixels" in found[1]


def test_other_weights_are_named(tiny, recorded):
    """A network whose weights are not the recorded ones is told by both digests, and not asked."""
    spoil(recorded.results / "tiny" / "outcomes" / "zoo-resnet.parquet", weights="0123")
    (problem,) = [text for name, text in problems(tiny.suite, recorded).items() if "zoo:resnet" in name]
    assert "other weights: recorded 0123, here" in problem


def test_other_versions_are_the_cause_of_other_logits(tiny, recorded):
    """With pixels and weights the same, the versions that changed since are named."""
    path = recorded.results / "tiny" / "outcomes" / "zoo-densenet.parquet"
    spoil(
        path, lambda old: old.with_columns(score_top=pl.col("score_top") * 1.1), versions=versions() | {"torch": "1.0"}
    )
    (problem,) = problems(tiny.suite, recorded).values()
    assert "torch was 1.0, is" in problem
    assert "torchvision" not in problem
    spoil(path, versions=versions())
    (problem,) = problems(tiny.suite, recorded).values()
    assert "whose versions are the recorded ones" in problem


def test_other_photographs_are_named(tiny, recorded):
    """A photograph with another content, or one that was not recorded, is told."""
    path = recorded.results / "tiny" / "outcomes" / "images.parquet"
    first = tiny.parts["test"][0].id
    spoil(path, lambda old: old.with_columns(digest=pl.when(source=first).then(pl.lit("0")).otherwise("digest")))
    assert f"1 have another content, the first is {first}" in next(iter(problems(tiny.suite, recorded).values()))
    spoil(path, lambda old: old.filter(pl.col("source") != first))
    assert f"1 were not recorded, the first is {first}" in next(iter(problems(tiny.suite, recorded).values()))


def test_damaged_labels_are_told(tiny, recorded):
    """A damaged file of labels is a problem, and a missing one is none."""
    path = recorded.results / "tiny" / "labels.parquet"
    data = path.read_bytes()
    path.write_bytes(b"\0" + data[1:])
    assert "labels.parquet: damaged" in problems(tiny.suite, recorded)["outcomes give the recorded labels"]
    path.unlink()
    assert problems(tiny.suite, recorded) == {}


def test_other_labels_are_told(tiny, recorded):
    """Labels of another digest are told, and are a fault where decisions differ; so is another suite; none at all is none."""
    path = recorded.results / "tiny" / "labels.parquet"
    _, known = read_table(path)
    spoil(path, labels=known["labels"] | {"combined": "0"})
    assert any("though outcomes differ" in check.name for check in reproduce(tiny.suite, recorded))
    assert problems(tiny.suite, recorded) == {}
    spoil(path, decisions="0")
    assert problems(tiny.suite, recorded) == {
        "outcomes give the recorded labels": "label sets combined have another digest"
    }
    spoil(path, fingerprint="0")
    assert "recorded 0: other choices or images" in next(iter(problems(tiny.suite, recorded).values()))
    path.unlink()
    assert problems(tiny.suite, recorded) == {}


def test_a_network_that_is_not_here_is_no_fault(tiny, recorded, monkeypatch):
    """Outcomes of a network without weights on this machine are told as not asked again."""

    def missing(name, *_, **__):
        raise room.NetworkError(f"no weights of {name}")

    monkeypatch.setattr(room, "load", missing)
    checks = list(reproduce(tiny.suite, recorded))
    assert not any(check.problem for check in checks)
    assert sum("not asked again (no weights" in check.name for check in checks) == 4


def test_the_verb_tells_suites_from_submissions(tiny_file, recorded, monkeypatch, capsys):
    """`verify` of a suite file checks the suite, fails with status 1, and speaks JSON."""
    monkeypatch.setenv("UTILBENCH_CACHE", str(recorded.cache))
    arguments = ["verify", str(tiny_file), "--results", str(recorded.results)]
    assert main(arguments) == 0
    spoil(recorded.results / "tiny" / "outcomes" / "zoo-resnet.parquet", weights="0123")
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert np.sum([bool(row["problem"]) for row in rows]) == 1
    assert main(["verify", "no-such-thing"]) == 1
    assert "no-such-thing" in capsys.readouterr().err


def test_outcomes_of_another_number_of_threads_are_compared_by_decisions(tiny, recorded):
    """Values that differ are told and are no fault where the decisions are the recorded ones; other decisions are."""
    path = recorded.results / "tiny" / "outcomes" / "zoo-resnet.parquet"
    spoil(path, lambda old: old.with_columns(score_top=pl.col("score_top") + 1), threads=64)
    checks = list(reproduce(tiny.suite, recorded))
    (check,) = [check for check in checks if "zoo:resnet give" in check.name]
    assert check.problem == ""
    assert "recorded with 64 threads, here" in check.name
    assert "values differ, the first is" in check.name
    spoil(path, lambda old: old.with_columns(top=(pl.col("top") + 1) % 11))
    (problem,) = [text for name, text in problems(tiny.suite, recorded).items() if "zoo:resnet give" in name]
    assert "differ, the first is" in problem
    assert "instead of 64 threads" in problem


def test_outcomes_of_another_device_are_compared_by_decisions(tiny, recorded):
    """Outcomes of a GPU, whose kind is recorded in place of threads, may differ in values; other decisions name it."""
    path = recorded.results / "tiny" / "outcomes" / "zoo-resnet.parquet"
    table, metadata = read_table(path)
    del metadata["threads"]
    write_table(path, table.with_columns(score_top=pl.col("score_top") + 1), metadata | {"device": "cuda"})
    (check,) = [check for check in reproduce(tiny.suite, recorded) if "zoo:resnet give" in check.name]
    assert check.problem == ""
    assert "recorded with cuda, here" in check.name
    write_table(path, table.with_columns(top=(pl.col("top") + 1) % 11), metadata | {"device": "cuda"})
    (problem,) = [text for name, text in problems(tiny.suite, recorded).items() if "zoo:resnet give" in name]
    assert re.search(r"likely cause: the arithmetic of \d+ threads instead of cuda", problem)


@pytest.mark.parametrize(
    ("device", "threads", "expected"),
    [
        ("cpu", 2, {"threads": 2}),
        ("cpu:0", 3, {"threads": 3}),
        ("cuda:1", 2, {"device": "cuda"}),
        ("mps", 1, {"device": "mps"}),
    ],
)
def test_shards_of_other_arithmetic_have_other_files(device, threads, expected, tiny):
    """The number of threads tells processors apart, the kind of a device all others."""
    assert WorkerConfig(tiny.suite, (), None, None, device=device, threads=threads).processor == expected


def test_an_unknown_number_of_threads_is_said_to_be_a_cause(tiny, recorded):
    """Outcomes whose number of threads was not recorded are compared by values."""
    path = recorded.results / "tiny" / "outcomes" / "zoo-resnet.parquet"
    table, metadata = read_table(path)
    del metadata["threads"]
    write_table(path, table, metadata)
    assert problems(tiny.suite, recorded) == {}
    write_table(path, table.with_columns(score_top=pl.col("score_top") + 1), metadata)
    problem = next(text for name, text in problems(tiny.suite, recorded).items() if "zoo:resnet " in name)
    assert "instead of a device or number of threads that was not recorded" in problem
