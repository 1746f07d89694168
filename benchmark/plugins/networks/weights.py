"""Files of weights: where they lie, what they hold, and the digest by which outcomes name them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmark.core.digests import digest
from benchmark.core.errors import NetworkError

if TYPE_CHECKING:
    from torch import Tensor, nn


def local_file(folder: Path | None, *names: str) -> Path | None:
    """The first of these files that exists in the networks folder, or None."""
    paths = (folder / name for name in names if folder is not None)
    return next((path for path in paths if path.is_file()), None)


def file_digest(path: Path) -> str:
    """BLAKE2b of a file, as 16 hexadecimal digits."""
    with path.open("rb") as file:
        state = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8))
    return state.hexdigest()


def files_digest(path: Path, others: list[str]) -> str:
    """Digest of a network of several files, as 16 hexadecimal digits; `file_digest` if there is only one.

    Args:
        path: the main file.
        others: names of the other files, relative to its folder.
    """
    parts = [f"{name} {file_digest(path.parent / name)}" for name in sorted(others)]
    return digest("files of a network", file_digest(path), *parts) if parts else file_digest(path)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors`, `.pth` or `.pt` file, by name; no code in it is executed.

    Raises:
        NetworkError: the file is damaged or holds anything other than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, pickle and safetensors raise many types; each means that the file is unusable
        raise NetworkError(f"{path}: not readable as weights ({error})") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise NetworkError(f"{path}: holds no plain dictionary of tensors")
    return state


def fill(module: nn.Module, state: dict[str, Tensor], name: str, path: Path, *, by_order: bool = False) -> None:
    """Load a state into a module by name, or by position where the names come from another library.

    The counts of batches seen, which old checkpoints lack and evaluation does not use, may be missing.

    Raises:
        NetworkError: a tensor is missing, unknown or of another shape; the message names the first such tensor.
    """
    own = module.state_dict()
    if by_order:
        if len(own) != len(state):
            raise NetworkError(f"{name}: {path} has {len(state)} tensors, the architecture {len(own)}")
        state = dict(zip(own, state.values(), strict=True))
    counts = {key: value for key, value in own.items() if key.endswith("num_batches_tracked")}
    state = {**counts, **state}
    for key, value in own.items():
        if key not in state:
            raise NetworkError(f"{name}: {path} lacks the tensor {key}")
        if state[key].shape != value.shape:
            raise NetworkError(f"{name}: {path}: {key} has shape {tuple(state[key].shape)}, not {tuple(value.shape)}")
    if unknown := sorted(set(state) - set(own)):
        raise NetworkError(f"{name}: {path} has a tensor that the architecture lacks: {unknown[0]}")
    module.load_state_dict(state)


def missing(name: str, folder: Path | None, cache: Path | str, origin: str, error: Exception) -> str:
    """One line that says what is missing, where it was searched and how to get it."""
    model = name.partition(":")[2]
    location = folder or "a networks folder (none given: set UTILBENCH_NETWORKS or --networks)"
    return (
        f"{name}: no weights; looked for {model}.safetensors and {model}.pth in {location}, then in {cache}, "
        f"then at {origin} ({type(error).__name__}); download them there and put them in the networks folder"
    )
