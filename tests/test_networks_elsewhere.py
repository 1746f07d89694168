"""Networks of the Hugging Face hub, of folders, of Python files and of torchvision's whole list."""

import json
import logging
import sys
import types
from pathlib import Path

import pytest
import torch
from torchvision import models

from benchmark.cli.main import main
from benchmark.core.errors import MissingWeights, NetworkError
from benchmark.core.images import to_tensor
from benchmark.plugins.datasets.glyphs import Glyphs
from benchmark.plugins.networks import check_name, huggingface, load, weights_here
from benchmark.plugins.networks.network import NoResize, Preprocessing
from benchmark.plugins.networks.timm_networks import preprocessing_of as preprocessing_of_timm
from benchmark.plugins.networks.torchvision_networks import (
    ARGUMENTS,
    NO_CLASSES,
    class_numbers,
    preprocessing_of,
    published_weights,
    torchvision_network,
)  # fmt: skip
from tests.photographs import photograph

PHOTOGRAPHS = ("coffee.png", "chelsea.png", "astronaut.png", "rocket.jpg")


@pytest.fixture(scope="module")
def images():
    """Photographs of several sizes."""
    return [to_tensor(photograph(name)) for name in PHOTOGRAPHS]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub, which cannot be reached; returns a function that puts a folder there as a repository."""
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    def put(repository, folder):
        root = tmp_path / "hub" / f"models--{repository.replace('/', '--')}"
        (root / "snapshots").mkdir(parents=True)
        (root / "refs").mkdir()
        (root / "refs" / "main").write_text("0" * 40)
        folder.rename(root / "snapshots" / ("0" * 40))

    return put


@pytest.fixture
def saved_timm(tmp_path):
    """A small classifier of timm with random weights, and its folder as timm saves it."""
    import timm

    torch.manual_seed(0)
    module = timm.create_model("test_resnet", num_classes=7).eval()
    timm.models.save_for_hf(module, tmp_path / "saved")
    return module, tmp_path / "saved"


@pytest.mark.parametrize("name", ["timm:hf-hub:someone/small", "timm:local-dir:"])
def test_a_classifier_that_timm_saved_decides_as_timm_does(name, saved_timm, cache, images):
    """From the hub's cache or from a folder, architecture, weights and transforms are those that were saved."""
    import timm

    module, folder = saved_timm
    if "hub" in name:
        cache("someone/small", folder)
    else:
        name += str(folder)
    network = load(name, None, download=False)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(module))
    with torch.inference_mode():
        from torchvision.transforms.functional import to_pil_image

        expected = module(torch.stack([transform(to_pil_image(image)) for image in images]))
        answer = network.answer(images, "cpu")
    assert (network.name, network.classes, network.logits) == (name, 7, True)
    assert answer.argmax(1).tolist() == expected.argmax(1).tolist()
    assert network.weights == weights_here(name, None)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("crop_mode", ["center", "squash"])
@pytest.mark.parametrize("crop_pct", [1.0, 0.875])
def test_preprocessing_is_that_of_timms_transforms(crop_mode, crop_pct, interpolation, images):
    """Short side and crop, or a square whatever the proportions were: pixels are those of timm's transforms for evaluation."""
    import timm
    from torchvision.transforms.functional import to_pil_image

    config = {
        "input_size": (3, 48, 48), "interpolation": interpolation, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4),
        "crop_pct": crop_pct, "crop_mode": crop_mode,
    }  # fmt: skip
    transform = timm.data.create_transform(**config)
    prepare = preprocessing_of_timm("timm:some", config)
    found = prepare.normalise([prepare.square(image) for image in images], "cpu")
    expected = torch.stack([transform(to_pil_image(image)) for image in images])
    assert (
        found - expected
    ).abs().mean() < 0.02  # one grey level, by which Pillow and torch round differently, is .013


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("crop_mode", "border", "timm:some: its crop_mode is 'border'; valid here is center or squash"),
        ("interpolation", "lanczos", "its interpolation is 'lanczos'; valid here is bilinear or bicubic or nearest"),
        ("input_size", (3, 32, 48), r"its input_size is \(3, 32, 48\); valid here is \(3, 32, 32\)"),
    ],
)
def test_a_preprocessing_of_timm_that_is_not_reproduced_is_refused(key, value, message):
    """It is named with its value and with those that are."""
    config = {"input_size": (3, 48, 48), "interpolation": "bicubic", "crop_mode": "center", key: value}
    with pytest.raises(NetworkError, match=message):
        preprocessing_of_timm("timm:some", config)


