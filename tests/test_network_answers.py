"""What a network is and answers is checked: its files, inputs and outputs, every answer, and its name among the outcomes."""

import dataclasses
import shutil

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from benchmark.core.errors import LabelError, MissingWeights, NetworkError, PluginError, SuiteError
from benchmark.core.parquet import read_table, write_table
from benchmark.core.workspace import Workspace
from benchmark.labelling import pipeline, worker
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.missing_outcomes import complete
from benchmark.labelling.outcomes import adopt, read_outcomes
from benchmark.labelling.pipeline import label
from benchmark.plugins import networks
from benchmark.plugins.networks import load, weights_here
from benchmark.plugins.networks.network import Letterbox, Network, NoResize, Preprocessing
from benchmark.plugins.networks.weights import file_digest
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import SuiteFolder

NAN, INFINITY = float("nan"), float("inf")
PHOTOGRAPHS = ["cat, level 5", "dog, level 5"]
SIDE, CLASSES, ANCHORS = 8, 3, 4
FLOAT = TensorProto.FLOAT


@pytest.fixture
def fresh(tmp_path):
    """Fresh folders for networks, results and cache."""
    (tmp_path / "networks").mkdir()
    return Workspace(None, tmp_path / "networks", tmp_path / "cache", tmp_path / "results", chosen_device="cpu")


@pytest.fixture
def published(tiny, tiny_workspace, fresh):
    """The folder of the small suite's outcomes, a copy."""
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", fresh.results / "tiny" / "outcomes")
    return SuiteFolder(fresh.results / "tiny")


def save(path, nodes, tensors, inputs, outputs, **options):
    """Write a model in ONNX; inputs and outputs are (name, type, shape)."""
    values = [[helper.make_tensor_value_info(*value) for value in side] for side in (inputs, outputs)]
    constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()]
    graph = helper.make_graph(nodes, "g", *values, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, str(path), **options)


def save_classifier(
    path, seed=0, shape=("N", 3, SIDE, SIDE), kind=FLOAT, name="images", output="probabilities", to=FLOAT, **options
):
    """Write a classifier: the mean of each channel, a matrix and a softmax."""
    nodes = [
        helper.make_node("Cast", [name], ["x"], to=FLOAT),
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2] if shape[3] == 3 else [2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "w"], ["product"]),
        helper.make_node("Softmax", ["product"], ["soft"], axis=1),
        helper.make_node("Cast", ["soft"], [output], to=to),
    ]
    w = np.random.default_rng(seed).normal(size=(3, CLASSES)).astype(np.float32)
    rows = shape[0] if len(shape) == 4 else "N"
    save(path, nodes, {"w": w}, [(name, kind, shape)], [(output, to, [rows, CLASSES])], **options)


def save_detector(path, boxes=None, scores=None, kinds=(FLOAT, FLOAT), shapes=((1, ANCHORS, 4), (1, ANCHORS, CLASSES))):
    """Write a detector that gives the same boxes and scores for every image."""
    values = {
        "b": np.tile(np.float32([0, 0, 0.5, 0.5]), (1, ANCHORS, 1)) if boxes is None else boxes,
        "s": np.full((1, ANCHORS, CLASSES), 0.5, np.float32) if scores is None else scores,
        "zero": np.float32(0),
    }
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        *[helper.make_node("Add", [name, "nothing"], [f"{name}1"]) for name in "bs"],
        helper.make_node("Cast", ["b1"], ["boxes"], to=kinds[0]),
        helper.make_node("Cast", ["s1"], ["scores"], to=kinds[1]),
    ]
    outputs = [("boxes", kinds[0], shapes[0]), ("scores", kinds[1], shapes[1])]
    save(path, nodes, values, [("images", FLOAT, [1, 3, SIDE, SIDE])], outputs)


def classifier(answers, logits=False):
    """A classifier of three classes that always answers so."""
    return Network(
        "mine:net", CLASSES, Preprocessing(SIDE, SIDE), "0" * 16, logits=logits, forward=lambda batch: answers
    )


