"""A predictor that was evaluated scores a person's own images."""

import csv
import io
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.isotonic import IsotonicRegression

import benchmark
from benchmark.cli.main import main
from benchmark.core import errors
from benchmark.core.errors import DataError, PredictorError, ResultError
from benchmark.core.photographs import image_files
from benchmark.core.workspace import Workspace
from benchmark.deployment.calibration import threshold_of_fraction
from benchmark.deployment.inference import InferencePredictor
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.training import load_trained, packaged_file, read_state, write_state
from benchmark.plugins.distortions import encode_jpeg
from benchmark.plugins.predictors.base import Context
from benchmark.plugins.predictors.resolve import resolve_predictor
from benchmark.suites.results_folder import file_stem
from tests.conftest import workspace_in

pytestmark = pytest.mark.usefixtures("in_this_process")
BRIGHT = """
import torch
import benchmark

class Bright(benchmark.LearnedPredictor):
    "Brightness, its sign learned."

    def fit(self, train, validation):
        self.sign = torch.tensor([1.0 if train[0].label else -1.0])

    def score(self, samples):
        return [float(self.sign) * float(sample.image.float().mean()) for sample in samples]

    def state(self):
        return {"sign": self.sign}

    def load_state(self, state):
        self.sign = state["sign"]
"""

SUM = """
import benchmark

class Sum(benchmark.Predictor):
    def score(self, samples):
        return [float(sample.image.sum()) for sample in samples]
"""


@pytest.fixture
def workspace(tiny, tiny_workspace, tmp_path):
    """Folders of its own, with the small suite's outcomes."""
    fresh = Workspace(
        data=None, networks=None, cache=tmp_path / "cache", results=tmp_path / "results", chosen_device="cpu"
    )
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", fresh.results / "tiny" / "outcomes")
    return fresh


@pytest.fixture
def photos(tiny, tmp_path):
    """A folder with two JPEG files, one of them in a folder below, and a text."""
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    for name, quality in (("a.jpg", 90), ("below/b.jpg", 3)):
        (folder / name).write_bytes(encode_jpeg(tiny.indexed.dataset.read("test-00000"), quality))
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_trained_predictor_scores_files(tiny, tiny_file, workspace, photos, tmp_path):
    """Scores are those of the trained predictor, and useful is what reaches the frozen threshold."""
    file = tmp_path / "bright.py"
    file.write_text(BRIGHT)
    card = evaluate(str(file), tiny.suite, workspace=workspace, truth=tiny)
    ready = benchmark.load_predictor(str(file), suite=str(tiny_file), workspace=workspace)
    found = list(ready.score_files(image_files([str(photos)])))
    assert [row.file.name for row in found] == ["a.jpg", "b.jpg"]
    assert ready.threshold == pytest.approx(card.threshold[0], abs=1e-6)
    for row in found:
        with Image.open(row.file) as image:
            mean = torch.tensor(list(image.convert("RGB").tobytes())).float().mean()
        assert abs(row.score) == pytest.approx(float(mean), rel=1e-5)
        assert row.useful == (row.score >= ready.threshold)


def test_one_that_was_never_trained_here_says_how(tiny, tiny_file, workspace, tmp_path):
    """Without a scorecard, or without the trained state, the message is the command that makes it."""
    file = tmp_path / "bright.py"
    file.write_text(BRIGHT)
    with pytest.raises(ResultError, match=r"no scorecard .*utilbench run .*bright\.py -s"):
        benchmark.load_predictor(str(file), suite=str(tiny_file), workspace=workspace)
    evaluate(str(file), tiny.suite, workspace=workspace, truth=tiny, seeds=[0])
    shutil.rmtree(workspace.cache / "predictors")
    benchmark.load_predictor(
        str(file), suite=str(tiny_file), workspace=workspace
    )  # a small state lies beside the results too
    shutil.rmtree(workspace.results / "tiny" / "trained")
    with pytest.raises(
        ResultError, match=r"was not trained .*; `utilbench run .* --seeds 2` trains it with one seed more"
    ):
        benchmark.load_predictor(str(file), suite=str(tiny_file), workspace=workspace)
    card = evaluate(str(file), tiny.suite, workspace=workspace, truth=tiny, seeds=range(2))
    ready = benchmark.load_predictor(str(file), suite=str(tiny_file), workspace=workspace)
    assert card.seeds == (0, 1)
    assert ready.threshold == card.threshold[1]


