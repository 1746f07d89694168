"""Predictors that are evaluated together share one pass over the images, and neither see nor disturb each other."""

import dataclasses
import shutil
import time
from collections import Counter

import numpy as np
import pytest
import torch
from msgspec.structs import replace

import benchmark
from benchmark.core.errors import BenchmarkError, DataError, PredictorError
from benchmark.core.parquet import read_table
from benchmark.core.types import IMAGE, Sample
from benchmark.evaluation import passes, plans, scoring
from benchmark.evaluation.dataloading import BATCH, narrowed
from benchmark.evaluation.evaluate import evaluate, evaluate_together
from benchmark.evaluation.passes import Entrant, score_images
from benchmark.evaluation.scoring import score_rows
from benchmark.plugins.distortions import decoded
from benchmark.plugins.predictors.base import NEEDS
from tests.strangers import predictor_file
from tests.test_evaluate import Contrast, Slope


class Length(benchmark.Predictor):
    """Length of the bitstream."""

    needs = {"bitstream"}  # noqa: RUF012

    def score(self, samples):
        return [float(len(sample.bitstream)) for sample in samples]


class Distance(benchmark.Predictor):
    """Mean squared difference to the pristine image, negated."""

    needs = {"reference"}  # noqa: RUF012

    def score(self, samples):
        return [-float((sample.image.float() - sample.reference.float()).square().mean()) for sample in samples]


class Drawn(Slope):
    """Learns a sign, and adds noise that depends on seed and image."""

    def score(self, samples):
        sums = [int(sample.image.sum()) for sample in samples]
        noise = [np.random.default_rng((self.context.seed, value)).normal(0, 20) for value in sums]
        return (np.array(super().score(samples)) + noise).tolist()


KINDS = (Contrast, Length, Distance)
SUMMARY = ("threshold", "metrics", "soft", "downstream", "seeds", "trained_on", "track")


def together(kinds, truth, workspace, labels="combined", **options):
    """The results of classes that are evaluated together on one label set."""
    return list(evaluate_together([(kind, labels) for kind in kinds], truth, workspace, **options))


def entrants_of(*kinds):
    """New predictors of classes as entrants of a pass, by the names of the classes."""
    return {kind.__name__: Entrant.of(kind.__name__.lower(), kind(benchmark.Context())) for kind in kinds}


def scores_alone(kind, truth):
    """The scores of a class that nothing else is scored beside."""
    [tally] = score_rows(entrants_of(kind), truth.indexed).values()
    return tally.scores


@pytest.fixture
def decodings(monkeypatch):
    """Counts how often each bitstream of each photograph is decoded."""
    counts = Counter()

    def counted(distortion, bitstream, photograph):
        counts[photograph, bitstream] += 1
        return decoded(distortion, bitstream, photograph)

    monkeypatch.setattr("benchmark.plugins.distortions.distortion.decoded", counted)
    return counts


def test_each_image_is_decoded_once_for_all(tiny, decodings):
    """However many predictors score a pass, each of its images is decoded exactly once."""
    rows = tiny.indexed.scored_rows.select(IMAGE).rows()
    results = score_images(entrants_of(*KINDS), tiny.indexed, rows, "any", what="tiny")
    assert all(np.isfinite(tally.scores).all() for tally in results.values())
    assert set(decodings.values()) == {1}
    assert len(decodings) == len(rows)


@pytest.mark.parametrize("kinds", [KINDS[:1], KINDS])
def test_more_predictors_decode_no_more_images(kinds, tiny, workspace, decodings):
    """An evaluation of three predictors decodes as many images as that of one: all of them, and one batch once more."""
    assert not [card for card in together(kinds, tiny, workspace) if isinstance(card, BenchmarkError)]
    assert decodings.total() == tiny.indexed.scored_rows.height + BATCH


def test_all_seeds_share_a_pass(tiny, decodings):
    """What learns with three seeds decodes each image that it scores once for all of them."""
    rows = tiny.indexed.scored_rows.height
    seeds = {seed: Entrant.of("contrast", Contrast(benchmark.Context(seed=seed))) for seed in range(3)}
    assert score_rows(seeds, tiny.indexed).keys() == seeds.keys()
    assert decodings.total() == rows + BATCH