def detecting(answers, preprocessing=None):
    """A detector of three classes that always answers so."""
    view = preprocessing or Letterbox(SIDE)
    return Network("mine:net", CLASSES, view, "0" * 16, logits=False, forward=lambda batch: answers, task="detection")


def asked(network):
    """What a network answers to two images."""
    ready = network.preprocessing.normalise([torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)] * 2, "cpu")
    return network.ask(ready, PHOTOGRAPHS)


GOOD = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])


def second(*row, kind=torch.float32):
    """The good answers, with another second row."""
    return torch.stack([GOOD[0], torch.tensor(row)]).to(kind)


WRONG_PROBABILITIES = {
    "NaN": (second(NAN, 0.5, 0.5), "from nan"),
    "infinity": (second(INFINITY, -INFINITY, 1.0), "from -inf to inf"),
    "logits": (second(-2.0, 9.0, 1.0), r"from -2 to 9 and sum to 8; valid are 0 to 1 .*logits need a softmax"),
    "small logits": (second(0.1, 0.2, 0.3), "sum to 0.6"),
    "half logits": (second(0.5, 0.5, 0.5, kind=torch.float16), "sum to 1.5"),
}
WRONG_FORMS = {
    "too few": GOOD[:1],
    "too many classes": torch.zeros(2, CLASSES + 1),
    "no batch": GOOD[0],
    "integers": torch.tensor([[1, 0, 0], [1, 0, 0]]),
    "an array": GOOD.numpy(),
    "nothing": None,
}


@pytest.mark.parametrize("case", WRONG_PROBABILITIES)
def test_wrong_probabilities_name_network_and_photograph(case):
    """Probabilities that are not finite, not in 0..1 or do not sum to 1 are an error of the second photograph."""
    answers, problem = WRONG_PROBABILITIES[case]
    with pytest.raises(NetworkError, match=rf"^mine:net: dog, level 5: .*{problem}"):
        asked(classifier(answers))


@pytest.mark.parametrize("row", [(NAN, 0.0, 1.0), (1.0, INFINITY, 2.0), (1e35, 0.0, 0.0)])
def test_wrong_logits_name_network_and_photograph(row):
    """Logits that are not finite, or too large to be divided by a temperature, are an error."""
    with pytest.raises(NetworkError, match=r"^mine:net: dog, level 5: its logits reach"):
        asked(classifier(second(*row), logits=True))


@pytest.mark.parametrize("logits", [True, False])
@pytest.mark.parametrize("case", WRONG_FORMS)
def test_answers_of_another_form_are_refused(case, logits):
    """A classifier answers floats, one row per image and one column per class."""
    with pytest.raises(NetworkError, match=r"^mine:net: cat, level 5: the answers are .*valid are floats \(2, 3\)"):
        asked(classifier(WRONG_FORMS[case], logits))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("logits", [True, False])
def test_right_answers_are_left_as_they_are(kind, logits):
    """Rounding to half precision is no fault, and the check changes nothing."""
    answers = (GOOD * 7 - 3 if logits else GOOD).to(kind)
    assert asked(classifier(answers, logits)) is answers


def detections(boxes=((0.1, 0.1, 0.5, 0.9), (0.0, 0.0, 1.0, 1.0)), scores=(0.9, 0.4), classes=(0, 2)):
    """A detector's answer to one image; by default a right one."""
    return torch.tensor(boxes).reshape(-1, 4), torch.tensor(scores), torch.tensor(classes)


