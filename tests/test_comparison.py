"""Two predictors are compared on the same resamples of the sources."""

import dataclasses
import json
import shutil

import numpy as np
import polars as pl
import pytest
from msgspec import structs
from sklearn.metrics import roc_auc_score

from benchmark.cli.main import main
from benchmark.core.errors import ResultError
from benchmark.core.parquet import read_table, write_table
from benchmark.core.types import IMAGE
from benchmark.core.workspace import Workspace
from benchmark.evaluation import size_replicates
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.replicates import replicates_reader
from benchmark.evaluation.scorecard import read_card
from benchmark.leaderboard.comparison import compare
from benchmark.leaderboard.rank import rank
from benchmark.metrics import bootstrap
from benchmark.suites.results_folder import SuiteFolder, suite_folder
from tests.edited import write_edited


@pytest.fixture(scope="module", autouse=True)
def few():
    """Few replicates of what takes long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmark.suites.tasks.filtering.Downstream.REPLICATES", 20)
        patch.setattr("benchmark.suites.tasks.replacement.Downstream.REPLICATES", 20)
        yield


def fresh(some_workspace, suite, tmp_path):
    """Folders of its own, with a suite's outcomes."""
    workspace = Workspace(data=None, networks=None, cache=tmp_path / "cache", results=tmp_path / "results")
    shutil.copytree(some_workspace.results / suite / "outcomes", workspace.results / suite / "outcomes")
    return workspace


@pytest.fixture(scope="module")
def evaluated(tiny, tiny_workspace, tmp_path_factory, few):
    """Folders with two baselines that were evaluated on the small suite, and their cards."""
    workspace = fresh(tiny_workspace, "tiny", tmp_path_factory.mktemp("evaluated"))
    cards = {name: evaluate(name, tiny.suite, workspace=workspace, truth=tiny) for name in ("jpeg_quality", "ssim")}
    return workspace, cards


@pytest.fixture
def judged(evaluated, tmp_path):
    """The same in folders of their own, to be spoilt."""
    workspace, cards = evaluated
    shutil.copytree(workspace.results, tmp_path / "results")
    return dataclasses.replace(workspace, results=tmp_path / "results", cache=tmp_path / "cache"), cards


def test_values_are_those_of_the_scorecards(tiny, judged):
    """Metrics and gains stand in the comparison as on the cards."""
    workspace, cards = judged
    found = {row.measure: row for row in compare(tiny, "jpeg_quality", "ssim", "combined", workspace)}
    for name in ("auroc", "within_condition_auroc", "overlap", "mcc"):
        assert found[name].first == pytest.approx(cards["jpeg_quality"].metrics[name].value, abs=1e-6)
        assert found[name].second == pytest.approx(cards["ssim"].metrics[name].value, abs=1e-6)
    for network, gains in cards["ssim"].downstream.items():
        assert found[f"area of {network}"].second == pytest.approx(gains.area, abs=1e-6)


def test_missing_replicates_are_made_again(tiny, judged):
    """Published results come without replicates: a comparison makes them from the stored scores, as they were."""
    workspace, _ = judged
    before = compare(tiny, "jpeg_quality", "ssim", "combined", workspace)
    file = workspace.results / "tiny" / "replicates" / "combined" / "ssim.parquet"
    stored, _ = read_table(file)
    shutil.rmtree(file.parents[1])
    assert compare(tiny, "jpeg_quality", "ssim", "combined", workspace) == before
    assert read_table(file)[0].equals(stored)


def test_replicates_of_another_ground_truth_are_not_made(tiny, judged):
    """Where outcomes were recorded anew, the scores of an earlier card are not judged by them, and the message names it."""
    workspace, _ = judged
    folder = SuiteFolder(workspace.results / "tiny")
    path = folder.card("combined", "ssim")
    card = structs.replace(read_card(path), ground_truth="0" * 16)
    folder.replicates(path).unlink()
    with pytest.raises(ResultError, match=r"ssim\.json: not of the ground truth that is recorded now; run ssim again"):
        replicates_reader(lambda: tiny, folder)(path, card)


