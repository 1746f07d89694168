import ast
import dataclasses
import importlib
import json
import shutil
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
import torchvision
from msgspec.structs import replace
from scipy.stats import kendalltau, spearmanr
from sklearn import metrics as reference

import benchmark
from benchmark.core.errors import PredictorError, ResultError
from benchmark.core.parquet import read_table, write_table
from benchmark.core.types import IMAGE, Source
from benchmark.core.workspace import Workspace
from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.dataloading import lesson, training_rows
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.measure_table import GROUPS
from benchmark.evaluation.scorecard import read_card
from benchmark.metrics.classification import best_threshold, stratified_auroc
from benchmark.plugins.predictors.base import Predictor, track
from benchmark.plugins.predictors.code_digests import code_digest, written
from benchmark.plugins.predictors.discovery import find_predictor
from benchmark.plugins.predictors.names import baselines_folder, predictor_names
from benchmark.plugins.predictors.resolve import resolve_predictor
from benchmark.suites.results_folder import suite_folder

METRICS = {
    "accuracy", "balanced_accuracy", "auroc", "within_condition_auroc", "average_precision", "mcc", "overlap",
    "label_coverage",
}  # fmt: skip
GAINS = {"unfiltered", "filtered", "kept", "random", "condition", "oracle", "area", "curve"}


@pytest.fixture
def workspace(tiny, tiny_workspace, tmp_path):
    """Folders of its own for what a test writes, with the small suite's outcomes."""
    fresh = Workspace(data=None, networks=None, cache=tmp_path / "cache", results=tmp_path / "results")
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", fresh.results / "tiny" / "outcomes")
    return fresh


class Contrast(benchmark.Predictor):
    """Standard deviation of the pixels."""

    def score(self, samples):
        return [float(sample.image.float().std()) for sample in samples]


class Slope(benchmark.LearnedPredictor):
    """Learns one number: the sign of contrast's effect."""

    def fit(self, train, validation):
        import torch

        gaps = [float(e.sample.image.float().std()) * (1 if e.label else -1) * e.weight for e in train]
        self.sign = torch.tensor([1.0 if sum(gaps) > 0 else -1.0])
        self.notes = {"start": "nothing", "seed": str(self.context.seed)}

    def score(self, samples):
        return [float(self.sign) * float(sample.image.float().std()) for sample in samples]

    def state(self):
        return {"sign": self.sign}

    def load_state(self, state):
        self.sign = state["sign"]


def test_scorecard_has_the_agreed_keys(tiny, workspace):
    """A scorecard holds every key, every metric with a value, and every gain of every held-out network."""
    card = evaluate(Contrast, tiny.suite, workspace=workspace, truth=tiny)
    assert all(isinstance(card.measures(group), dict) for group in GROUPS)
    assert set(card.metrics) >= METRICS
    assert all(np.isfinite(metric.value) for metric in card.metrics.values())
    assert set(card.downstream) == {"zoo:resnext"}
    assert all(getattr(card.downstream["zoo:resnext"], name) is not None for name in GAINS)
    stored = read_card(workspace.results / "tiny" / "cards" / "combined" / "contrast.json")
    assert stored.metrics["auroc"].value == pytest.approx(card.metrics["auroc"].value, abs=1e-6)