NONE = torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64)
WRONG_DETECTIONS = {
    "a NaN score": (detections(scores=(NAN, 0.4)), "score of nan; valid are 0 to 1"),
    "a score above 1": (detections(scores=(3.2, 0.4)), "score of 3.2"),
    "a negative score": (detections(scores=(0.4, -0.3)), "score of -0.3"),
    "rising scores": (detections(scores=(0.4, 0.9)), "falling order"),
    "a class too high": (detections(classes=(0, CLASSES)), "class of 3; valid are 0 to 2"),
    "a negative class": (detections(classes=(-1, 0)), "class of -1"),
    "a NaN box": (detections(boxes=((0.0, 0.0, NAN, 1.0), (0.0, 0.0, 1.0, 1.0))), r"box of \[0.0, 0.0, nan, 1.0\]"),
    "an infinite box": (detections(boxes=((0.0, 0.0, 1.0, 1.0), (0.0, 0.0, INFINITY, 1.0))), "box of .*inf"),
    "a box in px": (detections(boxes=((10.0, 10.0, 50.0, 60.0), (0.0, 0.0, 1.0, 1.0))), "2 image sides outside"),
    "centre and size": (detections(boxes=((0.5, 0.5, 0.1, 0.1), (0.0, 0.0, 1.0, 1.0))), "left, top, right, bottom"),
    "classes as floats": (detections(classes=(0.0, 1.0)), r"classes integer \(D,\)"),
    "boxes in half": ((torch.zeros(2, 5), *detections()[1:]), r"boxes float \(D, 4\)"),
    "fewer scores": ((detections()[0], detections()[1][:1], detections()[2]), r"scores float \(D,\)"),
    "scores of every class": ((detections()[0], torch.zeros(2, CLASSES), detections()[2]), r"scores float \(D,\)"),
    "two columns": (detections()[:2], "classes integer"),
    "nothing": (None, "its answer is NoneType"),
}


@pytest.mark.parametrize("case", WRONG_DETECTIONS)
def test_wrong_detections_name_network_and_photograph(case):
    """Boxes, scores and classes out of range or of another form are an error of the second photograph."""
    answer, problem = WRONG_DETECTIONS[case]
    with pytest.raises(NetworkError, match=rf"^mine:net: dog, level 5: .*{problem}"):
        asked(detecting([NONE, answer]))


@pytest.mark.parametrize("answers", [[NONE], [NONE] * 3, torch.zeros(2, 4)], ids=["one", "three", "a tensor"])
def test_a_detector_answers_every_photograph(answers):
    """Another number of answers than of images is refused."""
    with pytest.raises(NetworkError, match=r"^mine:net: cat, level 5: .*a list of 2, one answer per image"):
        asked(detecting(answers))


def test_right_detections_are_left_as_they_are():
    """Nothing seen, boxes that exceed the image by less than its size, and boxes in px where these are the unit, are right."""
    beyond = detections(boxes=((-0.5, -1.4, 1.5, 1.9), (0.0, 0.0, 0.0, 0.0)))
    answers = [NONE, beyond]
    assert asked(detecting(answers)) is answers
    px = [detections(boxes=((0.0, 0.0, 8.0, 8.0), (1.0, 1.0, 9.0, 20.0))), NONE]
    assert asked(detecting(px, NoResize())) is px


def test_what_a_forward_raises_names_network_and_batch():
    """An error of a library becomes one line with the network and the first photograph of the batch."""

    def forward(batch):
        raise RuntimeError("out of\nmemory " + "x" * 2000)

    with pytest.raises(NetworkError) as caught:
        asked(dataclasses.replace(classifier(None), forward=forward))
    message = str(caught.value)
    assert message.startswith(
        "mine:net: fails at a batch of 2 that begins with cat, level 5 (RuntimeError: out of memory"
    )
    assert "\n" not in message
    assert len(message) < 500


def test_an_image_shown_by_a_predictor_is_checked_too():
    """`answer`, which predictors call, has the same check."""
    with pytest.raises(NetworkError, match="mine:net: image 2 of 2: its probabilities"):
        classifier(second(2.0, 2.0, 2.0)).answer([torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)] * 2, "cpu")


@pytest.mark.parametrize("name", ["zoo:fcos_shufflenet", "zoo:faster_rcnn_resnet"])
def test_nan_inside_a_detector_is_not_seen_as_nothing(name):
    """Detectors of torchvision drop NaN scores as weak ones; values of their heads that are not finite are an error."""
    network = load(name, None)
    with torch.no_grad():
        next(network.module.backbone.parameters()).fill_(NAN)
    with pytest.raises(NetworkError, match=f"^{name}: image 1 of 2: .* gives values that are not finite"):
        network.answer([torch.zeros(3, 128, 128, dtype=torch.uint8)] * 2, "cpu")