@pytest.mark.parametrize("download", [True, False])
@pytest.mark.parametrize("name", ["timm:hf-hub:someone/small", "hf:someone/small", "hf:someone/small@v1"])
def test_what_the_hub_cannot_give_is_told_in_a_line(name, download, cache, monkeypatch):
    """A network that is neither in the cache nor to be had says so, and how to get it."""
    monkeypatch.setitem(sys.modules, "transformers", types)
    with pytest.raises(MissingWeights, match=rf"^{name}: no files of someone/small in the hub's cache") as caught:
        load(name, None, download=download)
    assert "`hf download someone/small`" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert weights_here(name, None) is None


def test_a_missing_extra_is_named(monkeypatch):
    """Without transformers, a network of it says what to install."""
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(NetworkError, match=r"^hf:google/vit: needs transformers; pip install 'utilbench\[hf\]'"):
        load("hf:google/vit", None)


def test_a_folder_that_is_none_is_named(tmp_path):
    """A folder without config.json is no network, and is not looked for on the hub."""
    pytest.importorskip("transformers", reason="transformers is not installed (extra `hf`)")
    with pytest.raises(MissingWeights, match=rf"hf:{tmp_path}: no file {tmp_path}/config\.json"):
        load(f"hf:{tmp_path}", None)
    with pytest.raises(MissingWeights, match=r"no file .*/config\.json"):
        load(f"timm:local-dir:{tmp_path}", None)


PROCESSORS = {
    "ViT: stretched": ({"size": {"height": 32, "width": 32}, "resample": 2}, Preprocessing(32, 32, stretch=True)),
    "ResNet: short side and crop": (
        {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "resample": 3},
        Preprocessing(256, 224, interpolation="bicubic"),
    ),
    "ConvNeXt: share": ({"size": {"shortest_edge": 224}, "crop_pct": 0.875}, Preprocessing(256, 224)),
    "ConvNeXt: large": ({"size": {"shortest_edge": 384}, "crop_pct": 1.0}, Preprocessing(384, 384, stretch=True)),
    "statistics of 0..1": (
        {
            "size": {"height": 8, "width": 8},
            "do_normalize": True,
            "image_mean": [0.5, 0.4, 0.3],
            "image_std": [0.2, 0.2, 0.1],
        },
        Preprocessing(8, 8, mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.1), stretch=True),
    ),
    "statistics of 0..255": (
        {
            "size": {"height": 8, "width": 8},
            "do_rescale": False,
            "do_normalize": True,
            "image_mean": [51] * 3,
            "image_std": [255] * 3,
        },
        Preprocessing(8, 8, mean=(0.2, 0.2, 0.2), stretch=True),
    ),
    "EfficientNet: divided twice": (
        {"size": {"height": 8, "width": 8}, "do_normalize": True, "image_std": [0.5] * 3, "include_top": True},
        Preprocessing(8, 8, std=(0.25, 0.25, 0.25), stretch=True),
    ),
    "not normalised": (
        {"size": {"height": 8, "width": 8}, "do_normalize": False, "image_mean": [0.5] * 3},
        Preprocessing(8, 8, stretch=True),
    ),
}


@pytest.mark.parametrize("case", PROCESSORS)
def test_image_processors_become_preprocessings(case):
    """Resize, crop and statistics of transformers' processors are found in what they store."""
    choices, expected = PROCESSORS[case]
    assert huggingface.preprocessing_of(choices, "hf:x") == expected


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        ({"size": {"shortest_edge": 256}}, r"resizes to \{'shortest_edge': 256\} and crops \{\}"),
        ({"size": {"height": 8, "width": 9}}, "valid is what ends in a square"),
        ({"size": {"height": 8, "width": 8}, "resample": 1}, r"resample 1; valid are 0 \(nearest\), 2 \(bilinear\)"),
    ],
)
def test_processors_that_end_in_no_square_are_refused(choices, problem):
    """What a Preprocessing cannot do is an error of the network, not an approximation."""
    with pytest.raises(NetworkError, match=f"^hf:x: its processor .*{problem}|^hf:x: .*{problem}"):
        huggingface.preprocessing_of(choices, "hf:x")


@pytest.fixture(scope="module")
def transformers():
    """The library, or a skip where the extra `hf` is not installed."""
    return pytest.importorskip("transformers", reason="transformers is not installed (extra `hf`)")