def test_metrics_follow_from_raw_scores_by_hand(tiny, workspace):
    """Threshold, metrics and gains agree with scikit-learn on the stored scores and labels."""
    card = evaluate(Contrast, tiny.suite, workspace=workspace, truth=tiny)
    scores, _ = read_table(workspace.results / "tiny" / "scores" / "contrast.parquet")
    labels = tiny.labels("combined").filter(pl.col("label") >= 0).drop("part")
    both = {part: scores.filter(part=part).join(labels, on=IMAGE) for part in ("validation", "test")}
    threshold = best_threshold(both["validation"]["label"], both["validation"]["score"])
    y, s = both["test"]["label"].to_numpy(), both["test"]["score"].to_numpy()
    value = {name: metric.value for name, metric in card.metrics.items()}
    assert card.threshold == (threshold,)
    assert value["auroc"] == pytest.approx(reference.roc_auc_score(y, s))
    assert value["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(y, s >= threshold))
    assert value["label_coverage"] == pytest.approx(len(y) / (60 * 3))
    right = tiny.judgement("zoo:resnext").select(*IMAGE, "right")
    held = scores.filter(part="held_out").join(right, on=IMAGE)
    gains = card.downstream["zoo:resnext"]
    assert held.height == 60 * 2
    assert gains.unfiltered == pytest.approx(held["right"].mean())
    kept = held.filter(pl.col("score") >= threshold)
    assert gains.kept == pytest.approx(kept.height / held.height)
    assert gains.filtered == pytest.approx(kept["right"].mean())
    assert gains.oracle == pytest.approx(min(held["right"].sum(), kept.height) / kept.height)


def test_random_keeps_the_unfiltered_accuracy(tiny, workspace):
    """A random filter leaves the accuracy as it was, whatever it keeps; the oracle is at least as good as any."""
    gains = evaluate(Contrast, tiny.suite, workspace=workspace, truth=tiny).downstream["zoo:resnext"]
    assert gains.random == pytest.approx(gains.unfiltered)
    assert gains.oracle >= max(gains.filtered, gains.condition, gains.random) - 1e-12


def test_samples_are_shuffled_and_hold_only_what_is_asked_for(tiny, workspace):
    """A predictor sees pixels and what it needs, in no order of levels or sources, and nothing else."""
    seen = []

    class Spy(benchmark.Predictor):
        needs = {"bitstream"}  # noqa: RUF012

        def score(self, samples):
            seen.extend(samples)
            return [float(len(sample.bitstream)) for sample in samples]

    evaluate(Spy, tiny.suite, workspace=workspace, truth=tiny)
    seen = seen[: tiny.indexed.scored_rows.height]
    assert all(set(vars(sample)) == {"image", "reference", "bitstream"} for sample in seen)
    assert all(sample.reference is None and sample.bitstream[:2] == b"\xff\xd8" for sample in seen)
    sizes = np.array([len(sample.bitstream) for sample in seen])
    assert abs(np.corrcoef(sizes[:-1], sizes[1:])[0, 1]) < 0.2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda samples: [float("nan")] * len(samples), "is not finite; the run is void"),
        (lambda samples: [float("inf")] * len(samples), "is not finite; the run is void"),
        (lambda samples: [0.0] * (len(samples) - 1), "one each is needed"),
        (lambda samples: [[0.0]] * len(samples), "one each is needed"),
    ],
)
def test_a_broken_predictor_leaves_nothing(tiny, workspace, answer, message):
    """A score that is missing or not finite voids the run, and no file is written."""

    class Broken(benchmark.Predictor):
        def score(self, samples):
            return answer(samples)

    with pytest.raises(PredictorError, match=message):
        evaluate(Broken, tiny.suite, workspace=workspace, truth=tiny)
    assert not (workspace.results / "tiny" / "scores").exists()
    assert not (workspace.results / "tiny" / "cards").exists()


def test_scores_are_not_made_twice(tiny, workspace):
    """The same code on the same images is scored once."""
    calls = []

    class Counting(benchmark.Predictor):
        def score(self, samples):
            calls.append(len(samples))
            return [float(sample.image[0, 0, 0]) for sample in samples]

    first = evaluate(Counting, tiny.suite, workspace=workspace, truth=tiny)
    count = len(calls)
    assert evaluate(Counting, tiny.suite, workspace=workspace, truth=tiny) == first
    assert evaluate(Counting, tiny.suite, labels="zoo:resnet", workspace=workspace, truth=tiny).labels == "zoo:resnet"
    assert len(calls) == count


def test_a_trained_predictor_is_kept_and_taken_up_again(tiny, workspace):
    """What was learned is stored; with the scores gone, it is loaded instead of trained, to the same card."""
    first = evaluate(Slope, tiny.suite, seeds=(0, 1), workspace=workspace, truth=tiny)
    assert first.seeds == (0, 1)
    assert len(first.threshold) == 2
    assert [note["seed"] for note in first.provenance.notes] == ["0", "1"]
    shutil.rmtree(workspace.results / "tiny" / "scores")
    kept = list((workspace.cache / "predictors").iterdir())
    assert len(kept) == 2
    again = evaluate(Slope, tiny.suite, seeds=(0, 1), workspace=workspace, truth=tiny)
    assert replace(again, cost=first.cost) == first
    assert again.cost.fit_seconds == first.cost.fit_seconds


