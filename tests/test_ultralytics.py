"""Detectors as Ultralytics exports them: every form of their output gives the detections that it says."""

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from benchmark.core.errors import NetworkError
from benchmark.core.images import to_tensor
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.networks import load, weights_here
from benchmark.plugins.networks.answers import WrongAnswer
from benchmark.plugins.networks.detector import suppress
from benchmark.plugins.networks.network import Letterbox
from benchmark.plugins.networks.ultralytics import OutputForm, anchor_count, detections, output_form
from tests.conftest import folder_with

SIDE, CLASSES = 64, 3
ANCHORS = anchor_count(SIDE)
FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
METADATA = {
    "author": "Ultralytics",
    "task": "detect",
    "names": str(dict(enumerate("abc"))),
    "imgsz": f"[{SIDE}, {SIDE}]",
}


def pooled(images):
    """What the small detector computes of images (N, 3, 64, 64) in 0..1: (N, 7, 84), as Ultralytics' exports give it.

    An anchor of each cell of three grids stands at its centre, as wide as it is; a class's score is the mean of a channel.
    """
    columns = []
    for stride in (8, 16, 32):
        score = torch.nn.functional.avg_pool2d(images, stride)
        count = SIDE // stride
        centre = (torch.arange(count) + 0.5) * stride
        y, x = torch.meshgrid(centre, centre, indexing="ij")
        box = torch.stack([x, y, torch.full_like(x, stride), torch.full_like(x, stride)])
        columns.append(torch.cat([box.expand(len(images), 4, count, count), score], 1).flatten(2))
    return torch.cat(columns, 2)