def vit(transformers, folder, **options):
    """Save a small ViT with random weights and its image processor."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.ViTConfig(**sizes, image_size=32, patch_size=8, num_labels=5, initializer_range=1.0)
    transformers.ViTForImageClassification(config).eval().save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}, **options).save_pretrained(folder)


@pytest.mark.parametrize("source", ["a folder", "the hub's cache"])
def test_a_classifier_of_transformers_decides_as_it_does_there(source, transformers, tmp_path, cache, images):
    """Logits are near those of the model behind its own image processor, and decisions are equal."""
    vit(transformers, tmp_path / "vit")
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path / "vit")
    module = transformers.AutoModelForImageClassification.from_pretrained(tmp_path / "vit").eval()
    name = f"hf:{tmp_path / 'vit'}"
    if source == "the hub's cache":
        cache("someone/vit", tmp_path / "vit")
        name = "hf:someone/vit"
    network = load(name, None, download=False)
    with torch.inference_mode():
        expected = module(**processor(images=images, return_tensors="pt")).logits
        answer = network.answer(images, "cpu")
    assert (network.name, network.classes, network.logits) == (name, 5, True)
    assert network.weights == weights_here(name, None)
    assert answer.argmax(1).tolist() == expected.argmax(1).tolist()
    torch.testing.assert_close(answer, expected, rtol=0.05, atol=0.05)


PROCESSORS_OF = {
    "ViTImageProcessor": {},
    "DeiTImageProcessor": {},
    "BeitImageProcessor": {},
    "ConvNextImageProcessor": {"size": {"shortest_edge": 224}},
    "MobileNetV2ImageProcessor": {},
    "MobileViTImageProcessor": {"size": {"shortest_edge": 288}},
    "EfficientNetImageProcessor": {},
    "PoolFormerImageProcessor": {},
    "PvtImageProcessor": {},
    "BitImageProcessor": {},
}
"""Image processors of classifiers, and options that their published models have."""


@pytest.mark.parametrize("name", PROCESSORS_OF)
def test_image_processors_are_reproduced(name, transformers):
    """What each processor of transformers makes of an image is what the Preprocessing found for it makes."""
    processor = getattr(transformers, name)(**PROCESSORS_OF[name])
    choices = processor.to_dict()
    is_bgr = bool(choices.get("do_flip_channel_order"))
    huggingface.check_preprocessing(huggingface.preprocessing_of(choices, name), processor, name, is_bgr=is_bgr)


def test_a_detector_of_transformers_detects_as_it_does_there(transformers, tmp_path, images):
    """Boxes in px, scores and classes are those of its own processor, which sees each image alone; N/A is no class."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.YolosConfig(**sizes, image_size=[64, 64], patch_size=8, num_detection_tokens=7)
    config.id2label = dict(enumerate(["N/A", "person", "N/A", "car"]))
    config.label2id = {"person": 1, "car": 3}
    transformers.YolosForObjectDetection(config).eval().save_pretrained(tmp_path)
    transformers.YolosImageProcessor(size={"shortest_edge": 64, "longest_edge": 100}).save_pretrained(tmp_path)
    network = load(f"hf:{tmp_path}", None)
    assert (network.task, network.classes, network.preprocessing) == ("detection", 2, NoResize())
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path)
    module = transformers.AutoModelForObjectDetection.from_pretrained(tmp_path).eval()
    with torch.inference_mode():
        answers = network.answer(images, "cpu")
        for image, (boxes, scores, classes) in zip(images, answers, strict=True):
            outputs = module(**processor(images=[image], return_tensors="pt"))
            (one,) = processor.post_process_object_detection(outputs, 0.01, [tuple(image.shape[1:])])
            real = [number for number, label in enumerate(one["labels"].tolist()) if label in (1, 3)]
            order = one["scores"][real].argsort(descending=True, stable=True)
            torch.testing.assert_close(scores, one["scores"][real][order], rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(boxes, one["boxes"][real][order], rtol=1e-2, atol=0.5)
            assert classes.tolist() == [label // 2 for label in one["labels"][real][order].tolist()]


def test_nan_of_a_detector_of_transformers_is_not_seen_as_nothing(transformers, tmp_path, images):
    """Values that its processor would drop as weak are an error with network and image."""
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.YolosConfig(**sizes, image_size=[64, 64], patch_size=8, num_detection_tokens=7, num_labels=2)
    module = transformers.YolosForObjectDetection(config)
    torch.nn.init.constant_(module.class_labels_classifier.layers[-1].bias, float("nan"))
    module.save_pretrained(tmp_path)
    transformers.YolosImageProcessor(size={"shortest_edge": 64, "longest_edge": 100}).save_pretrained(tmp_path)
    with pytest.raises(NetworkError, match=r"image 1 of 1: YolosForObjectDetection gives values that are not finite"):
        load(f"hf:{tmp_path}", None).answer(images[:1], "cpu")


def test_an_image_processor_that_does_more_is_refused(transformers, tmp_path, monkeypatch):
    """Where a Preprocessing gives another picture than the processor, the network is not loaded."""
    vit(transformers, tmp_path)
    right = huggingface.preprocessing_of
    monkeypatch.setattr(
        huggingface, "preprocessing_of",
        lambda choices, name: right(choices | {"image_mean": [0.4, 0.5, 0.5]}, name),
    )  # fmt: skip
    with pytest.raises(NetworkError, match="ViTImageProcessor does more than resize, crop and normalise"):
        load(f"hf:{tmp_path}", None)


def test_other_architectures_and_formats_of_transformers_are_refused(transformers, tmp_path):
    """A model for another task is named; one without safetensors is not unpickled."""
    vit(transformers, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["ViTModel"]}))
    with pytest.raises(NetworkError, match=r"its architecture is ViTModel; valid are \*ForImageClassification and"):
        load(f"hf:{tmp_path}", None)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(MissingWeights, match=r"has no model\.safetensors"):
        load(f"hf:{tmp_path}", None)