def test_trained_files_say_what_on(tiny, workspace):
    """Files of a predictor that learns are named by the suite and label set it was trained on."""
    evaluate(Slope, tiny.suite, labels="zoo:resnet", workspace=workspace, truth=tiny)
    assert (workspace.results / "tiny" / "scores" / "slope@tiny.zoo-resnet.parquet").is_file()
    assert (workspace.results / "tiny" / "cards" / "zoo-resnet" / "slope@tiny.zoo-resnet.json").is_file()


def test_incomplete_stored_scores_are_refused(tiny, workspace):
    """A score table that lacks an image makes no scorecard."""
    evaluate(Contrast, tiny.suite, workspace=workspace, truth=tiny)
    path = workspace.results / "tiny" / "scores" / "contrast.parquet"
    table, metadata = read_table(path)
    write_table(path, table.head(table.height - 1), metadata)
    with pytest.raises(ResultError, match=r"contrast\.parquet: 1 rows of 420 are missing"):
        evaluate(Contrast, tiny.suite, workspace=workspace, truth=tiny)


def test_class_weights_balance_the_classes(tiny):
    """Weights of the two classes sum to the same, and to the number of examples."""
    some = lesson(tiny, "combined", "train", Slope)
    sums = {label: sum(e.weight for e in some if e.label == label) for label in (0, 1)}
    assert sums[0] == pytest.approx(sums[1])
    assert sums[0] + sums[1] == pytest.approx(len(some))
    assert [e.weight for e in some] == some.weights.tolist()
    assert some[-1].group == some[len(some) - 1].group == some[-2:][1].group


def test_augmentation_does_not_give_the_label_away(tiny):
    """Balanced by augmentation, both classes have as many originals and as many augmented rows."""
    rows = [(f"s{i}{'~aug1' if a else ''}", "jpeg", 5, int(i % 7 > 2 + 2 * a)) for i in range(200) for a in (0, 1)]

    class Truth:
        suite = type("S", (), {"training": type("T", (), {"balance": "augmentation"})})
        indexed = SimpleNamespace(
            sources={name: Source(name, 0, parent=name.partition("~")[0] if "~" in name else "") for name, *_ in rows}
        )

        def labelled(self, label_set, part):
            assert part == "train"
            return pl.DataFrame(rows, schema=[*IMAGE, "label"], orient="row")

    chosen = training_rows(Truth(), "combined").with_columns(augmented=pl.col("source").str.contains("~aug"))
    counts = chosen.group_by("augmented", "label").len().sort("augmented", "label")["len"].to_list()
    assert len(counts) == 4
    assert counts[0] == counts[1]
    assert counts[2] == counts[3]


@pytest.mark.parametrize("name", ["chance", "jpeg_quality", "ssim"])
def test_baselines_that_need_no_training_run_on_the_small_suite(name, tiny, workspace):
    """Each untrained baseline earns a scorecard; quality alone is at .5 within each quality by construction."""
    card = evaluate(name, tiny.suite, workspace=workspace, truth=tiny)
    value = {key: metric.value for key, metric in card.metrics.items()}
    if name == "jpeg_quality":
        assert value["within_condition_auroc"] == 0.5
        assert card.downstream["zoo:resnext"].filtered == pytest.approx(card.downstream["zoo:resnext"].condition)
        assert value["auroc"] > 0.6
    if name == "chance":
        assert 0.25 < value["auroc"] < 0.75


def test_jpeg_quality_reads_the_very_quality(tiny):
    """The quality read from a bitstream is the one it was encoded with, for every quality."""
    from benchmark.core.types import Sample
    from benchmark.plugins.distortions import encode_jpeg

    _, kind, _ = find_predictor("jpeg_quality")
    predictor = kind(benchmark.Context())
    image = tiny.indexed.dataset.read("test-00000")
    samples = [Sample(image=None, bitstream=encode_jpeg(image, quality)) for quality in range(2, 96)]
    assert predictor.score(samples) == list(range(2, 96))


