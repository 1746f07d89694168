"""The app: an examination against plain loops, its limits and texts, and what is ready here. `test_app_page` has the page."""

import dataclasses
import importlib
import io
import re
import shutil
import socket

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.isotonic import IsotonicRegression

from benchmark.app.boards import EVERY, find_boards
from benchmark.app.examination import examine
from benchmark.app.page import Service, Session, first_level, look, take
from benchmark.app.readiness import default_network, ready_codecs, ready_judges, ready_predictors
from benchmark.app.records import Judges, Photograph, read_photograph
from benchmark.app.server import listening
from benchmark.app.view import examination_html, message_html
from benchmark.cli.main import main
from benchmark.core.errors import BenchmarkError, DataError, NetworkError, PredictorError, ResultError
from benchmark.core.images import to_tensor
from benchmark.core.types import Condition, Sample
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.distortions import decoded, encoded, find_distortion
from benchmark.plugins.networks import load
from benchmark.suites.loading import load_suite

NAMES = ("bits_per_pixel", "dct_statistics", "jpeg_quality", "ssim")
HOSTILE = "<img src=x onerror=alert(1)>${1+1}{{2+2}}\u202e"


@pytest.fixture(scope="module")
def suite_file(tiny_file):
    """The small suite, by the path of its file."""
    return str(tiny_file)


@pytest.fixture(scope="module")
def workspace(tiny, tiny_workspace, tmp_path_factory):
    """Folders with the small suite's outcomes, on which four baselines and `chance` were evaluated."""
    folder = tmp_path_factory.mktemp("app")
    workspace = Workspace(None, None, folder / "cache", folder / "results", chosen_device="cpu")
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", workspace.results / "tiny" / "outcomes")
    for name in (*NAMES, "chance"):
        evaluate(name, tiny.suite, workspace=workspace, truth=tiny)
    return workspace


@pytest.fixture(scope="module")
def judges(workspace, suite_file):
    """Two classifiers of letters, and the four baselines."""
    return ready_judges(["zoo:vgg", "zoo:resnet"], [], suite_file, workspace)


@pytest.fixture(scope="module")
def letter(tiny):
    """A letter as a PNG file of a person."""
    file = io.BytesIO()
    Image.fromarray(tiny.indexed.dataset.read("test-00003")).save(file, "PNG")
    return read_photograph(file.getvalue(), "letter.png")


@pytest.mark.parametrize("codec", ["jpeg", "webp"])
def test_an_examination_is_that_of_a_plain_loop(codec, letter, judges, tiny):
    """Sizes, classes, decisions, scores and probabilities are those computed one by one, at every level."""
    examination, distortion = examine(letter, Condition(codec, 7), judges), find_distortion(codec)
    levels = [step.level for step in examination.steps]
    assert levels == sorted(levels, reverse=True)
    assert 7 in levels
    assert len(levels) == 9
    for step in examination.steps:
        bitstream = encoded(distortion, letter.pixels, step.level, "x")
        assert step.size == len(bitstream)
        image = decoded(distortion, bitstream, "x")
        for network, answer in zip(judges.networks, step.answers, strict=True):
            with torch.inference_mode():
                before, after = (network.answer([to_tensor(p)], "cpu")[0] for p in (letter.pixels, image))
            probabilities = after.softmax(0) if network.logits else after
            order = probabilities.argsort(descending=True)[:3].tolist()
            assert [finding.name for finding in answer.findings] == [str(number) for number in order]
            assert answer.findings[0].confidence == pytest.approx(float(probabilities.max()), abs=1e-5)
            assert answer.kept == (int(before.argmax()) == int(after.argmax()))
        for ready, verdict in zip(judges.predictors, step.verdicts, strict=True):
            if codec == "webp" and "bitstream" in ready.predictor.needs:
                assert verdict.score is None
                assert verdict.remark == f"{ready.name}: reads JPEG only, and not webp"
                continue
            sample = Sample(to_tensor(image), to_tensor(letter.pixels), bitstream)
            (score,) = ready.predictor.score([sample])
            assert verdict.score == pytest.approx(score, rel=1e-6)
            assert verdict.useful == (score >= ready.threshold)
            rows = ready.validation()
            rows = rows.filter(rows["label"] >= 0)
            fit = IsotonicRegression(out_of_bounds="clip").fit(rows["score"], rows["label"])
            assert verdict.probability == pytest.approx(float(fit.predict([score])[0]))
            assert ("the file is WEBP" in verdict.remark) == (codec == "webp")
    assert np.array_equal(examination.compressed, decoded(distortion, encoded(distortion, letter.pixels, 7, "x"), "x"))
    assert examination.share == examination.step.size / letter.size
    for number, network in enumerate(judges.networks):
        changed = [step.level for step in examination.steps if not step.answers[number].kept]
        assert examination.flips[network.name] == (max(changed) if changed else None)