MINE = """
import torch
from benchmark import Network, Preprocessing
from beside import SCALE

def module(channels=(0, 1, 2)):
    torch.manual_seed(0)
    head = torch.nn.Linear(3, 4)
    head.weight.data = head.weight.data[:, list(channels)] * SCALE
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), head)

SETTINGS = {"size": 16, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "resize": "stretch"}

def plain():
    return module(), SETTINGS

def reverse():
    scale = {"mean": [76.5, 102, 127.5], "std": [102, 76.5, 51], "range": 255, "channel_order": "bgr"}
    return module((2, 1, 0)), SETTINGS | scale

def soft():
    return torch.nn.Sequential(module(), torch.nn.Softmax(1)), SETTINGS

def whole():
    ready = module().eval()
    return Network("mine", 4, Preprocessing(16, 16), "0" * 16, logits=True, forward=ready, module=ready)

def bare():
    return module()

def useless():
    return module(), SETTINGS | {"grey": 3}

def misspelt():
    return module(), {"sise": 16}

def nothing():
    return None

def fails():
    raise SystemExit(0)

def flat():
    return torch.nn.Flatten(0), SETTINGS
"""


@pytest.fixture
def mine(tmp_path):
    """A Python file with functions that return networks, which imports a file beside it."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "beside.py").write_text("SCALE = 9.0\n")
    yield tmp_path / "mine.py"
    sys.modules.pop("beside", None)


def test_a_function_gives_a_classifier(mine, images, monkeypatch):
    """A module with size, mean and std becomes a network, whatever its order of channels; one with a softmax is recognised."""
    monkeypatch.chdir(mine.parent)
    network = load("python:mine.py:plain", None)
    assert (network.name, network.classes, network.logits) == ("python:mine.py:plain", 4, True)
    assert network.preprocessing == Preprocessing(16, 16, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), stretch=True)
    answer = network.answer(images, "cpu")
    reverse, soft = (load(f"python:{mine}:{name}", None) for name in ("reverse", "soft"))
    torch.testing.assert_close(reverse.answer(images, "cpu"), answer, rtol=1e-4, atol=1e-4)
    assert not soft.logits
    torch.testing.assert_close(soft.answer(images, "cpu"), answer.softmax(1), rtol=1e-4, atol=1e-4)
    assert load("python:mine.py:whole", mine.parent).answer(images, "cpu").shape == (4, 4)


def test_the_digest_of_a_function_is_of_source_and_state(mine):
    """Another line of the file or another weight is another digest; the same file gives the same."""
    first = load(f"python:{mine}:plain", None).weights
    assert load(f"python:{mine}:plain", None).weights == first
    mine.write_text(MINE + "\n# changed\n")
    changed = load(f"python:{mine}:plain", None).weights
    mine.write_text(MINE)
    (mine.parent / "beside.py").write_text("SCALE = 8.25\n")
    sys.modules.pop("beside")
    other = load(f"python:{mine}:plain", None).weights
    assert len({first, changed, other}) == 3
    assert weights_here(f"python:{mine}:plain", None) is None


WRONG_FUNCTIONS = {
    "absent": r"has no function absent; it has module, plain, reverse",
    "bare": r"size, mean and std cannot be read from a module: put `size = 224`, .* into the dictionary returned beside it",
    "useless": "grey is set, but it says nothing about a classifier's module",
    "misspelt": "unknown key 'sise'; valid are mean",
    "nothing": "nothing returns NoneType; valid is a Network, or a classifier's torch.nn.Module and a dictionary",
    "fails": r"fails \(SystemExit: 0\)",
    "flat": r"it answers \(1536,\) to two images; valid is \(2, classes\)",
}


@pytest.mark.parametrize("function", WRONG_FUNCTIONS)
def test_what_a_function_does_wrong_is_named(function, mine):
    """One line says which file and function, and what it should return."""
    with pytest.raises(NetworkError, match=f"^python:{mine}:{function}: .*{WRONG_FUNCTIONS[function]}"):
        load(f"python:{mine}:{function}", None)


@pytest.mark.parametrize("name", ["python:mine.py", "python:mine.txt:f", "python:mine.py:", "python:mine.py:a.b"])
def test_a_function_is_named_by_file_and_name(name):
    """Another form of the name says which is valid."""
    with pytest.raises(NetworkError, match=r"valid is python:FILE\.py:FUNCTION"):
        load(name, None)
    with pytest.raises(MissingWeights, match=r"no file .*nothing\.py, and none in "):
        load("python:nothing.py:f", Path("/nowhere"))


@pytest.mark.parametrize("model", models.list_models(module=models))
def test_every_classifier_of_torchvision_is_known(model):
    """Each has weights whose transforms a Preprocessing describes, and an architecture that is built for them."""
    check_name(f"torchvision:{model}", None)
    weights = published_weights(model)
    prepare = preprocessing_of(weights)
    assert prepare.resize >= prepare.crop
    if model.startswith("regnet"):
        return  # computes its widths with tensors, which must have values
    with torch.device("meta"):
        module = models.get_model(model, weights=None, **ARGUMENTS.get(model, {})).eval()
        answer = module(torch.zeros(1, 3, prepare.crop, prepare.crop))
    assert answer.shape == (1, len(weights.meta["categories"]))


@pytest.mark.parametrize("model", models.list_models(module=models.detection))
def test_every_detector_of_torchvision_is_known(model, tmp_path, monkeypatch):
    """Each has weights, whose classes are COCO's 80, or persons alone where it finds their keypoints."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    classes = class_numbers(published_weights(model).meta["categories"], NO_CLASSES)
    assert max(classes) + 1 == (1 if model.startswith("keypoint") else 80)
    with pytest.raises(MissingWeights, match=model):
        torchvision_network(model, None, "cpu", False)


