"""`python:` networks: what a function of a Python file returns.

    python:mine.py:network      network() of mine.py, from here or from the networks folder

**The file is executed**, with all that the person who runs it may do. So it is only where that person names it: on the command
line or in Python. A suite, which may be a stranger's, cannot name it; there a package's entry point does.

The function takes no arguments. It returns one of these:

- a `benchmark.Network`, complete;
- a classifier: a `torch.nn.Module`, (N, 3, S, S) -> (N, classes), and a dictionary with keys of `settings`. `size`, `mean` and
  `std` are needed:

        def network():
            return torchvision.models.resnet18(weights="DEFAULT"), {"size": 224, "mean": [...], "std": [...]}

The digest of the weights covers the file's source and the module's state; of other files that it imports nothing.
"""

from __future__ import annotations

import dataclasses
import sys
import types
from pathlib import Path
from typing import Any

import torch

from benchmark.core.digests import digest
from benchmark.core.errors import ANY_ERROR, BenchmarkError, MissingWeights, NetworkError
from benchmark.core.messages import cause
from benchmark.plugins.networks.answers import kind_of_answers, probes
from benchmark.plugins.networks.network import Network, from_module
from benchmark.plugins.networks.settings import Settings, asked, preprocessing_of, refuse, settings_from
from benchmark.plugins.networks.weights import local_file

USELESS = ("layout", "letterbox", "grey", "task", "output", "classes", "offset")
"""Keys that mean nothing for a classifier's module."""


def python_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """The network that a function returns; `model` is FILE.py:FUNCTION.

    Raises:
        MissingWeights: there is no such file.
        NetworkError: the file fails to load, has no such function, or this fails or returns something else.
    """
    name, path, function = f"python:{model}", *python_file(model, folder)
    source = path.read_bytes()
    value = returned(name, path, source, function)
    if isinstance(value, Network):
        weights = digest("python network", source, value.weights, *state_parts(value.module))
        return dataclasses.replace(value, name=name, weights=weights)
    if isinstance(value, torch.nn.Module):
        value = value, {}
    if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], torch.nn.Module)):
        valid = "a Network, or a classifier's torch.nn.Module and a dictionary of its size, mean and std"
        raise NetworkError(f"{name}: {function} returns {type(value).__name__}; valid is {valid}")
    module, table = value
    if not isinstance(table, dict):
        raise NetworkError(
            f"{name}: beside its module, {function} returns {type(table).__name__}; valid is a dictionary"
        )
    weights = digest("python network", source, repr(sorted(table.items())), *state_parts(module))
    return classifier(name, module, settings_from(table, name), weights, device=device)


def python_file(model: str, folder: Path | None) -> tuple[Path, str]:
    """The file and the name of the function that `FILE.py:FUNCTION` names.

    Raises:
        NetworkError: the name has another form.
        MissingWeights: there is no such file.
    """
    file, _, function = model.rpartition(":")
    if not file.endswith(".py") or not function.isidentifier():
        raise NetworkError(f"python:{model}: valid is python:FILE.py:FUNCTION, as in python:mine.py:network")
    path = Path(file).expanduser()
    nearest = path if path.is_file() else local_file(folder, file)
    if nearest is None:
        raise MissingWeights(
            f"python:{model}: no file {path.absolute()}" + (f", and none in {folder}" if folder else "")
        )
    return nearest, function


def returned(name: str, path: Path, source: bytes, function: str) -> Any:
    """Execute a file's source, with its folder first among those that it imports from, and call its function."""
    module = types.ModuleType(f"network_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where pickle and dataclasses look for it
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        exec(compile(source, str(path), "exec"), vars(module))
        call = vars(module).get(function)
        if not callable(call):
            own = [key for key, value in vars(module).items() if isinstance(value, types.FunctionType)]
            raise NetworkError(f"{name}: {path} has no function {function}; it has {', '.join(own) or 'none'}")
        return call()
    except BenchmarkError:
        raise
    except ANY_ERROR as error:
        raise NetworkError(f"{name}: {path} fails ({cause(error)})") from error
    finally:
        sys.path.remove(str(path.parent.resolve()))


def state_parts(module: torch.nn.Module | None) -> list[str | bytes]:
    """Names, types, shapes and bytes of a module's state, in the order of their names; empty without a module."""
    parts: list[str | bytes] = []
    for key, value in sorted(module.state_dict().items()) if module is not None else []:
        tensor = value.detach().cpu().contiguous()
        parts += [f"{key} {tensor.dtype} {tuple(tensor.shape)}", tensor.flatten().view(torch.uint8).numpy().tobytes()]
    return parts


class ReversedChannels(torch.nn.Module):
    """A classifier that gets RGB around one that takes BGR."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """RGB (N, 3, S, S) -> (N, classes)."""
        answers: torch.Tensor = self.module(images.flip(1))
        return answers


def classifier(name: str, module: torch.nn.Module, settings: Settings, weights: str, *, device: str) -> Network:
    """The network around a classifier's module.

    Raises:
        NetworkError: settings are missing or mean nothing for it, or it fails at two images of noise.
    """
    refuse(settings, USELESS, name, "it says nothing about a classifier's module")
    size, mean, std = settings.size, settings.mean, settings.std
    if size is None or mean is None or std is None:
        keys = [key for key in ("size", "mean", "std") if getattr(settings, key) is None]
        raise NetworkError(
            f"{name}: {asked(keys, 'cannot be read from a module', 'the dictionary returned beside it')}"
        )
    white, order = settings.range or 1, -1 if settings.channel_order == "bgr" else 1
    scale = {
        key: (values[::order][0] / white, values[1] / white, values[::order][2] / white)
        for key, values in (("mean", mean), ("std", std))
    }
    prepare = preprocessing_of(settings, size, name, mean=scale["mean"], std=scale["std"])
    ready = ReversedChannels(module) if order < 0 else module
    network = from_module(name, ready, 1, prepare, weights, device=device)
    images = (probes(max(size, 2)) * 255).byte()
    try:
        with torch.inference_mode():
            answers = network.forward(network.prepared(list(images), device)).float().cpu()
    except ANY_ERROR as error:  # a module may raise anything
        raise NetworkError(f"{name}: fails at an image of noise ({cause(error)})") from error
    if answers.ndim != 2 or len(answers) != 2:
        raise NetworkError(f"{name}: it answers {tuple(answers.shape)} to two images; valid is (2, classes)")
    kind = settings.answers or kind_of_answers(answers) or "logits"
    return dataclasses.replace(network, classes=answers.shape[1], logits=kind == "logits")
