"""What was published with the package is used: outcomes, labels, trained states, scorecards; and nothing else is made of it."""

import dataclasses
import re
import shutil

import numpy as np
import polars as pl
import pytest

from benchmark.cli.main import main
from benchmark.core.errors import DataError, LabelError, ResultError
from benchmark.core.parquet import content_digest, read_table, write_table
from benchmark.core.types import IMAGE, PRISTINE
from benchmark.core.workspace import Workspace
from benchmark.evaluation.dataloading import samples
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.results import read_scores
from benchmark.evaluation.scorecard import read_card
from benchmark.evaluation.training import load_trained, training_record
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.indexed_suite import index_suite
from benchmark.labelling.pipeline import label, make_ground_truth, recorded_truth, with_recorded_digests
from benchmark.labelling.quick_look import check_labelled, least_limit
from benchmark.leaderboard.comparison import compare
from benchmark.metrics import image_utility
from benchmark.plugins.predictors.base import Context
from benchmark.plugins.predictors.names import baselines_folder
from benchmark.plugins.predictors.resolve import resolve_predictor
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import SuiteFolder, suite_folder
from tests.tracked import ROOT


@pytest.fixture
def elsewhere(tiny, tiny_workspace, tmp_path):
    """Folders of its own, to which the small suite's results are what was published."""
    return Workspace(
        None, None, tmp_path / "cache", tmp_path / "results", published=tiny_workspace.results, chosen_device="cpu"
    )


@pytest.mark.parametrize("limit", [0, 90])
def test_published_outcomes_are_used_and_copied(limit, tiny, tiny_file, elsewhere, no_networks):
    """In other folders, whole or limited, no network is run; the outcomes of the suite's own sources lie there afterwards."""
    truth = label(load_suite(str(tiny_file), limit=limit), elsewhere)
    whole = tiny.outcomes["zoo:resnet"]
    mine = whole.filter(pl.col("source").is_in(list(truth.indexed.sources)))
    assert truth.outcomes["zoo:resnet"].equals(mine)
    name = f"tiny-limit{limit}" if limit else "tiny"
    assert read_table(elsewhere.results / name / "outcomes" / "zoo-resnet.parquet")[0].equals(mine)
    assert truth.temperatures == tiny.temperatures
    if not limit:
        assert truth.digest("combined") == tiny.digest("combined")


def test_a_quick_look_uses_what_a_person_has_labelled(tiny, tiny_file, tiny_workspace, tmp_path, no_networks):
    """Outcomes of the whole suite in a person's own results serve its quick looks."""
    workspace = Workspace(None, None, tmp_path / "cache", tmp_path / "results", chosen_device="cpu")
    shutil.copytree(tiny_workspace.results / "tiny", workspace.results / "tiny")
    assert label(load_suite(str(tiny_file), limit=60), workspace).suite.limit == 60


@pytest.mark.parametrize("execution", [ExecutionConfig(precision="bf16"), ExecutionConfig(compiled=True)])
def test_other_arithmetic_is_computed(execution, tiny_file, elsewhere, monkeypatch):
    """Published outcomes of float32 do not stand for another arithmetic."""
    monkeypatch.setattr("benchmark.labelling.missing_outcomes.emulated_ratio", lambda *_: 1.0)
    monkeypatch.setattr(
        "benchmark.labelling.missing_outcomes.open_worker", lambda *_, **__: pytest.fail("computed", pytrace=False)
    )
    with pytest.raises(pytest.fail.Exception, match="computed"):
        label(load_suite(str(tiny_file), limit=90), elsewhere, execution=execution)


def test_anew_computes(tiny_file, elsewhere, monkeypatch):
    """`label --anew` runs the networks although their outcomes were published."""
    monkeypatch.setattr(
        "benchmark.labelling.missing_outcomes.open_worker", lambda *_, **__: pytest.fail("computed", pytrace=False)
    )
    monkeypatch.setattr(Workspace, "named", classmethod(lambda cls, **_: elsewhere))
    with pytest.raises(pytest.fail.Exception, match="computed"):
        main(["label", str(tiny_file), "--anew"])