WRONG_CONTRACTS = {
    "integers": (
        {"kind": TensorProto.INT8},
        r"images is int8 \(N, 3, 8, 8\); valid is float16, float32, float64, uint8",
    ),
    "not square": ({"shape": ("N", 3, SIDE, 2 * SIDE)}, r"images is float32 \(N, 3, 8, 16\)"),
    "any size": ({"shape": ("N", 3, "H", "W")}, r"size cannot be read from an ONNX file: put `size = 224`"),
    "another input": ({"name": "pixels"}, "mean and std cannot be read"),
    "another output": ({"output": "logits"}, "mean and std cannot be read"),
    "integers out": ({"to": TensorProto.INT64}, r"probabilities is int64 \(N, 3\)"),
}


@pytest.mark.parametrize("case", WRONG_CONTRACTS)
def test_a_wrong_contract_is_told_when_a_classifier_is_opened(case, tmp_path):
    """The message names the network, the input or output, what it is and what is valid, or what settings must say."""
    options, problem = WRONG_CONTRACTS[case]
    save_classifier(tmp_path / "net.onnx", **options)
    with pytest.raises(NetworkError, match=rf"^onnx:net \(.*net\.onnx\): {problem}"):
        load("onnx:net", tmp_path)


@pytest.mark.parametrize(
    ("shapes", "problem"),
    [
        (((1, ANCHORS, 5), (1, ANCHORS, CLASSES)), r"boxes is float32 \(1, 4, 5\); valid .*\(1, A, 4\)"),
        (((1, 9, 4), (1, ANCHORS, CLASSES)), r"scores is float32 \(1, 4, 3\); valid .*with A as in boxes"),
        (((1, ANCHORS, 4), (2, ANCHORS, CLASSES)), r"scores is float32 \(2, 4, 3\)"),
        (((ANCHORS, 4), (1, ANCHORS, CLASSES)), r"boxes is float32 \(4, 4\)"),
    ],
)
def test_a_wrong_contract_is_told_when_a_detector_is_opened(shapes, problem, tmp_path):
    """Boxes and scores have three dimensions, of which the last are 4 and the number of classes."""
    boxes, scores = (np.zeros(shape, np.float32) for shape in shapes)
    save_detector(tmp_path / "net.onnx", boxes, scores, shapes=shapes)
    with pytest.raises(NetworkError, match=rf"^onnx:net .*: {problem}"):
        load("onnx:net", tmp_path)


OTHER_FORMS = {
    "bytes": {"kind": TensorProto.UINT8},
    "channels last": {"shape": ("N", SIDE, SIDE, 3)},
    "a batch of four": {"shape": (4, 3, SIDE, SIDE)},
}


@pytest.mark.parametrize("case", OTHER_FORMS)
def test_other_forms_of_the_input_need_no_settings(case, tmp_path):
    """Of bytes, with channels last or in a fixed batch, a classifier of the house still takes RGB from black to white."""
    options = OTHER_FORMS[case]
    save_classifier(tmp_path / "same.onnx")
    save_classifier(tmp_path / "net.onnx", **options)
    if case == "bytes":  # whose values the graph itself must scale
        model = onnx.load(tmp_path / "net.onnx")
        model.graph.initializer.append(numpy_helper.from_array(np.float32(255), "white"))
        model.graph.node.insert(1, helper.make_node("Div", ["x", "white"], ["scaled"]))
        model.graph.node[2].input[0] = "scaled"
        onnx.save_model(model, str(tmp_path / "net.onnx"))
    images = [torch.full((3, 9, 12), value, dtype=torch.uint8) for value in (10, 90, 200, 30, 250)]
    expected, found = (load(f"onnx:{name}", tmp_path).answer(images, "cpu") for name in ("same", "net"))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("to", [TensorProto.FLOAT16, FLOAT, TensorProto.DOUBLE])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, FLOAT, TensorProto.DOUBLE])
