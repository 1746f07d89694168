"""How a process uses this machine: folders, whole files, memory allocator, cores, device, versions on record."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmark.places import place

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from benchmark.places import Place

Item = TypeVar("Item")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEEP = 2**30


@dataclass(frozen=True)
class Paths:
    """The folders of one run; None where the user named none."""

    data: Place | None
    """Holds `imagenet/` and `coco/`; a folder or an address such as `s3://bucket/data` (`UTILBENCH_DATA`)."""
    networks: Path | None
    """Holds weight files (`UTILBENCH_NETWORKS`)."""
    cache: Path
    """Derived files that can be made again (`UTILBENCH_CACHE`)."""
    results: Path
    """Outcomes, scores, scorecards and boards."""
    published: Path | None = None
    """Results to read where `results` lacks something, never written to; None: none."""

    @classmethod
    def named(
        cls, data: str | None = None, networks: str | None = None, results: str | None = None, cache: str | None = None
    ) -> Paths:
        """The folders given, else those of the environment, else the defaults."""

        def choose(given: str | None, variable: str) -> Path | None:
            value = given or os.environ.get(variable)
            return Path(value).expanduser() if value else None

        source = data or os.environ.get("UTILBENCH_DATA")

        default = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "utilbench"
        return cls(
            data=place(source) if source else None,
            networks=choose(networks, "UTILBENCH_NETWORKS"),
            cache=choose(cache, "UTILBENCH_CACHE") or default,
            results=Path(results or "results").expanduser(),
            published=published_results(),
        )


def published_results() -> Path:
    """The results that come with the package: beside its modules where it was installed, `results/` in a checkout."""
    package = Path(__file__).parent
    packaged = package / "published"
    return packaged if packaged.is_dir() else package.parent / "results"


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it when the block ends well and removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def file_name(name: str) -> str:
    """A name of a network or predictor as part of a file name: `timm:tf_efficientnet_lite0` -> `timm-tf_efficientnet_lite0`."""
    return name.replace(":", "-")


def write_text(path: Path, text: str) -> None:
    """Write a text file, UTF-8, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def keep_freed_memory() -> None:
    """Let glibc keep freed memory instead of returning it to the system; elsewhere, do nothing.

    By default every large activation is mapped, page-faulted and unmapped again, which makes training several times slower.
    """
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, KEEP)
        libc.mallopt(M_TRIM_THRESHOLD, KEEP)


def cores() -> int:
    """Processor cores that this process may use: affinity and cgroup limits count, and processes that share a training."""
    import joblib

    return max(1, int(joblib.cpu_count()) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def prepare_process() -> None:
    """Make this process ready for heavy work: memory is kept, and torch computes on as many threads as there are cores.

    An `OMP_NUM_THREADS` that a person has set is left as it is.
    """
    import torch

    keep_freed_memory()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(cores())


def loader_workers(device: str) -> int:
    """Processes that should prepare batches for training on this device.

    None on `cpu`: preparing and computing take turns on all cores, since side by side they would take cores from each other.
    Elsewhere all cores but the one that feeds the device.
    """
    return 0 if device.partition(":")[0] == "cpu" else max(1, cores() - 1)


def all_cores() -> ThreadPoolExecutor:
    """Threads for work that leaves Python alone: one more than torch takes, since some always wait."""
    import torch

    return ThreadPoolExecutor(torch.get_num_threads() + 1)


def ahead(items: Iterable[Item], device: str) -> Iterator[Item]:
    """The items, each made in a thread while the device uses the one before it; not on `cpu`, where both would wait."""
    if device == "cpu":
        yield from items
        return
    coming = iter(items)
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, coming, None)
        while (item := following.result()) is not None:
            following = pool.submit(next, coming, None)
            yield item


def best_device() -> str:
    """`cuda`, `mps` or `cpu`, the first that is there."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def to_device(batch: Tensor, device: str) -> Tensor:
    """A batch on the device; CUDA takes it from pinned memory, and nobody waits for it. Elsewhere that would not be safe."""
    return batch.pin_memory().to(device, non_blocking=True) if device.startswith("cuda") else batch.to(device)


def compiled(module: torch.nn.Module) -> Callable[[Tensor], Tensor]:
    """A module's forward through torch.compile for inputs of one shape, its weights frozen into the code."""
    import torch
    import torch._inductor.config

    torch._inductor.config.freezing = True  # there is no other switch
    return torch.compile(module, dynamic=False)


def versions() -> dict[str, str]:
    """Versions of all that can change a pixel or a score, for the record."""
    from PIL import features

    names = (
        "utilbench",
        "torch",
        "torchvision",
        "timm",
        "pillow",
        "numpy",
        "scikit-learn",
        "onnxruntime",
        "piq",
        "pytorch-ood",
    )
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    found["libjpeg"] = str(features.version("libjpeg_turbo") or features.version("jpg"))
    return found


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU with this seed."""
    import torch

    return torch.Generator().manual_seed(seed)
