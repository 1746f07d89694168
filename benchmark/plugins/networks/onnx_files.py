"""Files of `onnx:` networks: where they lie, what they keep in other files, their digest, and the session that runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmark.core.errors import MissingWeights, NetworkError
from benchmark.core.messages import cause
from benchmark.plugins.networks.weights import files_digest, local_file


def onnx_file(model: str, folder: Path | None) -> Path:
    """The path of a model's file.

    Args:
        model: `NAME`, of `<folder>/NAME.onnx`, or a path that ends in `.onnx`, from here or from the folder.
        folder: the networks folder.

    Raises:
        MissingWeights: there is no such file.
    """
    location = folder or "a networks folder (none given: set UTILBENCH_NETWORKS or --networks)"
    if not model.endswith(".onnx"):
        path = local_file(folder, f"{model}.onnx")
        if path is None:
            raise MissingWeights(f"onnx:{model}: no file {model}.onnx in {location}; put it there, or give its path")
        return path
    path = Path(model).expanduser()
    nearest = path if path.is_file() else local_file(folder, model)
    if nearest is None:
        raise MissingWeights(f"onnx:{model}: no file {path.absolute()}, and no {model} in {location}")
    return nearest


def settings_file(path: Path) -> Path:
    """The file of settings beside a model's: `NAME.toml` beside `NAME.onnx`."""
    return path.with_suffix(".toml")


def onnx_weights(path: Path) -> str:
    """Digest of a model's file, of its settings if there are any, and of all files in which it keeps tensors."""
    settings = settings_file(path)
    return files_digest(path, [*tensor_files(path), *([settings.name] if settings.is_file() else [])])


def read_model(path: Path) -> Any:
    """A model's protobuf, without the tensors that it keeps in other files.

    Raises:
        NetworkError: onnx is not installed, or the file is damaged.
    """
    try:
        import onnx
    except ImportError as error:
        raise NetworkError(f"{path}: needs onnx; pip install 'utilbench[lite]'") from error
    try:
        return onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's errors have no common base
        raise NetworkError(f"{path}: not readable as ONNX ({cause(error)})") from error


def open_session(path: Path) -> Any:
    """An inference session of onnxruntime on the processor, with as many threads as torch has.

    Its threads sleep while they wait: those that spin take the cores from torch's, which spin too, and both get slower.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise NetworkError(f"{path}: needs onnxruntime; pip install 'utilbench[lite]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what it would log it raises
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base
        raise NetworkError(f"{path}: not readable as ONNX ({cause(error)})") from error


def tensor_files(path: Path) -> list[str]:
    """The names, relative to its folder, of the other files that hold tensors of a model.

    Raises:
        NetworkError: the model is damaged, or such a file is missing or not inside the folder.
    """
    graph = read_model(path)
    import onnx

    folder = path.parent.resolve()
    names = {
        entry.value
        for tensor in messages(graph, onnx.TensorProto)
        if tensor.data_location == onnx.TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    for name in sorted(names):
        if "\0" in name or not (folder / name).resolve().is_relative_to(folder):
            raise NetworkError(f"{path}: keeps tensors in {name!r}; valid is a file inside {folder}")
        if not (folder / name).is_file():
            raise MissingWeights(f"{path}: keeps tensors in {name}, and {folder} has no such file; put it there")
    return sorted(names)


def messages(message: Any, kind: type) -> Iterator[Any]:
    """All parts of a protobuf message that are of this kind, at any depth."""
    if isinstance(message, kind):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from messages(part, kind)