def test_floats_of_any_width_are_cast(kind, to, tmp_path):
    """Half and double inputs and outputs give float32 answers, near those of float32."""
    save_classifier(tmp_path / "same.onnx")
    save_classifier(tmp_path / "net.onnx", kind=kind, to=to)
    images = [torch.full((3, 9, 12), value, dtype=torch.uint8) for value in (10, 200)]
    expected, found = (load(f"onnx:{name}", tmp_path).answer(images, "cpu") for name in ("same", "net"))
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize(
    "kinds", [(TensorProto.FLOAT16,) * 2, (FLOAT, TensorProto.DOUBLE), (TensorProto.FLOAT16, FLOAT)]
)
def test_half_and_mixed_detections_are_cast(kinds, tmp_path):
    """Suppression gets boxes and scores of one type, whatever the network has."""
    save_detector(tmp_path / "net.onnx", kinds=kinds)
    ((boxes, scores, classes),) = load("onnx:net", tmp_path).answer([torch.zeros(3, 9, 9, dtype=torch.uint8)], "cpu")
    assert boxes.dtype == scores.dtype == torch.float32
    assert classes.tolist() == [0, 1, 2]


def filled(size, value):
    """Values of a detector's output, all alike."""
    return np.full((1, ANCHORS, size), value, np.float32)


@pytest.mark.parametrize(
    ("boxes", "scores", "problem"),
    [
        (None, filled(CLASSES, NAN), "its scores reach from nan"),
        (None, filled(CLASSES, -4.0), r"its scores reach from -4 to -4; valid are 0 to 1 \(logits need a sigmoid"),
        (filled(4, NAN), None, r"it has a box of \[nan"),
        (filled(4, 600.0), None, r"it has a box of \[600.0"),
    ],
    ids=["NaN scores", "logits", "NaN boxes", "boxes in px"],
)
def test_what_suppression_would_drop_is_checked_before(boxes, scores, problem, tmp_path):
    """NaN and negative scores of an ONNX detector are an error, not an image in which nothing was seen."""
    save_detector(tmp_path / "net.onnx", boxes, scores)
    with pytest.raises(NetworkError, match=f"^onnx:net: image 1 of 1: {problem}"):
        load("onnx:net", tmp_path).answer([torch.zeros(3, 9, 9, dtype=torch.uint8)], "cpu")


def test_boxes_of_what_is_not_seen_may_be_anything(tmp_path):
    """A box that is not finite does not matter where its scores are too low for a detection."""
    boxes, scores = np.tile(np.float32([0, 0, 0.5, 0.5]), (1, ANCHORS, 1)), filled(CLASSES, 0.5)
    boxes[0, 1], scores[0, 1] = INFINITY, 0.001
    save_detector(tmp_path / "net.onnx", boxes, scores)
    ((found, _, _),) = load("onnx:net", tmp_path).answer([torch.zeros(3, 9, 9, dtype=torch.uint8)], "cpu")
    assert len(found) == CLASSES


def external(folder, seed, location="net.onnx.data"):
    """Write a classifier whose tensors lie in a file beside it; returns the digest of its weights."""
    (folder / location).unlink(missing_ok=True)
    save_classifier(folder / "net.onnx", seed, save_as_external_data=True, location=location, size_threshold=0)
    return weights_here("onnx:net", folder)


def test_the_digest_covers_external_data(tmp_path):
    """Other weights in a file of tensors are other weights, though the model's own file is the same."""
    first = external(tmp_path, 1)
    model = (tmp_path / "net.onnx").read_bytes()
    assert load("onnx:net", tmp_path).weights == first
    assert external(tmp_path, 2) != first
    assert (tmp_path / "net.onnx").read_bytes() == model
    assert external(tmp_path, 1) == first
    (tmp_path / "part").mkdir()
    assert external(tmp_path, 1, "part/weights.bin") != external(tmp_path, 2, "part/weights.bin")