@pytest.mark.parametrize(
    ("model", "purpose"),
    [
        ("deeplabv3_resnet50", "segmentation"),
        ("r3d_18", "video"),
        ("quantized_resnet18", "processors with integer arithmetic"),
        ("raft_small", "optical flow"),
    ],
)
def test_other_models_of_torchvision_are_refused_by_name(model, purpose):
    """A model that answers no task of the benchmark says what it is for."""
    with pytest.raises(NetworkError, match=f"^torchvision:{model} is for {purpose}.*; valid are torchvision's"):
        load(f"torchvision:{model}", None)


def test_list_says_how_networks_are_named(capsys, tmp_path, monkeypatch):
    """Sources without a list say what follows them, and that a Python file is executed."""
    monkeypatch.delenv("UTILBENCH_NETWORKS", raising=False)
    assert main(["list", "--results", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    for source, part in (
        ("hf", "ORG/NAME"),
        ("onnx", "path/to/file.onnx"),
        ("python", "FILE.py:FUNCTION, which is executed"),
    ):
        assert [line for line in lines if line.strip().startswith(f"{source}:") and part in line]


def test_letters_are_read_from_a_python_file(tmp_path, caplog):
    """The zoo's network, returned by a function of three lines, decides each letter as it does by its name."""
    (tmp_path / "zoo_again.py").write_text(
        "from benchmark.plugins.networks import load\n\ndef letters():\n"
        '    return load("zoo:resnet", None).module, {"size": 64, "mean": 0.5, "std": 0.5, "resize": 64, '
        '"interpolation": "bicubic"}\n'
    )
    dataset = Glyphs(train=0, validation=0, test=0, zoo=20)
    letters = [to_tensor(dataset.read(f"zoo-{number:05d}")) for number in range(20)]
    with caplog.at_level(logging.WARNING):
        network = load(f"python:{tmp_path}/zoo_again.py:letters", None)
    assert network.preprocessing == load("zoo:resnet", None).preprocessing
    answer = network.answer(letters, "cpu")
    torch.testing.assert_close(answer, load("zoo:resnet", None).answer(letters, "cpu"))
