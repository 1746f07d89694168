"""Repositories of the Hugging Face hub as folders on this machine, from its cache or by download."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.errors import MissingWeights, NetworkError
from benchmark.core.messages import cause

FILES = [
    "config.json", "preprocessor_config.json", "processor_config.json", "model.safetensors", "pytorch_model.bin",
    "model.safetensors.index.json", "model-*-of-*.safetensors",
]  # fmt: skip
"""What is downloaded of a repository."""


def hub_folder(name: str, repository: str, *, download: bool) -> Path:
    """The folder with the files of a repository.

    Args:
        name: the network's name, for errors.
        repository: `ORG/NAME`, and `@REVISION` if not the newest is meant.
        download: whether what is not in the hub's cache may be downloaded.

    Raises:
        MissingWeights: it is not in the cache, and the hub cannot be reached or has no such repository.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise NetworkError(f"{name}: needs huggingface_hub; pip install huggingface_hub") from error
    model, _, revision = repository.partition("@")
    try:
        folder = snapshot_download(
            model, revision=revision or None, allow_patterns=FILES, local_files_only=not download
        )
    except Exception as error:  # the hub client's errors have no common base
        wish = "the hub gives none" if download else "nothing was downloaded"
        raise MissingWeights(
            f"{name}: no files of {model} in the hub's cache, and {wish} ({cause(error)}); try again with a connection, or "
            f"`hf download {model}` on a machine that has one and copy its cache"
        ) from error
    return Path(folder)