def test_weights_of_the_package_score_but_do_not_make_scorecards(
    tiny, tiny_file, workspace, photos, tmp_path, monkeypatch
):
    """Rounded weights are for a person's images; `run` trains again, since their scores are not quite the published ones."""
    file = tmp_path / "bright.py"
    file.write_text(BRIGHT.replace("1.0", "1.0003"))
    card = evaluate(str(file), tiny.suite, workspace=workspace, truth=tiny, seeds=[0])
    spec = resolve_predictor(str(file))
    beside = workspace.results / "tiny" / "trained" / f"{file_stem('bright', card.trained_on)}.0.safetensors"
    notes, state = read_state(beside)
    monkeypatch.setattr("benchmark.evaluation.training.baselines_folder", lambda: tmp_path / "package")
    write_state(packaged_file(spec, card.trained_on, 0), {name: value.half() for name, value in state.items()}, notes)

    def scores():
        predictor = benchmark.load_predictor(str(file), suite=str(tiny_file), workspace=workspace)
        return [row.score for row in predictor.score_files(image_files([str(photos)]))]

    exact = scores()
    shutil.rmtree(workspace.cache / "predictors")
    shutil.rmtree(workspace.results / "tiny" / "trained")
    rounded = scores()
    assert rounded == pytest.approx(exact, rel=1e-3)
    assert rounded != exact
    assert load_trained(spec.kind(Context()), spec, card.trained_on, workspace) is None
    evaluate(str(file), tiny.suite, workspace=workspace, truth=tiny, seeds=range(2))
    another = benchmark.load_predictor(str(file), suite=str(tiny_file), workspace=workspace)
    assert another.predictor.context.seed == 1, "an exact training is better than a rounded one of an earlier seed"


@pytest.fixture(scope="module")
def evaluated(tiny, tiny_workspace, tmp_path_factory):
    """Results of two baselines on the small suite, which `score` only reads."""
    workspace = workspace_in(tmp_path_factory.mktemp("evaluated"))
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", workspace.results / "tiny" / "outcomes")
    for name in ("jpeg_quality", "ssim"):
        evaluate(name, tiny.suite, workspace=workspace, truth=tiny)
    return workspace


@pytest.fixture
def judged(evaluated, tiny_file, monkeypatch):
    """Arguments of the command line for the small suite, on which two baselines were evaluated."""
    monkeypatch.setenv("UTILBENCH_CACHE", str(evaluated.cache))
    return ["-s", str(tiny_file), "--results", str(evaluated.results)]


def test_the_verb_writes_csv_and_json(judged, photos, capsys):
    """Both tell file, score and decision: the quality of each JPEG file, read from its own bytes."""
    assert main(["score", "jpeg_quality", str(photos), *judged]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["file"], row["score"]) for row in rows] == [
        (str(photos / "a.jpg"), "90"), (str(photos / "below" / "b.jpg"), "3")
    ]  # fmt: skip
    assert [row["useful"] for row in rows] == ["1", "0"]
    assert main(["score", "jpeg_quality", str(photos), "--json", *judged]) == 0
    assert [row["useful"] for row in json.loads(capsys.readouterr().out)] == [True, False]


@pytest.mark.parametrize(
    ("aim", "useful"),
    [
        (["--keep-fraction", "0.4", "--of", "suite"], ["1", "0"]),
        (["--keep-bits", "1e9"], ["1", "1"]),
    ],
)
def test_the_threshold_may_be_chosen_for_an_aim(aim, useful, judged, photos, capsys):
    """A kept fraction or bit budget replaces the frozen threshold, and its interval is told beside the table."""
    assert main(["score", "jpeg_quality", str(photos / "a.jpg"), str(photos / "below"), *aim, *judged]) == 0
    told = capsys.readouterr()
    assert [row["useful"] for row in csv.DictReader(io.StringIO(told.out))] == useful
    assert "validation: threshold" in told.err
    assert " to " in told.err