def overlap(first, second):
    """Intersection over union of two boxes."""
    left, top = max(first[0], second[0]), max(first[1], second[1])
    right, bottom = min(first[2], second[2]), min(first[3], second[3])
    both = max(0, right - left) * max(0, bottom - top)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return both / (sum(areas) - both)


def test_a_detector_keeps_its_decision_where_it_finds_half_of_its_objects_again():
    """Boxes are in px of the photograph, and a decision is kept where a plain search finds half of the objects."""
    network = load("zoo:ssd_resnext", None)
    dataset = open_dataset({"name": "glyph-scenes", "train": 1, "validation": 1, "test": 24}, None)
    outcomes = set()
    for source in dataset.sources()[-5:]:
        photograph = Photograph("scene.png", 9000, dataset.read(source.id))
        examination = examine(photograph, Condition("jpeg", 3), Judges((network,), (), "cpu"))
        (original,) = examination.originals
        (answer,) = network.answer([to_tensor(photograph.pixels)], "cpu")
        clear = answer[1] >= 0.5
        boxes = network.preprocessing.locate(answer[0], photograph.pixels.shape[:2], photograph.pixels.shape[:2])
        shown = np.array([finding.box for finding in original.findings]).reshape(-1, 4)
        assert shown == pytest.approx(boxes[clear].numpy(), abs=1 / 16 + 1e-3)
        for step in examination.steps:
            again = sum(
                any(
                    mine.name == other.name and overlap(mine.box, other.box) >= 0.5
                    for other in step.answers[0].findings
                )
                for mine in original.findings
            )
            assert step.answers[0].kept == (2 * again >= len(original.findings) if original.findings else None)
            outcomes.add(step.answers[0].kept)
        pictures = examination_html(examination, "tiny").partition("What the networks say")[0]
        boxes = [*original.findings, *examination.step.answers[0].findings]
        assert pictures.count("<rect") == len(boxes)
    assert {True, False} <= outcomes


def test_answers_of_an_earlier_examination_are_taken_over(letter, judges):
    """Another level of the same codec asks for that level alone, another codec not for the original, with the same result."""
    asked = []
    network = judges.networks[0]

    def forward(batch):
        asked.append(len(batch))
        return network.forward(batch)

    counting = dataclasses.replace(judges, networks=(dataclasses.replace(network, forward=forward),), predictors=())
    first = examine(letter, Condition("jpeg", 40), counting)
    assert len(asked) == 1 + 8
    second = examine(letter, Condition("jpeg", 12), counting, earlier=first)
    assert len(asked) == 1 + 8 + 1
    assert second.flips == examine(letter, Condition("jpeg", 12), counting).flips
    asked.clear()
    assert examine(letter, Condition("webp", 50), counting, earlier=second).originals == first.originals
    assert len(asked) == 8


def test_a_full_reference_predictor_gets_the_original(letter, workspace, suite_file):
    """An image that lost hardly anything is compared with the photograph itself, so that its similarity is nearly 1."""
    judges = ready_judges(["zoo:vgg"], ["ssim"], suite_file, workspace)
    steps = examine(letter, Condition("jpeg444", 95), judges).steps
    scores = [step.verdicts[0].score for step in steps]
    assert scores[0] > 0.97
    assert scores == sorted(scores, reverse=True)


def png(width, height):
    """A PNG file of this size."""
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no image", "a.png: not a readable image (of no kind that Pillow knows)"),
        (b"", "a.png: not a readable image (of no kind that Pillow knows)"),
        (bytes(21 * 2**20), "a.png: a file of 21.0 MB; at most 20 MB are taken"),
        (png(6000, 5000), "a.png: 6000 x 5000 px are 30.0 megapixels; at most 25 are taken"),
        (png(300, 300)[:60], "a.png: not a readable image"),
    ],
    ids=["text", "nothing", "large file", "many pixels", "truncated"],
)
def test_what_cannot_be_taken_is_told(data, message):
    """A file that is no image or is too large is refused in one line that says what is valid."""
    with pytest.raises(DataError, match=re.escape(message)):
        read_photograph(data, "a.png")