def test_published_outcomes_of_other_pixels_are_not_used(
    tiny, tiny_file, tiny_workspace, tmp_path, monkeypatch, caplog
):
    """Where this machine's codec gives other pixels, what was published is left alone, with a word on why."""
    published = tmp_path / "published"
    shutil.copytree(tiny_workspace.results / "tiny", published / "tiny")
    path = published / "tiny" / "outcomes" / "images.parquet"
    table, about = read_table(path)
    write_table(path, table.with_columns(pixels=pl.col("pixels") ^ 1), about | {"encoder": "Pillow 1.0"})
    monkeypatch.setattr(
        "benchmark.labelling.missing_outcomes.open_worker", lambda *_, **__: pytest.fail("computed", pytrace=False)
    )
    workspace = Workspace(None, None, tmp_path / "cache", tmp_path / "results", published, "cpu")
    with pytest.raises(pytest.fail.Exception, match="computed"):
        label(load_suite(str(tiny_file)), workspace)
    assert "not used: " in caplog.text
    assert "recorded with Pillow 1.0" in caplog.text


def test_labels_and_sources_are_recorded(tiny, tiny_workspace):
    """`label` leaves the labels of every set, and sources from which the same ground truth is had without photographs."""
    folder = tiny_workspace.results / "tiny"
    labels, about = read_table(folder / "labels.parquet")
    assert about["labels"] == {name: tiny.digest(name) for name in tiny.suite.label_sets}
    assert labels["combined"].to_list() == tiny.labels("combined")["label"].to_list()
    again = recorded_truth(tiny.suite, tiny_workspace)
    assert again.fingerprint == tiny.fingerprint
    assert again.indexed.truths == tiny.indexed.truths
    assert [again.digest(name) for name in tiny.suite.label_sets] == list(about["labels"].values())


def test_objects_are_recorded_whole(tiny_det, tiny_workspace):
    """Boxes, classes and crowds come back as they were, so that detection needs no photographs either."""
    again = recorded_truth(tiny_det.suite, tiny_workspace)
    assert again.digest("combined") == tiny_det.digest("combined")
    for name, objects in tiny_det.indexed.truths.items():
        for field in ("boxes", "classes", "crowd", "size"):
            np.testing.assert_array_equal(getattr(again.indexed.truths[name], field), getattr(objects, field))


def test_photographs_that_are_not_at_hand_are_named(tiny, tiny_workspace):
    """A recorded ground truth says which photograph would be needed for what it cannot do."""
    again = recorded_truth(tiny.suite, tiny_workspace)
    with pytest.raises(DataError, match="the photograph test-00000 is needed for this"):
        again.indexed.dataset.read("test-00000")


def test_what_was_never_labelled_says_how_to(tiny_file, tmp_path):
    """Without recorded sources the error names the command that records them."""
    with pytest.raises(ResultError, match=r"no sources\.parquet; `utilbench label tiny.toml --limit 30` records"):
        recorded_truth(load_suite(str(tiny_file), limit=30), Workspace(None, None, tmp_path, tmp_path))


def test_comparing_needs_no_photographs(tiny, tiny_workspace, elsewhere, monkeypatch):
    """Two scorecards are compared from what is stored alone; the values are those with photographs at hand."""
    monkeypatch.setattr("benchmark.suites.tasks.filtering.Downstream.REPLICATES", 20)
    workspace = dataclasses.replace(elsewhere, published=None)
    for name in ("jpeg_quality", "chance"):
        evaluate(name, tiny.suite, workspace=workspace, truth=tiny)
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", workspace.results / "tiny" / "outcomes")
    away = Workspace(None, None, elsewhere.cache / "none", elsewhere.cache / "none", published=workspace.results)
    stored = compare(recorded_truth(tiny.suite, away), "jpeg_quality", "chance", "combined", away)
    assert stored == compare(tiny, "jpeg_quality", "chance", "combined", workspace)


LEARNED = """
import torch
import benchmark

class Learned(benchmark.LearnedPredictor):
    "A number."
    seeded = False

    def fit(self, train, validation):
        self.sign = torch.ones(SIZE)

    def score(self, samples):
        return [float(self.sign[0]) * float(sample.image.float().std()) for sample in samples]

    def state(self):
        return {"sign": self.sign}

    def load_state(self, state):
        self.sign = state["sign"]
"""


@pytest.mark.parametrize(("size", "shipped"), [(10, True), (100_000, False)])
def test_small_trained_states_are_published(size, shipped, tiny, tmp_path, in_this_process):
    """A state of kilobytes lies beside the scores, and is found by who has an empty cache; a large one is not."""
    file = tmp_path / "learned.py"
    file.write_text(LEARNED.replace("SIZE", str(size)))
    workspace = Workspace(None, None, tmp_path / "cache", tmp_path / "results", chosen_device="cpu")
    evaluate(str(file), tiny.suite, workspace=workspace, truth=tiny)
    state = workspace.results / "tiny" / "trained" / "learned@tiny.combined.0.safetensors"
    assert state.is_file() is shipped
    if shipped:
        who = resolve_predictor(str(file))
        away = Workspace(None, None, tmp_path / "empty", tmp_path / "none", published=workspace.results)
        predictor = who.kind(Context())
        assert load_trained(predictor, who, training_record(who, tiny, "combined"), away) is not None
        file.write_text(file.read_text().replace("[0]", "[1]"))
        other = resolve_predictor(str(file))
        assert load_trained(other.kind(Context()), other, training_record(other, tiny, "combined"), away) is None