def test_together_is_as_alone(tiny, workspace, tmp_path):
    """Scores and scorecards of predictors that are evaluated together are those of separate evaluations, bit by bit."""
    kinds = (*KINDS, Drawn)
    apart = dataclasses.replace(workspace, results=tmp_path / "apart")
    shutil.copytree(workspace.results, apart.results)
    alone = [evaluate(kind, tiny.suite, workspace=apart, truth=tiny) for kind in kinds]
    for first, card in zip(alone, together(kinds, tiny, workspace), strict=True):
        assert replace(card, cost=first.cost) == first
    names = ["contrast", "length", "distance", "drawn@tiny.combined"]
    for name in names:
        tables = [
            read_table(folder.results / "tiny" / "scores" / f"{name}.parquet")[0] for folder in (apart, workspace)
        ]
        assert tables[0].equals(tables[1])
    assert card.seeds == (0, 1, 2)


def test_a_predictor_gets_what_its_class_asks_for(tiny):
    """Whatever others of the pass need, and whatever it asks for later, a predictor gets what its class named at first."""
    seen = {}

    def spy(*asked):
        class Spy(Contrast):
            needs = set(asked)  # noqa: RUF012

            def score(self, samples):
                self.needs = type(self).needs = NEEDS
                fields = {name for sample in samples for name, value in vars(sample).items() if value is not None}
                seen.setdefault(asked, set()).update(fields)
                return super().score(samples)

        return Entrant.of("spy", Spy(benchmark.Context()))

    choices = [(), ("reference",), ("bitstream",), ("bitstream", "reference")]
    results = score_rows({asked: spy(*asked) for asked in choices}, tiny.indexed)
    assert not [result for result in results.values() if isinstance(result, BenchmarkError)]
    assert seen == {asked: {"image", *asked} for asked in choices}


def raising(self, *given):
    """Fail, as a predictor's own code may."""
    raise ZeroDivisionError("oh")


def late(self, samples):
    """Scores of the first batches, then one that is missing."""
    self.calls = getattr(self, "calls", 0) + 1
    return [float(sample.image.sum()) for sample in samples[self.calls > 2 :]]


FAILURES = {
    "in the constructor": (Slope, {"__init__": raising}, r"failing: the constructor raised ZeroDivisionError: oh"),
    "in training": (Slope, {"fit": raising}, r"failing: fit\(\) raised ZeroDivisionError: oh"),
    "when its state is taken": (Slope, {"state": raising}, r"failing: state\(\) raised ZeroDivisionError: oh"),
    "when it scores": (Contrast, {"score": raising}, r"failing: score\(\) raised ZeroDivisionError: oh"),
    "in a later batch": (Contrast, {"score": late}, r"failing: returned \(63,\) scores for 64 samples"),
    "with no number": (
        Contrast,
        {"score": lambda self, samples: [float("nan")] * len(samples)},
        r"failing: the score of .*, jpeg \d+ is not finite; the run is void",
    ),
    "when it scores again": (
        Contrast,
        {"score": lambda self, samples: np.random.default_rng().random(len(samples))},
        "failing: the score of .* standard deviation apart",
    ),
    "with formats that it cannot read": (
        Contrast,
        {"formats": {"WEBP"}},
        "failing: reads WEBP only; tiny has images of",
    ),
    "with a context that is no context": (
        Contrast,
        {"__init__": lambda self, context: setattr(self, "context", None)},
        "failing: a second one of the same state raised AttributeError",
    ),
}


@pytest.mark.parametrize("moment", FAILURES)
def test_the_failure_of_one_stops_no_other(moment, tiny, workspace):
    """Wherever a predictor fails, its name and cause are its result, and the others earn what they earn without it."""
    base, methods, message = FAILURES[moment]
    failing = type("Failing", (base,), methods)
    first, failure, last = together([Contrast, failing, Length], tiny, workspace, labels="zoo:resnet")
    assert isinstance(failure, PredictorError)
    with pytest.raises(PredictorError, match=message):
        raise failure
    assert (first.predictor, last.predictor) == ("contrast", "length")
    stored = {path.name for path in (workspace.results / "tiny" / "scores").iterdir()}
    assert stored == {"contrast.parquet", "length.parquet"}


def test_when_all_have_failed_no_more_images_are_made(tiny, decodings):
    """A pass ends with the batch in which its last predictor fails."""
    kind = type("Failing", (Contrast,), {"score": raising})
    results = score_rows(entrants_of(kind), tiny.indexed)
    assert isinstance(results["Failing"], PredictorError)
    assert decodings.total() == BATCH


def test_what_is_wrong_with_an_image_is_told_of_all(tiny, workspace, monkeypatch):
    """Where an image cannot be read, every predictor fails with that error, and what looks at no image does not."""

    def unreadable(source):
        raise DataError(f"{source}: not a readable image")

    monkeypatch.setattr(tiny.indexed.dataset.dataset, "read", unreadable)
    *results, rival = together([*KINDS, "condition"], tiny, workspace)
    assert [type(result) for result in results] == [DataError] * 3
    assert rival.track == "informed"