def test_a_fraction_is_one_of_these_files(judged, photos, capsys):
    """Half of two files is one, the better one, whatever the suite's images are."""
    for fraction, useful in (("0.5", ["1", "0"]), ("1", ["1", "1"]), ("0.4", ["0", "0"])):
        assert main(["score", "jpeg_quality", str(photos), "--keep-fraction", fraction, *judged]) == 0
        assert [row["useful"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == useful


def test_probabilities_are_those_of_the_validation_labels(tiny, judged, photos, capsys):
    """The probability is the isotonic fit of the labels of the validation part, and never falls with the score."""
    assert main(["score", "jpeg_quality", str(photos), "--json", *judged]) == 0
    rows = json.loads(capsys.readouterr().out)
    labels = tiny.labelled("combined", "validation")
    fit = IsotonicRegression(out_of_bounds="clip").fit(labels["level"], labels["label"])
    expected = fit.predict([row["score"] for row in rows])
    assert [row["probability"] for row in rows] == pytest.approx(expected)
    assert expected[0] > expected[1]


def test_images_that_are_unlike_the_suite_are_told(tiny_file, judged, photos, tmp_path, capsys):
    """Scores, sizes and formats that the suite does not have are named; images of the suite bring no remark."""
    assert main(["score", "jpeg_quality", str(photos / "below"), *judged]) == 0
    assert "mean less there" not in capsys.readouterr().err
    large = tmp_path / "large"
    large.mkdir()
    Image.new("RGB", (600, 400), "red").save(large / "a.jpg", quality=95)
    assert main(["score", "jpeg_quality", str(large), *judged]) == 0
    told = capsys.readouterr().err
    assert "the score is outside 3 to 50" in told
    assert "the image is of another size than the suite's, whose shorter sides are 64 to 64 px" in told
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.png")
    assert main(["score", "ssim", str(tmp_path / "a.png"), "--reference", str(tmp_path / "a.png"), *judged]) == 0
    assert "the file is PNG; the suite's are JPEG" in capsys.readouterr().err


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.9, 1.0])
def test_no_more_than_a_fraction_is_kept_and_no_threshold_keeps_more(fraction):
    """The threshold is the lowest that keeps at most the fraction, ties included."""
    random = np.random.default_rng(1)
    for _ in range(20):
        scores = random.integers(0, 9, random.integers(1, 30)).astype(float)
        threshold = threshold_of_fraction(scores, fraction)
        assert (scores >= threshold).sum() <= fraction * len(scores) + 1e-9
        lower = scores[scores < threshold]
        if len(lower):
            assert (scores >= lower.max()).sum() > fraction * len(scores)


def test_an_aim_that_nothing_reaches_is_an_error(judged, photos, capsys):
    """The message says how far one comes, or what may be asked for."""
    assert main(["score", "jpeg_quality", str(photos), "--keep-bits", "1", *judged]) == 1
    assert "no threshold keeps bits at 1" in capsys.readouterr().err


def test_full_reference_needs_the_pristine_image(judged, photos, tiny, tmp_path, capsys):
    """It is asked for by name, may be a file or a folder, and must have the same size."""
    one = str(photos / "a.jpg")
    assert main(["score", "ssim", one, *judged]) == 1
    assert "--reference" in capsys.readouterr().err
    Image.fromarray(tiny.indexed.dataset.read("test-00000")).save(tmp_path / "pristine.png")
    assert main(["score", "ssim", one, "--reference", str(tmp_path / "pristine.png"), *judged]) == 0
    assert main(["score", "ssim", one, "--reference", str(photos), *judged]) == 0
    assert "a.jpg,1,1.0000,1" in capsys.readouterr().out
    Image.new("RGB", (9, 9)).save(tmp_path / "small.png")
    assert main(["score", "ssim", one, "--reference", str(tmp_path / "small.png"), *judged]) == 1
    assert "(64, 64) px, its reference (9, 9)" in capsys.readouterr().err


class Letters(benchmark.Predictor):
    """Scores images of 64 px and fails on all others."""

    def score(self, samples):
        return [float(sample.image.reshape(3, 64, 64).float().mean()) for sample in samples]


def test_the_file_that_a_predictor_fails_on_is_named(photos):
    """The message names predictor and file, not the others of the batch."""
    Image.new("RGB", (9, 9)).save(photos / "c.jpg")
    ready = InferencePredictor("letters", Letters(Context()), 0.5, "JPEG", pytest.fail)
    with pytest.raises(PredictorError, match=r"c\.jpg: letters: score\(\) raised RuntimeError") as error:
        list(ready.score_files(sorted(photos.glob("*.jpg"))))
    assert "a.jpg" not in str(error.value)


def test_a_threshold_of_other_code_is_not_used(tiny, tiny_file, workspace, tmp_path):
    """Once the predictor's code has changed, its scorecard's threshold is refused."""
    file = tmp_path / "mine.py"
    file.write_text(SUM)
    evaluate(str(file), tiny.suite, workspace=workspace, truth=tiny)
    file.write_text(SUM.replace("sum()", "sum() / 255"))
    with pytest.raises(ResultError, match="of other code"):
        benchmark.load_predictor(str(file), suite=str(tiny_file), workspace=workspace)


def test_no_image_is_an_error(tmp_path):
    """A missing file and a folder without images are named."""
    for path in (tmp_path, tmp_path / "gone.jpg"):
        with pytest.raises(DataError, match=f"{path}: no image there|no such file {path}"):
            image_files([str(path)])


def test_damaged_files_are_named(judged, photos, capsys):
    """A file that is no image stops the run with its name."""
    (photos / "d.jpg").write_bytes(b"nothing")
    assert main(["score", "jpeg_quality", str(photos), *judged]) == 1
    assert "d.jpg" in capsys.readouterr().err


def test_errors_are_the_projects_own():
    """All that can go wrong is a BenchmarkError."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) > 10
    assert all(issubclass(kind, benchmark.BenchmarkError) for kind in kinds)