def test_weights_of_the_package_are_those_of_a_scorecard(imagenet_data, tmp_path):
    """Present code reads them, and with them its scores of real images are nearly the published ones of that training."""
    (file,) = (baselines_folder() / "trained").glob("*.safetensors")
    name, suite, seed = re.fullmatch(r"(\w+)@([\w-]+)\.combined\.(\d)\.safetensors", file.name).groups()
    spec, workspace = resolve_predictor(name), Workspace.named(cache=str(tmp_path), results=str(ROOT / "results"))
    card = read_card(SuiteFolder(ROOT / "results" / suite).card("combined", file.stem.rpartition(".")[0]))
    predictor = spec.kind(Context(seed=int(seed)))
    assert int(seed) in card.seeds
    assert load_trained(predictor, spec, card.trained_on, workspace, allow_rounded=True) is not None
    table, _ = read_scores(SuiteFolder(ROOT / "results" / suite).scores(name, card.trained_on))
    rows = table.filter(part="test", seed=int(seed), distortion="jpeg").sample(48, seed=0)
    indexed = index_suite(load_suite(suite), workspace)
    scores = np.zeros(rows.height)
    for indices, batch in samples(indexed, rows.select(IMAGE).rows(), (), "any"):
        scores[indices] = predictor.score(batch)
    np.testing.assert_allclose(scores, rows["score"], atol=0.05)
    assert np.corrcoef(scores, rows["score"])[0, 1] > 0.999


def test_digests_depend_on_no_last_digit(tiny, tiny_det, monkeypatch):
    """With every utility one unit in the last place higher, as another processor may compute it, all digests stay."""
    before = {truth: digests(truth) for truth in (tiny, tiny_det)}
    compute = image_utility.utility
    monkeypatch.setattr(image_utility, "utility", lambda *given: np.nextafter(compute(*given), np.inf))
    for truth, expected in before.items():
        moved = dataclasses.replace(truth)
        one, other = moved.labels("combined")["utility"], truth.labels("combined")["utility"]
        assert not one.equals(other)
        assert digests(moved) == expected


def of_another_processor(table):
    """Outcomes whose scores are one unit in the last place higher."""
    names = [name for name, kind in table.schema.items() if kind == pl.Float32]
    higher = {name: np.nextafter(table[name].to_numpy(), np.float32(np.inf)) for name in names}
    return table.with_columns(**{name: pl.Series(values) for name, values in higher.items()})


def test_outcomes_of_another_processor_give_the_recorded_ground_truth(tiny, tiny_workspace):
    """Where labels and decisions are the recorded ones, so are all digests, though each outcome has another last digit."""
    folder = suite_folder(tiny_workspace, tiny.suite)
    outcomes = {name: of_another_processor(table) for name, table in tiny.outcomes.items()}
    truth = dataclasses.replace(tiny, outcomes=outcomes)
    assert truth.digest("combined") != tiny.digest("combined")
    assert digests(with_recorded_digests(truth, [folder])) == digests(tiny)
    assert with_recorded_digests(tiny, [folder]) is tiny


@pytest.mark.parametrize(
    "name", ["zoo:resnet", "zoo:resnext", "zoo:resnet_wide"], ids=["labelling", "held out", "probe"]
)
def test_another_decision_is_another_ground_truth(name, tiny, tiny_workspace):
    """One image on which one network no longer decides as on the pristine one keeps digests from being the recorded ones."""
    table = tiny.outcomes[name]
    source, distortion, level = tiny.judgement(name).filter("satisfied").select(IMAGE).row(0)
    row = (pl.col("source") == source) & (pl.col("distortion") == distortion) & (pl.col("level") == level)
    other = table.with_columns(
        top=pl.when(row).then((pl.col("top") + 1) % 11).otherwise("top").cast(pl.Int16),
        score_true=pl.when(row).then(pl.col("score_true") - 9).otherwise("score_true").cast(pl.Float32),
    )
    truth = dataclasses.replace(tiny, outcomes=tiny.outcomes | {name: other})
    assert with_recorded_digests(truth, [suite_folder(tiny_workspace, tiny.suite)]) is truth