def test_limits_of_codecs_are_messages(judges):
    """A photograph that a codec cannot hold, or a level that it has not, is told and is no traceback; the session goes on."""
    service = Service(judges, "tiny")
    service.sessions["tab"] = wide = Session(read_photograph(png(17000, 8), "wide.png"))
    message, result = look(service, "tab", "webp", 50, progress)
    assert service.sessions["tab"] is wide
    assert result == ""
    assert "wide.png: webp cannot encode 17000 x 8 px at level 50; a side may have at most 16383 px" in message
    for level in (400, None):
        message, _ = look(service, "tab", "jpeg", level, progress)
        assert "valid are levels 1 to 95" in message


def progress(*_, **__):
    """Shows no progress."""


def test_a_photograph_is_forgotten_when_its_tab_is_closed(letter, judges):
    """Nothing is kept of a tab that was closed, not even where it is closed during an examination; others keep theirs."""
    service = Service(dataclasses.replace(judges, predictors=()), "tiny")
    service.sessions.update({"a": Session(letter), "b": Session(letter)})
    assert "letter.png as jpeg 50" in look(service, "a", "jpeg", 50, lambda *_, **__: service.forget("a"))[1]
    assert list(service.sessions) == ["b"]
    assert "Drop a photograph" in look(service, "a", "jpeg", 50, progress)[1]


class Failing:
    """Fails on every sample."""

    needs: frozenset[str] = frozenset()

    def score(self, samples):
        raise ValueError("no such thing")


def test_a_predictor_that_fails_does_not_lose_the_others(letter, judges):
    """Its row says why, and the others have their scores."""
    first, *others = judges.predictors
    broken = dataclasses.replace(first, predictor=Failing())
    steps = examine(letter, Condition("jpeg", 50), dataclasses.replace(judges, predictors=(broken, *others))).steps
    assert steps[0].verdicts[0].score is None
    assert "no such thing" in steps[0].verdicts[0].remark
    assert all(verdict.score is not None for verdict in steps[0].verdicts[1:])


def test_the_page_tells_what_the_examination_holds(letter, judges):
    """Bytes, share, every network, predictor and level stand in the text; names of files and classes become no markup."""
    hostile = dataclasses.replace(letter, name=HOSTILE)
    examination = examine(hostile, Condition("jpeg", 5), judges)
    page = examination_html(examination, "tiny")
    assert f"{examination.step.size:,} bytes" in page
    assert "<img src" not in page
    assert "\u202e" not in page
    for name in ("zoo:vgg", "zoo:resnet", *NAMES):
        assert page.count(f'<th scope="row">{name}</th>') == 1
    assert all(f'<th scope="row">{step.level}</th>' in page for step in examination.steps)
    assert page.count('class="chosen"') == 1
    assert page.count("data:image/png;base64,") == 2
    assert "<img" not in message_html(HOSTILE)
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)


def test_what_is_ready_is_asked_by_default(workspace, suite_file, judges):
    """All predictors with a scorecard and a training are asked, chance and rivals are not; a named one must be ready."""
    assert tuple(ready.name for ready in judges.predictors) == NAMES
    bare = dataclasses.replace(workspace, cache=workspace.cache / "none", published=None)
    shutil.copytree(workspace.results, bare.cache / "results")
    bare = dataclasses.replace(bare, results=bare.cache / "results")
    shutil.rmtree(bare.results / "tiny" / "trained")
    names = [ready.name for ready in ready_predictors(load_suite(suite_file), suite_file, bare)]
    assert names == ["bits_per_pixel", "jpeg_quality", "ssim"]
    with pytest.raises(ResultError, match="dct_statistics was not trained"):
        ready_judges(["zoo:vgg"], ["dct_statistics"], suite_file, bare)
    with pytest.raises(PredictorError, match="no predictor 'nosuch'"):
        ready_judges(["zoo:vgg"], ["nosuch"], suite_file, workspace)