def test_resnet18_trains_from_scratch_and_survives_saving(tiny, workspace, tmp_path, in_this_process):
    """The reference learns, says what it started from, and scores the same after its state was stored and loaded."""
    text = find_baseline("resnet18").read_text()
    assert "Recipe()" in text
    text = text.replace("Recipe()", "Recipe(steps=8)")
    file = tmp_path / "quick.py"
    file.write_text(text)
    card = evaluate(str(file), tiny.suite, workspace=workspace, truth=tiny, seeds=[0])
    assert card.provenance.notes[0]["start"] == "scratch"
    assert card.provenance.notes[0]["side"] == "64"
    first, _ = read_table(workspace.results / "tiny" / "scores" / "quick@tiny.combined.parquet")
    shutil.rmtree(workspace.results / "tiny" / "scores")
    evaluate(str(file), tiny.suite, workspace=workspace, truth=tiny, seeds=[0])
    second, _ = read_table(workspace.results / "tiny" / "scores" / "quick@tiny.combined.parquet")
    assert first.equals(second)


def test_auroc_over_the_condition_is_the_difference_to_the_rival(tiny, workspace):
    """It is the AUROC minus that of `condition` on the same rows, in each resample too; for the rival itself it is 0."""
    cards = {name: evaluate(name, tiny.suite, workspace=workspace, truth=tiny) for name in ("ssim", "condition")}
    own, rival = (cards[name].metrics["auroc"].value for name in cards)
    over = cards["ssim"].metrics["auroc_over_condition"]
    assert over.value == pytest.approx(own - rival)
    assert (cards["condition"].metrics["auroc_over_condition"].value, over.low < over.value < over.high) == (0, True)
    folder = workspace.results / "tiny" / "replicates" / "combined"
    drawn = [
        read_table(folder / f"{stem}.parquet")[0]["auroc"].to_numpy() for stem in ("ssim", "condition@tiny.combined")
    ]
    stored = read_table(folder / "ssim.parquet")[0]["auroc_over_condition"].to_numpy()
    np.testing.assert_allclose(stored, drawn[0] - drawn[1], atol=1e-6)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_networks_start_from_imagenet_weights_where_they_are_at_hand(name, monkeypatch):
    """All weights but those of the classes are those of torchvision's network, which has a thousand classes."""
    pretrained = torchvision.models.get_model(name, num_classes=1000)
    network = SimpleNamespace(module=pretrained)
    monkeypatch.setattr(benchmark.Context, "network", lambda self, asked: {f"torchvision:{name}": network}[asked])
    predictor = find_predictor(name)[1](benchmark.Context()).inner
    assert predictor.start() == "ImageNet weights"
    given, own = pretrained.state_dict(), predictor.model.state_dict()
    different = {key for key in own if own[key].shape != given[key].shape}
    assert {key.split(".")[0] for key in different} <= {"fc", "classifier"}
    assert len(different) == 2
    assert all(torch.equal(own[key], given[key]) for key in own if key not in different)


def test_without_weights_a_fine_tuned_network_is_refused(tiny, monkeypatch):
    """MobileNetV2 from scratch would not be what its name says; the error names the weights that are missing."""
    monkeypatch.setattr(benchmark.Context, "network", missing)
    predictor = find_predictor("mobilenet_v2")[1](benchmark.Context())
    parts = (lesson(tiny, "combined", part, benchmark.LearnedPredictor) for part in ("train", "validation"))
    with pytest.raises(benchmark.MissingWeights, match="torchvision:mobilenet_v2"):
        predictor.fit(*parts)


def missing(context, name):
    """No network has weights here."""
    raise benchmark.MissingWeights(f"{name}: no weights are on this machine")