def test_labels_of_other_images_are_not_the_recorded_ones(tiny, tiny_workspace):
    """Equal labels of a suite with another fingerprint lend it no digest."""
    split = dataclasses.replace(tiny.suite.split, seed=tiny.suite.split.seed + 1)
    indexed = dataclasses.replace(tiny.indexed, suite=dataclasses.replace(tiny.suite, split=split))
    truth = dataclasses.replace(tiny, indexed=indexed)
    assert with_recorded_digests(truth, [suite_folder(tiny_workspace, tiny.suite)]) is truth


def digests(truth):
    """All that results are compared by."""
    sets = truth.suite.label_sets
    return [truth.fingerprint, truth.held_out_digest, *map(truth.digest, sets), *map(truth.lesson_digest, sets)]


def test_digests_depend_on_the_stored_outcomes(tiny):
    """One recorded logit of a labelling network changes the ground truth; so does a temperature."""
    name = tiny.suite.networks.labelling[0]
    table = tiny.outcomes[name]
    row = pl.int_range(pl.len()) == table["level"].index_of(PRISTINE.level)
    other = table.with_columns(score_true=pl.when(row).then(pl.col("score_true") + 1e-6).otherwise("score_true"))
    assert not other.equals(table)
    changed = dataclasses.replace(tiny, outcomes=tiny.outcomes | {name: other})
    warmer = dataclasses.replace(tiny, temperatures=tiny.temperatures | {name: 1.5})
    found = {truth.digest("combined") for truth in (tiny, changed, warmer)}
    assert len(found) == 3


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("a", [1.0, 2.5], pl.Float32),
        pl.Series("a", [1, None], pl.Int16),
        pl.Series("a", ["x", "yz"]),
        pl.Series("a", [[1, 2], []], pl.List(pl.UInt16)),
        pl.Series("a", [True, False]),
    ],
    ids=lambda column: str(column.dtype),
)
def test_content_digests_see_values_names_and_types(column):
    """The same values have the same digest however they are chunked; another order, name, type or null has another."""
    table = column.to_frame()
    chunked = pl.concat([table[:1], table[1:]], rechunk=False)
    assert content_digest(chunked) == content_digest(table)
    others = [table.reverse(), table.rename({"a": "b"}), table.with_columns(a=pl.lit(None, column.dtype)), table[:1]]
    if column.dtype == pl.Int16:
        others.append(table.cast(pl.Int32))
    assert len({content_digest(one) for one in (table, *others)}) == 1 + len(others)


def test_lists_and_texts_are_told_apart_by_their_lengths():
    """What is joined without its bounds would look the same."""
    pairs = [([["a"], ["bc"]], [["ab"], ["c"]]), ([[1], [2, 3]], [[1, 2], [3]])]
    for one, other in pairs:
        tables = [
            pl.DataFrame({"a": [value[0] if isinstance(value[0], str) else value for value in some]})
            for some in (one, other)
        ]
        assert content_digest(tables[0]) != content_digest(tables[1])


def test_too_few_sources_are_told_before_any_work(tiny, tiny_file, elsewhere, tmp_path, monkeypatch):
    """A quick look in which a part lacks a label stops before training, and says which limit would do; that one does."""
    monkeypatch.setattr("benchmark.evaluation.plans.make_scores", lambda *_, **__: pytest.fail("it was scored"))
    (tmp_path / "tiny.toml").write_text(tiny_file.read_text())
    strict = tmp_path / "strict.toml"
    strict.write_text('twin_of = "tiny"\nname = "strict"\n[labels]\nhigh = 0.995\nlow = 0.005\n')
    label(load_suite(str(strict)), elsewhere)
    with pytest.raises(LabelError, match=r"is labelled (non-)?useful .*; --limit \d+ would do") as caught:
        evaluate("chance", load_suite(str(strict), limit=7), workspace=elsewhere)
    limit = int(str(caught.value).rpartition("--limit ")[2].split()[0])
    truth = make_ground_truth(load_suite(str(strict), limit=limit), elsewhere)
    check_labelled(truth, "combined", ("validation", "test"), elsewhere)


def test_the_least_limit_is_the_least(tiny, tiny_file, elsewhere):
    """By trying all: the first limit with three sources of either label in each part."""
    parts = ("train", "validation", "test")

    def enough(limit):
        truth = make_ground_truth(load_suite(str(tiny_file), limit=limit), elsewhere)
        rows = truth.labels("combined")
        return all(rows.filter(part=part, label=value)["source"].n_unique() >= 3 for part in parts for value in (0, 1))

    least = least_limit(tiny, "combined", parts)
    assert enough(least)
    assert not any(enough(limit) for limit in range(max(1, least - 8), least))