def test_a_metric_of_another_package_is_ready_by_its_name(workspace, suite_file, tiny, tmp_path):
    """Files of its results have another name than `iqa:psnr` itself, by which it is found."""
    pytest.importorskip("piq", reason="piq is not installed (extra `adapters`)")
    shutil.copytree(workspace.results, tmp_path / "results")
    own = dataclasses.replace(workspace, results=tmp_path / "results")
    evaluate("iqa:psnr", tiny.suite, workspace=own, truth=tiny)
    assert "iqa:psnr" in [ready.name for ready in ready_predictors(load_suite(suite_file), suite_file, own)]


def test_a_network_for_photographs_is_asked_for_where_none_is_here(workspace):
    """Networks of letters are not offered for photographs; without weights the message names the option."""
    with pytest.raises(NetworkError, match="read letters, and no photographs; name one with --network"):
        default_network(load_suite("glyphs"), workspace)
    with pytest.raises(NetworkError, match=r"no network of coco-lite is on this machine .* with --network"):
        default_network(load_suite("coco-lite"), workspace)


def test_codecs_that_can_encode_are_offered():
    """Those of the base installation come first, and no camera fault is among them; each first level is one of its levels."""
    codecs = ready_codecs()
    assert codecs[:5] == ("jpeg", "jpeg444", "webp", "avif", "jpeg2000")
    assert "motion_blur" not in codecs
    assert all(find_distortion(codec).kind == "codec" for codec in codecs)
    assert all(first_level(codec) in find_distortion(codec).levels for codec in codecs)


def test_boards_are_the_users_own_and_then_the_published_ones(tmp_path):
    """A board of the results folder wins over the published one; links to files beside it become plain text."""
    for root, text in (
        ("own", "mine, [whole](glyphs/x.md) ![f](f.png) [doi](https://doi.org/1)"),
        ("published", "theirs"),
    ):
        for suite in ("glyphs", "other") if root == "published" else ("glyphs",):
            (tmp_path / root / suite / "cards").mkdir(parents=True)
            (tmp_path / root / suite / "leaderboard.md").write_text(text)
    (tmp_path / "published" / "boards.md").write_text("all")
    (tmp_path / "own" / "glyphs" / "index.html").write_text("page")
    workspace = Workspace(None, None, tmp_path, tmp_path / "own", published=tmp_path / "published")
    boards = {board.name: board for board in find_boards(workspace)}
    assert set(boards) == {"glyphs", "other", EVERY}
    assert boards["glyphs"].text == "mine, whole f [doi](https://doi.org/1)"
    assert boards["glyphs"].page == "glyphs/index.html"
    assert (boards["other"].text, boards["other"].page) == ("theirs", "")


def test_an_upload_is_removed_when_it_is_read(tmp_path):
    """The file and its folder are gone, whether it was an image or not."""
    for name, data in (("a.png", png(8, 8)), ("b.png", b"none")):
        upload = tmp_path / name[0] / name
        upload.parent.mkdir()
        upload.write_bytes(data)
        try:
            assert take(str(upload), tmp_path).pixels.shape == (8, 8, 3)
        except DataError as error:
            assert str(error).startswith("b.png: not a readable image")
        assert not list(tmp_path.iterdir())


def test_it_listens_on_this_machine_alone():
    """The socket is of 127.0.0.1; the next server takes the next port, and a port that is taken is told."""
    with listening(0) as first, listening(0) as second:
        (host, port), (_, other) = first.getsockname(), second.getsockname()
        assert host == "127.0.0.1"
        assert 7860 <= port < other
        with pytest.raises(BenchmarkError, match=rf"port {port} cannot be used \(.*\); --port names another one"):
            listening(port)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=5)


def test_without_gradio_one_line_names_the_extra(monkeypatch, capsys, tmp_path):
    """A missing extra is told in one line before anything is loaded."""
    original = importlib.import_module

    def without(name, package=None):
        if name == "gradio":
            raise ModuleNotFoundError("No module named 'gradio'")
        return original(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    assert main(["app", "--results", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told == "utilbench: the app needs Gradio (No module named 'gradio'); pip install 'utilbench[app]'\n"


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_is_a_number(port, capsys):
    """What is no port is wrong usage."""
    with pytest.raises(SystemExit) as caught:
        main(["app", "--port", port])
    assert caught.value.code == 2
    assert f"'{port}' is no " in capsys.readouterr().err