def save(path, form="raw", kind=FLOAT, batch="N", size=SIDE, metadata=None, spoil=1.0):
    """Write that detector as ONNX: raw, transposed, with objectness, or end to end."""
    boxes = pooled(torch.zeros(1, 3, SIDE, SIDE))[:, :4].numpy()
    tensors = {"boxes": boxes, "spoil": np.float32(spoil), "flat": np.int64([0, CLASSES, -1])}
    nodes = [helper.make_node("Cast", ["images"], ["x"], to=FLOAT)]
    for stride in (8, 16, 32):
        options = {"kernel_shape": [stride] * 2, "strides": [stride] * 2}
        nodes.append(helper.make_node("AveragePool", ["x"], [f"pool{stride}"], **options))
        nodes.append(helper.make_node("Reshape", [f"pool{stride}", "flat"], [f"row{stride}"]))
    nodes.append(helper.make_node("Concat", ["row8", "row16", "row32"], ["mean"], axis=2))
    nodes.append(helper.make_node("Mul", ["mean", "spoil"], ["scores"]))
    tensors |= {"zero": np.float32(0), "first": np.int64([0]), "one": np.int64([1]), "channel": np.int64([1])}
    nodes.append(helper.make_node("Slice", ["scores", "first", "one", "channel"], ["a"]))
    nodes.append(helper.make_node("Mul", ["a", "zero"], ["nothing"]))
    nodes.append(helper.make_node("Add", ["nothing", "boxes"], ["all"]))
    if form == "end to end":
        tensors |= {"corner": np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)}
        nodes += [
            helper.make_node("Add", ["nothing", "corner"], ["corners"]),
            helper.make_node("ReduceMax", ["scores"], ["best"], axes=[1], keepdims=1),
            helper.make_node("ArgMax", ["scores"], ["number"], axis=1, keepdims=1),
            helper.make_node("Cast", ["number"], ["class"], to=FLOAT),
            helper.make_node("Concat", ["corners", "best", "class"], ["columns"], axis=1),
            helper.make_node("Transpose", ["columns"], ["rows"], perm=[0, 2, 1]),
            helper.make_node("Slice", ["rows", "first", "most", "channel"], ["result"]),
        ]
        tensors["most"] = np.int64([30])
    elif form == "objectness":
        tensors["half"] = np.float32(0.5)
        nodes += [
            helper.make_node("Add", ["nothing", "half"], ["object"]),
            helper.make_node("Concat", ["all", "object", "scores"], ["cell"], axis=1),
            helper.make_node("Concat", ["cell", "cell", "cell"], ["columns"], axis=2),
            helper.make_node("Transpose", ["columns"], ["result"], perm=[0, 2, 1]),
        ]
    else:
        nodes.append(helper.make_node("Concat", ["all", "scores"], ["columns"], axis=1))
        perm = [0, 2, 1] if form == "transposed" else [0, 1, 2]
        nodes.append(helper.make_node("Transpose", ["columns"], ["result"], perm=perm))
    nodes.append(helper.make_node("Cast", ["result"], ["output0"], to=kind))
    shapes = {
        "raw": (4 + CLASSES, ANCHORS),
        "transposed": (ANCHORS, 4 + CLASSES),
        "end to end": (30, 6),
        "objectness": (3 * ANCHORS, 5 + CLASSES),
    }
    values = [
        [helper.make_tensor_value_info("images", kind, (batch, 3, size, size))],
        [helper.make_tensor_value_info("output0", kind, (batch, *shapes[form]))],
    ]
    constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()]
    graph = helper.make_graph(nodes, "g", *values, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save_model(model, str(path))
    return path


def photographs(count=6):
    """Generated images of several sizes and colours."""
    random = torch.Generator().manual_seed(0)
    sizes = [(40, 90), (128, 64), (64, 64), (33, 47), (200, 300), (17, 9)]
    coarse = [torch.rand(3, 4, 5, generator=random) for _ in range(count)]
    return [
        (torch.nn.functional.interpolate(spots[None], sizes[number % 6], mode="bilinear")[0] * 255).byte()
        for number, spots in enumerate(coarse)
    ]


def expected(images, factor=1.0):
    """The detections that torch computes, letterboxed at the centre on grey of level 114."""
    canvas = Letterbox(SIDE, letterbox="centre", grey=114)
    prepared = canvas.normalise([canvas.square(image) for image in images], "cpu")
    answers = []
    for values in pooled(prepared):
        centre, size = values[:2].T, values[2:4].T
        answers.append(suppress(torch.cat([centre - size / 2, centre + size / 2], 1) / SIDE, values[4:].T * factor))
    return answers


def assert_alike(found, reference, tolerance=1e-5):
    """Two lists of detections agree in boxes, scores and classes."""
    assert len(found) == len(reference)
    for (boxes, scores, classes), (other_boxes, other_scores, other_classes) in zip(found, reference, strict=True):
        torch.testing.assert_close(scores, other_scores, rtol=0, atol=tolerance)
        if tolerance < 1e-3:  # in half precision, scores tie
            assert classes.tolist() == other_classes.tolist()
            torch.testing.assert_close(boxes, other_boxes, rtol=0, atol=tolerance)


FORMS = {
    "raw": {},
    "raw, with metadata": {"metadata": METADATA},
    "transposed": {"form": "transposed"},
    "fixed batch of 1": {"batch": 1},
    "fixed batch of 4": {"batch": 4},
    "free size, with metadata": {"size": "S", "metadata": METADATA},
    "half precision": {"kind": HALF},
}


@pytest.mark.parametrize("case", FORMS)
def test_a_raw_export_detects_as_its_original(case, tmp_path):
    """Raw outputs, transposed or not, give what torch computes and suppresses, for images of any size, in any batch."""
    save(tmp_path / "net.onnx", **FORMS[case])
    network = load("onnx:net", tmp_path)
    assert (network.task, network.classes, network.logits) == ("detection", CLASSES, False)
    assert network.preprocessing == Letterbox(SIDE, letterbox="centre", grey=114)
    assert network.weights == weights_here("onnx:net", tmp_path)
    images = photographs()
    assert_alike(network.answer(images, "cpu"), expected(images), 2e-3 if case == "half precision" else 1e-5)


def test_objectness_multiplies_the_scores_of_yolov5(tmp_path):
    """With three anchors a cell there is a value before the scores, by which these are multiplied."""
    save(tmp_path / "net.onnx", form="objectness")
    network = load("onnx:net", tmp_path)
    images = photographs()
    assert network.classes == CLASSES
    assert_alike(network.answer(images, "cpu"), expected(images, 0.5))


@pytest.mark.parametrize("batch", ["N", 1])
def test_an_end_to_end_export_gives_its_rows(batch, tmp_path):
    """Rows of box, score and class become detections by falling score, with nothing suppressed."""
    save(tmp_path / "net.onnx", form="end to end", batch=batch)
    network = load("onnx:net", tmp_path)
    assert network.classes == 80
    images = photographs()
    prepared = network.prepared(images, "cpu")
    for (boxes, scores, classes), values in zip(network.answer(images, "cpu"), pooled(prepared), strict=True):
        values = values[:, :30]
        best, number = values[4:].max(0)
        order = best.argsort(descending=True, stable=True)
        torch.testing.assert_close(scores, best[order])
        assert classes.tolist() == number[order].tolist()
        torch.testing.assert_close((boxes[:, :2] + boxes[:, 2:]) / 2 * SIDE, values[:2].T[order])


@pytest.mark.parametrize(
    ("text", "metadata", "classes"), [("classes = 5\n", None, 5), ("", METADATA, 3), ("classes = 5\n", METADATA, 5)]
)
def test_the_number_of_classes_is_that_of_settings_or_metadata(text, metadata, classes, tmp_path):
    """A network that is end to end does not tell its number of classes; settings win over metadata, metadata over COCO."""
    save(tmp_path / "net.onnx", form="end to end", metadata=metadata)
    (tmp_path / "net.toml").write_text(text)
    assert load("onnx:net", tmp_path).classes == classes


def test_settings_change_where_an_image_lies(tmp_path):
    """A detector may want images in the corner, or stretched, on another grey."""
    save(tmp_path / "net.onnx")
    (tmp_path / "net.toml").write_text('letterbox = "corner"\ngrey = 0\n')
    assert load("onnx:net", tmp_path).preprocessing == Letterbox(SIDE, letterbox="corner", grey=0)
    (tmp_path / "net.toml").write_text('letterbox = "none"\n')
    assert load("onnx:net", tmp_path).preprocessing == Letterbox(SIDE, letterbox="", grey=114)


WRONG = {
    "another task": (
        {"metadata": METADATA | {"task": "segment"}},
        "",
        "its task is segment; valid are detect, classify",
    ),
    "other classes": ({}, "classes = 7\n", r"it answers \(2, 7, 84\) to two images; valid is .* of 7 classes"),
    "a key of classifiers": ({}, "resize = 256\n", "resize is set, but the network's task is detection"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_contradicts_a_detector_is_refused(case, tmp_path):
    """Metadata of another task, another number of classes and useless keys are named when it is loaded."""
    options, text, problem = WRONG[case]
    save(tmp_path / "net.onnx", **options)
    (tmp_path / "net.toml").write_text(text)
    with pytest.raises(NetworkError, match=problem):
        load("onnx:net", tmp_path)


@pytest.mark.parametrize("form", ["raw", "transposed", "objectness", "end to end"])
@pytest.mark.parametrize(("spoil", "reach"), [(-8.0, "-"), (40.0, ""), (float("nan"), "nan")])
def test_scores_that_are_none_name_network_and_image(form, spoil, reach, tmp_path):
    """Scores outside 0..1 and NaN stop labelling in every form, also where suppression would drop them."""
    save(tmp_path / "net.onnx", form=form, spoil=spoil)
    with pytest.raises(NetworkError, match=rf"^onnx:net: image 1 of 2: its scores reach from {reach}"):
        load("onnx:net", tmp_path).answer(photographs(2), "cpu")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((0.0, 0.0, 8.0, 8.0, 0.9, 1.5), "class of 1.5; valid are whole numbers"),
        ((0.0, 0.0, 8.0, 8.0, 0.9, float("nan")), "class of nan; valid are whole numbers"),
        ((0.0, float("nan"), 8.0, 8.0, 0.9, 1.0), r"box of \[0.0, nan"),
    ],
)
def test_rows_that_are_no_detections_are_refused(row, problem):
    """A class that is no whole number, or a box that is not finite, is an error of its image."""
    output = torch.tensor([row, (0.0, 0.0, 8.0, 8.0, 0.5, 1.0)])
    with pytest.raises(WrongAnswer, match=problem) as caught:
        detections(output, OutputForm(True, False, False, 80), SIDE, 3)
    assert caught.value.position == 3


@given(st.integers(4, 20), st.integers(3, 100), st.booleans(), st.booleans())
def test_forms_are_told_apart(count, classes, is_transposed, is_known):
    """Both orders of a raw output of three and more classes are recognised, whether or not their number is known."""
    side = 32 * count
    shape = (4 + classes, anchor_count(side))
    form = output_form(shape[::-1] if is_transposed else shape, side, classes if is_known else None)
    assert form == OutputForm(False, is_transposed, False, classes)


def test_a_transposed_output_of_two_classes_is_not_taken_for_rows_of_six():
    """Six columns are detections, unless there is a row for each anchor."""
    assert output_form((8400, 6), 640, None) == OutputForm(False, True, False, 2)
    assert output_form((6, 8400), 640, None) == OutputForm(False, False, False, 2)
    assert output_form((300, 6), 640, 2) == OutputForm(True, False, False, 2)
    assert output_form((4, 8400), 640, None) is None


def test_detections_on_open_photographs_are_those_of_torch(tmp_path):
    """On a hundred photographs, the raw, transposed and fixed exports detect what torch does."""
    dataset = open_dataset({"name": "open"}, folder_with("UTILBENCH_DATA", "open"))
    images = [to_tensor(dataset.read(source.id)) for source in dataset.sources()[:100]]
    reference = expected(images)
    for number, case in enumerate(("raw", "transposed", "fixed batch of 4")):
        save(tmp_path / f"net{number}.onnx", **FORMS[case])
        assert_alike(load(f"onnx:net{number}", tmp_path).answer(images, "cpu"), reference)