def test_resnet18_cuts_squares_on_the_grid_of_compression():
    """Wherever a square is cut out of an image of any size, it starts at a multiple of 8 px, and small images are filled up."""
    from baselines import _squares

    rows = (torch.arange(375) % 8 * 30).to(torch.uint8)[None, :, None].expand(3, 375, 500)
    for place in ((0, 0), (1, 1), (0.5, 0.5), (0.3, 0.999)):
        found = _squares.square(rows, 96, place)
        assert found.shape == (1, 96, 96)
        assert (found[0, :, 0].int() - rows[0, :96, 0].int()).abs().max() <= 1
    for height, width, side in ((1, 1, 64), (63, 300, 64), (128, 200, 128), (375, 500, 224)):
        image = torch.zeros(3, height, width, dtype=torch.uint8)
        assert _squares.fitting_side(image) == side
        assert _squares.square(image, side).shape == (1, side, side)


def test_code_digest_follows_imported_baselines(monkeypatch, tmp_path):
    """A predictor that wraps a baseline has another digest when that baseline changes."""
    (tmp_path / "inner.py").write_text("x = 1\n")
    monkeypatch.setattr("benchmark.plugins.predictors.code_digests.baselines_folder", lambda: tmp_path)
    text = "from baselines.inner import x\n"
    before = code_digest(text)
    (tmp_path / "inner.py").write_text("x = 1  # one\n")
    assert code_digest(text) == before
    (tmp_path / "inner.py").write_text("x = 2\n")
    assert code_digest(text) != before


def find_baseline(name):
    """The file of a baseline."""
    return baselines_folder() / f"{name}.py"


@pytest.mark.parametrize(
    ("method", "told"), [("__init__", "the constructor"), ("fit", r"fit\(\)"), ("score", r"score\(\)")]
)
def test_what_a_predictor_raises_is_told_with_its_name(tiny, workspace, method, told):
    """An error inside a predictor stops the run with the predictor's name, the place and the cause."""

    def fail(self, *given):
        raise ZeroDivisionError("oh")

    kind = type("Failing", (Slope,), {method: fail})
    with pytest.raises(PredictorError, match=rf"failing: {told} raised ZeroDivisionError: oh"):
        evaluate(kind, tiny.suite, workspace=workspace, truth=tiny)


def test_notes_that_cannot_be_saved_are_named(tiny, workspace):
    """Notes are text: a number is refused by its key, and nothing is written."""

    class Numbered(Slope):
        def fit(self, train, validation):
            super().fit(train, validation)
            self.notes = {"steps": 3}

    with pytest.raises(PredictorError, match=r"notes\['steps'\] is no string"):
        evaluate(Numbered, tiny.suite, workspace=workspace, truth=tiny)
    assert not list((workspace.cache / "predictors").glob("*"))


def test_seeds_add_up(tiny, workspace):
    """Combined labels of a whole suite get three seeds, others one; seeds that are there already are not run again."""
    runs = []

    class Noted(Slope):
        def fit(self, train, validation):
            runs.append(self.context.seed)
            super().fit(train, validation)

    assert evaluate(Noted, tiny.suite, labels="zoo:resnet", workspace=workspace, truth=tiny).seeds == (0,)
    assert evaluate(Noted, tiny.suite, seeds=(0,), workspace=workspace, truth=tiny).seeds == (0,)
    assert runs == [0, 0]
    card = evaluate(Noted, tiny.suite, workspace=workspace, truth=tiny)
    assert card.seeds == (0, 1, 2)
    assert runs == [0, 0, 1, 2]
    assert len(card.provenance.notes) == len(card.threshold) == 3
    assert evaluate(Noted, tiny.suite, seeds=(1,), workspace=workspace, truth=tiny).seeds == (0, 1, 2)
    assert runs == [0, 0, 1, 2]


def test_seeds_that_another_process_stores_meanwhile_are_kept(tiny, workspace):
    """Scores of other seeds, or of the same, that were stored since the run was planned stay beside those that it makes."""
    runs = []

    class Busy(Slope):
        def fit(self, train, validation):
            runs.append(self.context.seed)
            if len(runs) == 1:
                evaluate(Busy, tiny.suite, seeds=(0, 1), workspace=workspace, truth=tiny)
            super().fit(train, validation)

    card = evaluate(Busy, tiny.suite, seeds=(0,), workspace=workspace, truth=tiny)
    assert runs == [0, 0, 1]
    assert sorted(card.seeds) == [0, 1]
    assert len(card.threshold) == len(card.provenance.notes) == 2