def test_intervals_are_those_of_scikit_learn_on_redrawn_sources(tiny, judged):
    """Source by source redrawn, and AUROC computed outside, the interval of the difference is the same."""
    workspace, _ = judged
    (row,) = [row for row in compare(tiny, "jpeg_quality", "ssim", "combined", workspace) if row.measure == "auroc"]
    test = tiny.labelled("combined", "test")
    tables = [
        read_table(workspace.results / "tiny" / "scores" / f"{name}.parquet")[0] for name in ("jpeg_quality", "ssim")
    ]
    scores = [
        test.join(table.filter(part="test"), on=IMAGE, how="left", maintain_order="left")["score"] for table in tables
    ]
    names = [source.id for source in tiny.parts["test"]]
    places = np.array([names.index(source) for source in test["source"]])
    differences = []
    for count in bootstrap.resamples(len(names), tiny.fingerprint)[:400]:
        some = np.repeat(np.arange(len(places)), count[places])
        y = test["label"].to_numpy()[some]
        if 0 < y.sum() < len(y):
            first, second = (roc_auc_score(y, one.to_numpy()[some]) for one in scores)
            differences.append(first - second)
    low, high = np.quantile(differences, (0.025, 0.975))
    assert row.low == pytest.approx(low, abs=0.01)
    assert row.high == pytest.approx(high, abs=0.01)
    assert row.low <= row.difference <= row.high


def test_groups_are_those_of_scikit_learn(tiny, judged, monkeypatch):
    """AUROC at a level and of a class is that of its labelled test rows; groups of few rows are left out."""
    monkeypatch.setattr("benchmark.leaderboard.comparison.ENOUGH", 4)
    workspace, _ = judged
    found = {row.measure: row for row in compare(tiny, "jpeg_quality", "ssim", "combined", workspace)}
    table = read_table(workspace.results / "tiny" / "scores" / "ssim.parquet")[0].filter(part="test")
    test = tiny.labelled("combined", "test").join(table, on=IMAGE, maintain_order="left")
    truths = {source.id: source.truth for source in tiny.parts["test"]}
    test = test.with_columns(kind=pl.Series([truths[source] for source in test["source"]]))
    groups = {f"jpeg {level}": rows for (level,), rows in test.group_by("level")}
    groups |= {f"class {kind}": rows for (kind,), rows in test.group_by("kind")}
    told = [name for name in groups if f"AUROC, {name}" in found]
    assert told
    for name, rows in groups.items():
        enough = min(rows.filter(label=label).height for label in (0, 1)) >= 4
        assert (name in told) == enough
        if enough:
            assert found[f"AUROC, {name}"].second == pytest.approx(roc_auc_score(rows["label"], rows["score"]))


def test_levels_and_classes_stand_in_order(tiny, judged, monkeypatch):
    """Levels come from the highest down, then classes."""
    monkeypatch.setattr("benchmark.leaderboard.comparison.ENOUGH", 1)
    workspace, _ = judged
    told = [row.measure for row in compare(tiny, "jpeg_quality", "ssim", "combined", workspace)]
    levels = [int(name.rsplit(" ", 1)[1]) for name in told if name.startswith("AUROC, jpeg")]
    assert levels == sorted(levels, reverse=True)
    assert any(name.startswith("AUROC, class") for name in told)


def test_scores_of_another_run_are_refused(tiny, judged):
    """Scores that were made again, by other code, do not go with an old scorecard."""
    workspace, _ = judged
    file = workspace.results / "tiny" / "scores" / "ssim.parquet"
    table, metadata = read_table(file)
    write_table(file, table, metadata | {"provenance": metadata["provenance"] | {"code": "other"}})
    with pytest.raises(ResultError, match="differ in code: one is of another run"):
        compare(tiny, "jpeg_quality", "ssim", "combined", workspace)
    card = workspace.results / "tiny" / "cards" / "zoo-resnet" / "ssim.json"
    card.parent.mkdir()
    shutil.copy(workspace.results / "tiny" / "cards" / "combined" / "ssim.json", card)
    provenance = json.loads(card.read_text())["provenance"] | {"code": "other"}
    write_edited(card, labels="zoo:resnet", provenance=provenance)
    with pytest.raises(ResultError, match="differ in code"):
        rank([], workspace)


def test_a_predictor_that_keeps_nothing_has_no_gain_to_compare(tiny, judged, monkeypatch):
    """Measures that are not defined are left out, the others stay."""
    workspace, _ = judged
    monkeypatch.setattr("benchmark.metrics.classification.best_threshold", lambda labels, scores: 1e9)
    evaluate("ssim", tiny.suite, workspace=workspace, truth=tiny)
    found = {row.measure for row in compare(tiny, "jpeg_quality", "ssim", "combined", workspace)}
    assert "auroc" in found
    assert "gain" not in found
    assert "area" in found


def test_a_predictor_is_not_compared_with_itself(tiny, judged):
    """All differences would be 0, so the message asks for two."""
    workspace, _ = judged
    with pytest.raises(ResultError, match="ssim and ssim are one predictor"):
        compare(tiny, "ssim", "ssim", "combined", workspace)