class Spoiling(benchmark.Predictor):
    """Paints over all that it is given, with each library in its turn."""

    needs = {"reference"}  # noqa: RUF012

    def score(self, samples):
        scores = [float(sample.image.float().mean()) for sample in samples]
        for sample in samples:
            sample.image.zero_()
            sample.reference.numpy()[:] = 255
        samples.clear()
        return scores


def test_nobody_sees_what_another_painted_over(tiny):
    """A predictor that changes its samples in place changes no pixel, reference or bitstream of those that score after it."""
    results = score_rows(entrants_of(Spoiling, *KINDS), tiny.indexed)
    for kind in KINDS:
        assert np.array_equal(results[kind.__name__].scores, scores_alone(kind, tiny))
    assert isinstance(results["Spoiling"], PredictorError)  # it ate its list of samples


def test_narrowed_samples_have_memory_of_their_own():
    """A narrowed sample has equal tensors of equal strides on other memory, and the same bytes, where they are asked for."""
    image = torch.arange(60, dtype=torch.uint8).reshape(4, 5, 3).permute(2, 0, 1)
    sample = Sample(image, image + 1, b"bits")
    [whole], [bare] = narrowed([sample], {"reference", "bitstream"}), narrowed([sample], ())
    for copy, original in ((whole.image, image), (whole.reference, sample.reference), (bare.image, image)):
        assert torch.equal(copy, original)
        assert copy.stride() == original.stride()
        assert copy.data_ptr() != original.data_ptr()
    assert whole.bitstream is sample.bitstream
    assert bare.reference is bare.bitstream is None


def test_stored_scores_are_not_made_again(tiny, workspace):
    """Of predictors that are evaluated together, only those whose scores are not stored score."""
    calls = Counter()

    class Stored(Contrast):
        def score(self, samples):
            calls[type(self)] += len(samples)
            return super().score(samples)

    class New(Contrast):
        def score(self, samples):
            calls[type(self)] += len(samples)
            return super().score(samples)

    [first] = together([Stored], tiny, workspace)
    before = calls[Stored]
    assert together([Stored, New, Stored], tiny, workspace)[::2] == [first, first]
    assert calls == {Stored: before, New: before}


def test_one_run_serves_all_label_sets(tiny, workspace, decodings):
    """A predictor that does not learn is scored once for all label sets, even where none of its scores is stored yet."""
    pairs = [(kind, labels) for labels in tiny.suite.label_sets for kind in KINDS]
    cards = list(evaluate_together(pairs, tiny, workspace))
    assert [(card.predictor, card.labels) for card in cards] == [
        (kind.__name__.lower(), labels) for kind, labels in pairs
    ]
    assert decodings.total() == tiny.indexed.scored_rows.height + BATCH


def test_seeds_of_one_training_are_kept_whatever_label_set_asks(tiny, tiny_det, workspace):
    """Trained on another suite, a predictor has the same scores on all label sets: three seeds are not replaced by one."""
    pairs = [(Slope, labels) for labels in tiny.suite.label_sets]
    cards = list(evaluate_together(pairs, tiny, workspace, train_on=tiny_det.suite))
    assert [card.seeds for card in cards] == [(0, 1, 2)] * 3
    scores, _ = read_table(workspace.results / "tiny" / "scores" / "slope@tiny-det.combined.parquet")
    assert scores["seed"].unique().sort().to_list() == [0, 1, 2]


def test_the_order_is_drawn_when_all_are_trained(tiny, workspace, monkeypatch):
    """The secret of a pass is drawn once, after the last training of the pass."""
    events, draw = [], scoring.secrets.token_hex

    class Noting(Slope):
        def fit(self, train, validation):
            events.append("fit")
            super().fit(train, validation)

    other = type("Other", (Noting,), {})
    monkeypatch.setattr(scoring.secrets, "token_hex", lambda: events.append("secret") or draw())
    together([Noting, other], tiny, workspace, labels="zoo:resnet")
    assert events == ["fit", "fit", "secret"]