def test_seeds_that_started_from_other_weights_do_not_mix(tiny, workspace):
    """Their difference would be shown as the spread of seeds; the message says what to remove, and nothing is overwritten."""
    starts = iter(["ImageNet", "scratch"])

    class Started(Slope):
        def fit(self, train, validation):
            super().fit(train, validation)
            self.notes = {"start": next(starts)}

    card = evaluate(Started, tiny.suite, seeds=(0,), workspace=workspace, truth=tiny)
    stored = suite_folder(workspace, tiny.suite).scores(card.predictor, card.trained_on)
    before = stored.read_bytes()
    with pytest.raises(
        PredictorError, match=r"started: .* different weights \(ImageNet and scratch\).*; remove its stored"
    ):
        evaluate(Started, tiny.suite, seeds=(1,), workspace=workspace, truth=tiny)
    assert stored.read_bytes() == before


def test_the_card_tells_the_mean_and_the_spread_over_seeds(tiny, workspace):
    """Values are means over seeds, spreads their standard deviations; with one seed there is no spread."""

    class Drawn(Slope):
        def score(self, samples):
            means = [int(sample.image.sum()) for sample in samples]
            noise = [np.random.default_rng((self.context.seed, mean)).normal(0, 20) for mean in means]
            return (np.array(super().score(samples)) + noise).tolist()

    card = evaluate(Drawn, tiny.suite, workspace=workspace, truth=tiny)
    scores, _ = read_table(workspace.results / "tiny" / "scores" / "drawn@tiny.combined.parquet")
    labels = tiny.labelled("combined", "test").drop("part")
    each = []
    for seed in range(3):
        both = scores.filter(part="test", seed=seed).join(labels, on=IMAGE)
        each.append(reference.roc_auc_score(both["label"], both["score"]))
    assert card.metrics["auroc"].value == pytest.approx(np.mean(each))
    assert card.metrics["auroc"].spread == pytest.approx(np.std(each, ddof=1))
    one = evaluate(Drawn, tiny.suite, labels="zoo:resnet", workspace=workspace, truth=tiny)
    assert one.metrics["auroc"].spread is None


def test_what_does_not_depend_on_the_seed_runs_once(tiny, workspace):
    """A predictor that says that its training draws nothing has one seed."""

    class Fixed(Slope):
        seeded = False

    assert evaluate(Fixed, tiny.suite, seeds=(0, 1), workspace=workspace, truth=tiny).seeds == (0,)


def test_predictors_of_utility_learn_from_unlabelled_images_too(tiny, workspace):
    """They see every image whose pristine version all networks get right, each with weight 1, labelled or not."""
    seen = {}

    class Regressor(Slope):
        target = "utility"

        def fit(self, train, validation):
            seen.update(train=list(train), validation=list(validation))
            super().fit([one for one in train if one.label >= 0], validation)

    evaluate(Regressor, tiny.suite, labels="zoo:resnet", workspace=workspace, truth=tiny)
    right = tiny.judgement("zoo:resnet").filter(pl.col("pristine_right"))
    for part, examples_of in seen.items():
        names = {source.id for source in tiny.parts[part]}
        levels = pl.col("level").is_in(tiny.suite.distortions[0].levels)
        wanted = right.filter(pl.col("source").is_in(names), levels)
        assert sorted(one.utility for one in examples_of) == pytest.approx(sorted(wanted["utility"]))
        assert {one.label for one in examples_of} == {-1, 0, 1}
        assert {one.weight for one in examples_of} == {1.0}


def test_soft_metrics_are_scipys(tiny, workspace):
    """The card's correlations with the utility are those of all rows whose pristine versions are got right."""
    card = evaluate(Contrast, tiny.suite, labels="zoo:resnet", workspace=workspace, truth=tiny)
    scores, _ = read_table(workspace.results / "tiny" / "scores" / "contrast.parquet")
    judged = tiny.judgement("zoo:resnet").filter(pl.col("pristine_right"))
    both = scores.filter(part="test").join(judged, on=IMAGE)
    assert card.counts.soft == both.height
    assert card.soft["srcc"].value == pytest.approx(spearmanr(both["score"], both["utility"]).statistic)
    assert card.soft["krcc"].value == pytest.approx(kendalltau(both["score"], both["utility"]).statistic)
    for measure in card.soft.values():
        assert measure.low <= measure.value <= measure.high