def test_the_other_way_round_all_signs_change(tiny, judged):
    """Comparing B with A is comparing A with B."""
    workspace, _ = judged
    ahead = compare(tiny, "jpeg_quality", "ssim", "combined", workspace)
    back = compare(tiny, "ssim", "jpeg_quality", "combined", workspace)
    for one, other in zip(ahead, back, strict=True):
        assert (one.low, one.high, one.p) == pytest.approx((-other.high, -other.low, other.p))


def test_detectors_gains_are_compared_too(tiny_det, tiny_workspace, tmp_path, monkeypatch):
    """For detection the gain is that of the mAP after replacement, equal to the cards'."""
    monkeypatch.setattr("benchmark.leaderboard.comparison.ENOUGH", 1)
    workspace = fresh(tiny_workspace, "tiny-det", tmp_path)
    cards = [evaluate(name, tiny_det.suite, workspace=workspace, truth=tiny_det) for name in ("jpeg_quality", "chance")]
    found = {row.measure: row for row in compare(tiny_det, "jpeg_quality", "chance", "combined", workspace)}
    for network in tiny_det.suite.networks.held_out:
        row = found[f"gain of {network}"]
        gains = [card.downstream[network].filtered - card.downstream[network].unfiltered for card in cards]
        assert (row.first, row.second) == pytest.approx(gains, abs=1e-6)
        assert row.low <= row.high
    assert "mAP, small objects, better half kept" in found
    assert any(name.startswith("AUROC, largest object") for name in found)


def test_what_sizes_of_objects_give_is_stored_and_made_again_where_damaged(
    tiny_det, tiny_workspace, tmp_path, monkeypatch, caplog
):
    """A second comparison reads the mAP of small, medium and large objects; damaged or of another run it is made again."""
    workspace = fresh(tiny_workspace, "tiny-det", tmp_path)
    for name in ("jpeg_quality", "chance"):
        evaluate(name, tiny_det.suite, workspace=workspace, truth=tiny_det)

    def compared():
        return compare(tiny_det, "jpeg_quality", "chance", "combined", workspace)

    before = compared()
    folder = suite_folder(workspace, tiny_det.suite)
    file, other = (folder.size_replicates(folder.card("combined", stem)) for stem in ("jpeg_quality", "chance"))
    with monkeypatch.context() as patch:
        patch.setattr(size_replicates, "redrawn", lambda *_: pytest.fail("made again"))
        assert compared() == before
    for damaged in (file.read_bytes()[:-9], other.read_bytes()):
        file.write_bytes(damaged)
        assert compared() == before
    table, metadata = read_table(file)
    write_table(file, table.with_columns(pl.all() + 2), metadata)
    assert compared() == before
    assert caplog.text.count("made again") == 2


def test_unknown_and_stale_results_are_refused(tiny, judged):
    """What was not run is answered with what was; a card of other labels says how to make it anew."""
    workspace, _ = judged
    with pytest.raises(ResultError, match="no scores of 'dists'; there are jpeg_quality, ssim"):
        compare(tiny, "dists", "ssim", "combined", workspace)
    for part in ("cards/combined", "scores"):
        (workspace.results / "tiny-limit7" / part).mkdir(parents=True)
    (workspace.results / "tiny-limit7" / "scores" / "dists.parquet").touch()
    with pytest.raises(
        ResultError, match="no scores of 'dists' but of a quick look, which --limit 7 compares; there are"
    ):
        compare(tiny, "dists", "ssim", "combined", workspace)
    file = workspace.results / "tiny" / "cards" / "combined" / "ssim.json"
    write_edited(file, ground_truth="other")
    with pytest.raises(ResultError, match="of other images or labels"):
        compare(tiny, "jpeg_quality", "ssim", "combined", workspace)
    file.unlink()
    with pytest.raises(ResultError, match="no scorecard"):
        compare(tiny, "jpeg_quality", "ssim", "combined", workspace)


def test_the_verb_tells_all_as_a_table_or_json(tiny, tiny_file, judged, monkeypatch, capsys):
    """One row a measure; JSON holds the same."""
    workspace, _ = judged
    monkeypatch.setenv("UTILBENCH_CACHE", str(workspace.cache))
    arguments = ["compare", "jpeg_quality", "ssim", "-s", str(tiny_file), "--results", str(workspace.results)]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert text.count("\n") == len(rows) + 3
    assert all(f"| {row['measure']} |" in text for row in rows)
    assert all(row["first"] - row["second"] == row["difference"] for row in rows)
    assert {"auroc", "within_condition_auroc", "srcc", "area"} <= {row["measure"] for row in rows}