def test_the_digest_of_one_file_is_its_own(tmp_path):
    """A model without external data has the digest of its file, as outcomes have recorded it."""
    save_classifier(tmp_path / "net.onnx")
    assert weights_here("onnx:net", tmp_path) == file_digest(tmp_path / "net.onnx")


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "link.bin"])
def test_external_data_stays_in_the_folder(location, tmp_path):
    """A model that names a file outside its folder is refused, however it gets there."""
    folder = tmp_path / "networks"
    folder.mkdir()
    external(folder, 1)
    shutil.move(folder / "net.onnx.data", tmp_path / "secret.bin")
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    model = onnx.load(folder / "net.onnx", load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(NetworkError, match=rf"net\.onnx: keeps tensors in '{location}'; valid is a file inside"):
        load("onnx:net", folder)


def test_missing_external_data_is_named(tmp_path):
    """A model without the file of its tensors raises MissingWeights with that file's name."""
    external(tmp_path, 1)
    (tmp_path / "net.onnx.data").unlink()
    with pytest.raises(MissingWeights, match=r"net\.onnx: keeps tensors in net\.onnx\.data"):
        load("onnx:net", tmp_path)


@pytest.mark.parametrize("name", ["zoo:resnet", "zoo:fcos_shufflenet", "onnx:net"])
def test_weights_are_known_without_loading(name, tmp_path):
    """The digest that outcomes are compared by is that of the loaded network."""
    save_classifier(tmp_path / "net.onnx")
    assert weights_here(name, tmp_path) == load(name, tmp_path).weights


@pytest.mark.parametrize("name", ["onnx:nothing", "zoo:nothing", "torchvision:alexnet", "mine:net"])
def test_weights_that_are_nowhere_are_none(name, tmp_path, monkeypatch):
    """Where a network or its weights are not here, there is nothing to compare."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert weights_here(name, tmp_path) is None


def test_recorded_outcomes_of_other_weights_are_refused(tiny, tiny_file, tiny_workspace, fresh, monkeypatch):
    """Where nothing is missing, other weights on this machine are told all the same, and nothing is written."""
    suite = load_suite(str(tiny_file), limit=8)
    label(suite, fresh)
    files = {path: path.read_bytes() for path in fresh.results.rglob("*.*")}
    label(suite, fresh)
    monkeypatch.setattr(pipeline, "weights_here", lambda name, folder: "0123" if name == "zoo:resnext" else None)
    with pytest.raises(LabelError, match=r"outcomes of zoo:resnext were recorded with weights \w+, now it is 0123"):
        label(suite, fresh)
    other = dataclasses.replace(fresh, results=fresh.cache / "other", published=tiny_workspace.results)
    with pytest.raises(LabelError, match="zoo:resnext"):
        label(tiny.suite, other)
    assert not other.results.exists()
    assert {path: path.read_bytes() for path in fresh.results.rglob("*.*")} == files


def test_a_wrong_answer_stops_labelling_before_anything_is_written(tiny_file, fresh, monkeypatch):
    """The error names the network, the photograph and its level; no results are begun."""

    def spoilt(name, *rest, **options):
        network = load(name, *rest, **options)
        if name != "zoo:resnet":
            return network

        def forward(batch):
            answers = network.forward(batch)
            answers[-1, 0] = NAN
            return answers

        return dataclasses.replace(network, forward=forward)

    monkeypatch.setattr(worker, "load", spoilt)
    with pytest.raises(NetworkError, match=r"^zoo:resnet: .+, pristine: its logits reach from nan"):
        label(load_suite(str(tiny_file), limit=8), fresh)
    assert not fresh.results.exists()


def test_the_number_of_threads_is_recorded(tiny, tiny_workspace):
    """Outcomes of networks have it in their metadata; that of the images depends on none."""
    home = SuiteFolder(tiny_workspace.results / "tiny")
    assert read_table(home.outcomes("zoo:resnet"))[1]["threads"] == torch.get_num_threads()
    assert "threads" not in read_table(home.outcomes("images"))[1]


@pytest.mark.parametrize(("before", "after"), [(None, None), (7, None), (0, 0)], ids=["unknown", "another", "same"])
def test_rows_of_several_numbers_of_threads_have_none(before, after, tiny, fresh, published):
    """Where some rows were recorded with another or an unknown number of threads, none is claimed for all."""
    home = published
    now = torch.get_num_threads()
    path = home.outcomes("zoo:resnext")
    table, metadata = read_table(path)
    del metadata["threads"]
    write_table(path, table.head(80), metadata | ({} if before is None else {"threads": before or now}))
    complete(tiny.indexed, read_outcomes(tiny.indexed, home), home, workspace=fresh, execution=ExecutionConfig())
    assert read_table(path)[1].get("threads") == (after if after is None else now)


def test_adopted_outcomes_may_lack_the_number_of_threads(tiny, published, tmp_path):
    """Published outcomes that were recorded before the number was are used as they are."""
    home, own = published, SuiteFolder(tmp_path / "own")
    for name in ("zoo:densenet", "zoo:resnet", "zoo:resnext", "zoo:resnet_wide"):
        table, metadata = read_table(home.outcomes(name))
        del metadata["threads"]
        write_table(home.outcomes(name), table, metadata)
    stored = adopt(tiny.indexed, {}, own, home, ExecutionConfig())
    assert "threads" not in stored["zoo:resnet"][1]
    assert own.outcomes("zoo:resnet").read_bytes() == home.outcomes("zoo:resnet").read_bytes()


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["images"], "network 'images': a name is source:model"),
        (["zoo:"], "network 'zoo:': a name is source:model"),
        ([":vgg"], "a name is source:model"),
        (["mine:a:b", "mine:a-b"], "'mine:a:b' and 'mine:a-b' would share the file mine-a-b.parquet"),
        (["mine:Net", "mine:net"], "would share the file"),
        (["onnx:../x"], "valid are printable characters but /"),
        (["onnx:exports/x.onnx"], "valid are printable characters but /"),
        (["hf:../x/y"], "valid are printable characters but /"),
        (["hf:org/x", "hf:org--x"], "would share the file hf-org--x.parquet"),
        (["python:mine.py:network"], "would execute a file, which is not a suite's to say"),
        (["onnx:x\\\\y"], "valid are printable characters"),
        (["onnx:x\\ny"], "valid are printable characters"),
        ([".hidden:x"], "valid are printable characters"),
        (["onnx:" + "x" * 300], "at most 200 bytes, this one 305"),
    ],
)
def test_names_that_collide_among_the_outcomes_are_refused(names, problem, tiny_file, tmp_path):
    """A suite whose networks cannot have files of their own is refused when it is loaded."""
    path = tmp_path / "tiny.toml"
    listed = ", ".join(f'"{name}"' for name in ["zoo:vgg", *names])
    path.write_text(tiny_file.read_text().replace('["zoo:densenet", "zoo:resnet"]', f"[{listed}]"))
    with pytest.raises(SuiteError) as caught:
        load_suite(str(path))
    assert str(path) in str(caught.value)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("side", [0, 1])
def test_a_line_is_cut_before_it_is_resized(side):
    """An image of extreme proportions gives the square that resizing all of it would, at a fraction of its size."""
    preprocessing = Preprocessing(32, 28, interpolation="bicubic")
    shape = [3, 2, 2]
    shape[side + 1] = 2001
    image = torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    mode = InterpolationMode("bicubic")
    whole = functional.resize(image, [32], interpolation=mode, antialias=True)
    expected = functional.center_crop(whole, [28, 28])
    assert torch.equal(preprocessing.square(image), expected)


@pytest.mark.parametrize(
    ("made", "kind", "problem"),
    [
        ({"name": "other:x"}, PluginError, "gives 'other:x' where 'mine:net' was asked for"),
        ({"task": "detection"}, PluginError, "task is 'detection' with Preprocessing"),
        (None, NetworkError, r"mine:net: cannot be loaded \(ZeroDivisionError"),
    ],
    ids=["another name", "another task", "raises"],
)
def test_a_packages_network_is_checked_when_it_is_loaded(made, kind, problem, monkeypatch):
    """A source of another package that raises, or gives another network than was asked for, is named."""

    def source(model, folder, device, download):
        return dataclasses.replace(classifier(GOOD), **made) if made else 1 / 0

    monkeypatch.setattr(networks, "extensions", lambda *_, **__: {"mine": None})
    monkeypatch.setattr(networks, "resolve", lambda *_: source)
    with pytest.raises(kind, match=problem):
        load("mine:net", None)