def test_a_pass_holds_so_many_predictors_at_most(tiny, workspace, monkeypatch):
    """Of more runs than may score together, some wait for a later pass; the results come in order all the same."""
    sizes, score = [], scoring.score_rows
    monkeypatch.setattr(plans, "TOGETHER", 2)
    monkeypatch.setattr(
        scoring, "score_rows", lambda entrants, *given: sizes.append(len(entrants)) or score(entrants, *given)
    )
    failing = type("Failing", (Slope,), {"score": raising})
    drawn, failure, *cards = together([Drawn, failing, *KINDS], tiny, workspace)
    assert max(sizes) == 2
    assert sum(sizes) == 3 + 1 + 3  # seeds of what has failed are not tried, but for those of the same pass
    assert drawn.seeds == (0, 1, 2)
    assert isinstance(failure, PredictorError)
    assert [card.predictor for card in cards] == ["contrast", "length", "distance"]


def test_a_card_is_there_before_the_next_pass(tiny, workspace, monkeypatch):
    """What a pass has finished is stored and handed out before the images are read again."""
    monkeypatch.setattr(plans, "TOGETHER", 1)
    results = evaluate_together([(Contrast, "combined"), (Length, "combined")], tiny, workspace)
    folder = workspace.results / "tiny" / "cards" / "combined"
    assert next(results).predictor == "contrast"
    assert [path.name for path in folder.glob("*.json")] == ["contrast.json"]
    assert next(results).predictor == "length"


def test_a_pass_that_is_stopped_keeps_what_was_trained(tiny, workspace):
    """A run that is interrupted while it scores has stored its trainings and no scores."""

    def interrupted(self, samples):
        raise KeyboardInterrupt

    stopping = type("Stopping", (Contrast,), {"score": interrupted})
    with pytest.raises(KeyboardInterrupt):
        together([Slope, stopping], tiny, workspace, labels="zoo:resnet")
    assert len(list((workspace.cache / "predictors").iterdir())) == 1
    assert not (workspace.results / "tiny" / "scores").exists()


def test_cost_is_that_of_the_predictor_alone(tiny):
    """The seconds of a slow predictor are not those of the one beside it."""

    class Slow(Contrast):
        def score(self, samples):
            time.sleep(0.1)
            return super().score(samples)

    results = score_rows(entrants_of(Length, Slow), tiny.indexed)
    batches = -(-tiny.indexed.scored_rows.height // BATCH)
    assert results["Slow"].seconds > 0.1 * batches
    assert results["Length"].seconds < 0.1 * batches


def test_strangers_share_the_canary(tiny, workspace, tmp_path, monkeypatch):
    """Predictors of other people score the cropped images of one pass, and each has a canary of its own."""
    calls, score = [], passes.score_images

    def noted(entrants, *given, **options):
        calls.append((len(entrants), options["what"]))
        return score(entrants, *given, **options)

    for module in ("scoring", "canary"):
        monkeypatch.setattr(f"benchmark.evaluation.{module}.score_images", noted)
    files = [predictor_file(tmp_path, name=name) for name in ("mine", "yours")]
    *cards, own = together([*files, Contrast], tiny, workspace)
    assert calls == [(3, "tiny"), (2, "cropped images of tiny")]
    assert [len(card.provenance.canary) for card in (*cards, own)] == [1, 1, 0]
    assert cards[0].metrics == cards[1].metrics == own.metrics


def test_progress_names_the_predictor_or_their_number(tiny, caplog):
    """One predictor is called by its name, whatever its seeds, and several are counted."""
    seeds = {seed: Entrant.of("contrast", Contrast(benchmark.Context(seed=seed))) for seed in range(2)}
    caplog.set_level("INFO", "benchmark")
    score_rows(seeds, tiny.indexed)
    score_rows(entrants_of(*KINDS), tiny.indexed)
    assert [message.split(":")[0] for message in caplog.messages] == ["contrast scores tiny", "3 predictors score tiny"]


def test_two_predictors_of_one_name_are_not_evaluated_together(tiny, workspace, tmp_path):
    """The results of one would replace those of the other, so the second is refused; the same one twice is not."""
    other = type("Contrast", (Length,), {})
    first, refused, again = together([Contrast, other, Contrast], tiny, workspace)
    assert first == again
    with pytest.raises(
        PredictorError, match=r"^contrast: another predictor of this name is evaluated at the same time"
    ):
        raise refused


def test_names_that_look_alike_are_not_stored_together(tiny, workspace):
    """Of two new predictors whose names look alike, the second is refused as if the results of the first were stored."""
    alike = [type(name, (Contrast,), {}) for name in ("Mine", "M1ne")]
    card, refused = together(alike, tiny, workspace)
    assert card.predictor == "mine"
    with pytest.raises(PredictorError, match=r"^m1ne: looks like mine, of which"):
        raise refused
