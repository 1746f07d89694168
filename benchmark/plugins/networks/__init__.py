"""Networks by name: `load("timm:tf_efficientnet_lite0", folder)`. torch is imported only when one is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import ANY_ERROR, BenchmarkError, NetworkError, PluginError
from benchmark.core.similar_names import near
from benchmark.plugins.registry import extensions, resolve

if TYPE_CHECKING:
    from benchmark.plugins.networks.network import Network

SOURCES = ("torchvision", "timm", "hf", "onnx", "python", "zoo")
FORMS = {
    "hf": "ORG/NAME of the Hugging Face hub, or a folder (extra hf)",
    "onnx": "NAME of a file in the networks folder (set UTILBENCH_NETWORKS or --networks), or path/to/file.onnx",
    "python": "FILE.py:FUNCTION, which is executed as you",
}
"""What may follow a source whose models are not listed, or not all."""
LIBRARIES = {
    "torchvision": "NAME of a classifier or detector of torchvision, such as resnet18",
    "timm": "NAME of a classifier of timm, such as tf_efficientnet_lite0",
}
"""Sources whose models are not listed: to import the library takes seconds, and to read a thousand names longer."""


def load(name: str, folder: Path | None, *, device: str = "cpu", download: bool = True) -> Network:
    """Load a network with its weights, which are downloaded if this machine lacks them and `download` is true.

    Raises:
        NetworkError: there is no such source or model (the message lists similar names), or the weights are wrong.
        MissingWeights: the weights are nowhere on this machine and cannot be downloaded.
        PluginError: a package's source gives no Network, one of another name, or one whose preprocessing is not of its task.
    """
    from benchmark.core.messages import cause
    from benchmark.plugins.networks.network import Network, Preprocessing
    from benchmark.plugins.networks.sources import LOADERS

    check_name(name, folder)
    source, _, model = name.partition(":")
    loader = resolve("networks", source, LOADERS)
    assert loader is not None
    try:
        network = loader(model, folder, device, download)
    except BenchmarkError:
        raise
    except ANY_ERROR as error:  # a library or package may raise anything
        raise NetworkError(f"{name}: cannot be loaded ({cause(error)})") from error
    if not isinstance(network, Network):
        raise PluginError(f"the source of networks {source!r} gives {network!r}, no Network")
    if network.name != name:
        raise PluginError(f"the source of networks {source!r} gives {network.name!r} where {name!r} was asked for")
    if (network.task == "detection") == isinstance(network.preprocessing, Preprocessing):
        raise PluginError(
            f"{name}: task is {network.task!r} with {type(network.preprocessing).__name__}; valid are classification with "
            "Preprocessing, detection with Letterbox or NoResize"
        )
    return network


def weights_here(name: str, folder: Path | None) -> str | None:
    """Digest of a network's weights on this machine, as `load` would give it, without loading or downloading anything.

    Returns None where no usable weights are here, and for networks of packages, which alone know their digests.
    """
    from benchmark.plugins.networks.sources import WEIGHTS

    source, _, model = name.partition(":")
    try:
        check_name(name, folder)
        return WEIGHTS[source](model, folder) if source in WEIGHTS else None
    except NetworkError:
        return None


def check_name(name: str, folder: Path | None) -> None:
    """Raise NetworkError unless the name is known; files, and names of the hub and of packages, are checked when loaded."""
    source, colon, model = name.partition(":")
    added = extensions("networks", own=SOURCES)
    if source not in (*SOURCES, *added) or not colon:
        sources = [*SOURCES, *added]
        hint = near(source, sources)
        raise NetworkError(
            f"unknown network {name!r}{hint}; a name is source:model, the sources are {', '.join(sources)}"
        )
    if source in added or source in FORMS or (source == "timm" and model.startswith(("hf-hub:", "local-dir:"))):
        return
    candidates = models(source, folder)
    if model not in candidates:
        if source == "torchvision":
            from benchmark.plugins.networks.torchvision_networks import other_purpose

            if purpose := other_purpose(model):
                raise NetworkError(f"{name} is for {purpose}; valid are torchvision's classifiers and detectors")
        hint = near(model, candidates, prefix=f"{source}:")
        first = ", ".join(f"{source}:{other}" for other in candidates[:4])
        raise NetworkError(f"unknown network {name!r}{hint or f'; there are {first}, ...'}")


def models(source: str, folder: Path | None) -> list[str]:
    """The models that a source offers; those of the zoo in the order of their definition, others sorted.

    A source whose models cannot be listed offers none; FORMS says how they are named.
    """
    if source == "torchvision":
        from torchvision import models as torchvision_models

        modules = (torchvision_models, torchvision_models.detection)
        return sorted(name for module in modules for name in torchvision_models.list_models(module=module))
    if source == "timm":
        import timm

        return list(timm.list_models())
    if source == "onnx":
        return sorted(path.stem for path in folder.glob("*.onnx")) if folder else []
    if source in FORMS:
        return []
    from benchmark.plugins.networks.zoo import ARCHITECTURES
    from benchmark.plugins.networks.zoo_detectors import DETECTORS

    return [*ARCHITECTURES, *DETECTORS]