def test_the_satisfied_machine_ratio_is_a_target_of_jpeg_suites_too(tiny, workspace):
    """The card's SRCC and tau-b with the ratio are those of all test rows, recognised when pristine or not."""
    card = evaluate(Contrast, tiny.suite, workspace=workspace, truth=tiny)
    scores, _ = read_table(workspace.results / "tiny" / "scores" / "contrast.parquet")
    both = scores.filter(part="test").join(tiny.satisfied, on=IMAGE)
    assert both.height == len(tiny.parts["test"]) * len(tiny.suite.training_conditions)
    assert card.soft["smr_srcc"].value == pytest.approx(spearmanr(both["score"], both["utility"]).statistic)
    assert card.soft["smr_krcc"].value == pytest.approx(kendalltau(both["score"], both["utility"]).statistic)


def test_a_constant_score_has_no_correlation(tiny, workspace):
    """Soft measures of one score for all are missing, and the card is written."""

    class Constant(benchmark.Predictor):
        def score(self, samples):
            return [1.0] * len(samples)

    card = evaluate(Constant, tiny.suite, workspace=workspace, truth=tiny)
    assert card.soft["srcc"] == Measure(value=None)
    assert card.metrics["auroc"].value == 0.5


def test_a_suite_that_is_named_may_be_limited(tiny, tiny_file, workspace):
    """`limit` makes a quick look of a suite that is given by name or path: its results are kept apart and are fewer."""
    card = evaluate("chance", str(tiny_file), workspace=workspace, limit=90)
    assert card.suite == "tiny-limit90"
    scores, _ = read_table(workspace.results / card.suite / "scores" / "chance.parquet")
    assert 0 < scores.height < tiny.indexed.scored_rows.height
    assert not (workspace.results / "tiny" / "scores").exists()


def test_thresholds_are_stored_exactly(tiny, workspace):
    """However small a predictor's scores are, the stored threshold is the one that was chosen."""

    class Faint(Contrast):
        def score(self, samples):
            return [1e-9 * score for score in super().score(samples)]

    card = evaluate(Faint, tiny.suite, workspace=workspace, truth=tiny)
    stored = read_card(workspace.results / "tiny" / "cards" / "combined" / "faint.json")
    assert stored.threshold == card.threshold
    assert 0 < stored.threshold[0] < 1e-6


def test_every_baseline_is_found_with_its_track():
    """All baselines load as a stranger's file does; their tracks follow from what they need."""
    tracks = {name: track(find_predictor(name)[1].needs) for name in predictor_names()}
    assert tracks["ssim"] == "full-reference"
    assert tracks["jpeg_quality"] == "bitstream"
    assert tracks["resnet18"] == tracks["resnet18_paper"] == tracks["chance"] == "no-reference"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "defines 0 subclasses"),
        ("import benchmark\nclass A(benchmark.Predictor):\n    pass", "A lacks score"),
        ("1 / 0", "fails to load \\(ZeroDivisionError"),
        (
            "import benchmark\nclass A(benchmark.Predictor):\n    needs = {'level'}\n    def score(self, s): return []",
            "needs \\['level'\\]; there are",
        ),
    ],
)
def test_a_file_that_is_no_predictor_is_named(tmp_path, text, message):
    """A predictor file that does not fit the contract is an error that says why."""
    path = tmp_path / "odd.py"
    path.write_text(text)
    with pytest.raises(PredictorError, match=message):
        find_predictor(str(path))


@pytest.mark.parametrize("name", [name for name in predictor_names() if not name.startswith("_")])
def test_a_baseline_given_as_its_class_is_the_one_of_its_name(name):
    """Scores of both are the same file, of the same code."""
    module = importlib.import_module(f"baselines.{name}")
    (kind,) = [
        value for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Predictor) and value.__module__ == module.__name__
    ]  # fmt: skip
    by_class, by_name = resolve_predictor(kind), resolve_predictor(name)
    assert (by_class.name, by_class.code) == (by_name.name, by_name.code)


