"""The sources of networks, each with a loader `(model, folder, device, download) -> Network`.

    torchvision:inception_v3              torchvision's architecture, transforms and weights
    timm:tf_efficientnet_lite0            timm's architecture and transforms; also timm:hf-hub:ORG/NAME
    hf:google/vit-base-patch16-224        a classifier or detector of transformers, from the Hugging Face hub or a folder
    onnx:mobilenet_v2_quant               <folder>/mobilenet_v2_quant.onnx; also onnx:path/to/file.onnx
    python:mine.py:network                what a function of a file returns; it is executed, so a suite may not name it
    zoo:vgg                               small networks for letters that come with this package

Weights are searched first in the networks folder, under the model's name (`.safetensors`, `.pth`) or the name under which they
are published, then where torch, timm and the hub keep their downloads. Otherwise they are downloaded, where that is allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmark.core.errors import NetworkError
from benchmark.plugins.networks import zoo, zoo_detectors
from benchmark.plugins.networks.detector import from_detector
from benchmark.plugins.networks.huggingface import hf_network, hf_weights
from benchmark.plugins.networks.network import Network, Preprocessing, from_module
from benchmark.plugins.networks.onnx_files import onnx_file, onnx_weights
from benchmark.plugins.networks.onnx_networks import onnx_network
from benchmark.plugins.networks.python_networks import python_network
from benchmark.plugins.networks.timm_networks import timm_network, timm_weights
from benchmark.plugins.networks.torchvision_networks import torchvision_file, torchvision_network
from benchmark.plugins.networks.weights import file_digest, fill, read_weights

Loader = Callable[[str, Path | None, str, bool], Network]


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
    "timm": timm_weights,
    "hf": hf_weights,
    "onnx": lambda model, folder: onnx_weights(onnx_file(model, folder)),
    "zoo": lambda model, folder: file_digest(zoo.weights_file(model)),
}
"""The digest of a model's weights on this machine, which equals that of the loaded network, by source. That of a Python file
is known only when its function has been executed."""

LOADERS: dict[str, Loader] = {
    "torchvision": torchvision_network,
    "timm": timm_network,
    "hf": hf_network,
    "onnx": onnx_network,
    "python": python_network,
    "zoo": zoo_network,
}