def test_the_digest_of_a_class_covers_its_module(tmp_path, monkeypatch):
    """Scores are made again where a helper or a constant beside the class has changed, and not for comments."""
    monkeypatch.syspath_prepend(tmp_path)
    text = "from benchmark import Predictor\nSCALE = 2\n\nclass Own(Predictor):\n    def score(self, samples):\n        pass\n"
    digests = []
    for number, code in enumerate((text, text + "# more\n", text.replace("2", "3"), text.replace("pass", "return []"))):
        (tmp_path / f"own_{number}.py").write_text(code)
        digests.append(resolve_predictor(importlib.import_module(f"own_{number}").Own).code)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_code_digest_ignores_what_does_not_run():
    """Comments, docstrings and layout leave the digest of a predictor's code; a changed number does not."""
    one = 'def f(x):\n    "Adds."\n    return x + 1\n'
    assert code_digest(one) == code_digest("def f(x):  # adds\n\n    return (x + 1)\n")
    assert code_digest(one) != code_digest("def f(x):\n    return x + 2\n")


def test_code_digest_is_that_of_every_python():
    """Fields of a syntax tree that only some versions of Python have, and leave empty, do not count."""
    tree = ast.parse("def f(x): return x[1:]\nclass A: pass\n")
    before = written(tree)
    for node in ast.walk(tree):
        node._fields = (*node._fields, "fresh", "others")
        node.fresh, node.others = None, []
    assert written(tree) == before


def test_unknown_predictor_lists_the_known():
    """An unknown name is answered with the names there are."""
    with pytest.raises(PredictorError, match="chance, dct_statistics, energy, fisher"):
        find_predictor("sim")


def test_suite_choices_stand_beside_the_results(tiny, workspace):
    """`rank` finds the suite's choices in the results, without the suite file."""
    evaluate(Contrast, tiny.suite, workspace=workspace, truth=tiny)
    kept = json.loads((workspace.results / "tiny" / "suite.json").read_text())
    assert kept["networks"]["probe"] == "zoo:resnet_wide"


def test_within_condition_and_size_compares_like_sizes_alone(tiny, workspace):
    """With three sizes, pairs are those of one level and one third of the sizes; with one size, those of one level."""
    one = evaluate(Contrast, tiny.suite, workspace=workspace, truth=tiny).metrics
    assert one["within_condition_and_size_auroc"].value == one["within_condition_auroc"].value
    names = {source.id: number for number, source in enumerate(tiny.parts["test"])}
    images = tiny.outcomes["images"].with_columns(
        height=pl.col("source").replace_strict(names, default=0, return_dtype=pl.Int32) % 3 * 100 + 50,
        width=pl.lit(400, pl.Int32),
    )
    sized = dataclasses.replace(tiny, outcomes=tiny.outcomes | {"images": images})
    scores, _ = read_table(workspace.results / "tiny" / "scores" / "contrast.parquet")
    rows = sized.labelled("combined", "test").join(scores.filter(part="test"), on=IMAGE)
    groups = [f"{level} {names[source] % 3}" for source, _, level in rows.select(IMAGE).iter_rows()]
    expected, _ = stratified_auroc(rows["label"], rows["score"], np.unique(groups, return_inverse=True)[1])
    shutil.rmtree(workspace.results / "tiny" / "cards")
    card = evaluate(Contrast, tiny.suite, workspace=workspace, truth=sized)
    assert card.metrics["within_condition_and_size_auroc"].value == pytest.approx(expected)
    assert card.metrics["within_condition_auroc"].value == one["within_condition_auroc"].value


def test_results_go_where_python_says(tiny_file, tmp_path, monkeypatch):
    """Without a workspace, `results` names the folder of the results, and `limit` makes a quick look there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UTILBENCH_CACHE", str(tmp_path / "cache"))
    card = evaluate("chance", str(tiny_file), limit=90, results="mine")
    assert card.suite == "tiny-limit90"
    assert list((tmp_path / "mine" / "tiny-limit90" / "cards").rglob("chance.json"))
    assert not (tmp_path / "results").exists()
