"""How a process uses this machine: its memory allocator, cores, threads and device."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from benchmark.core.errors import BenchmarkError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


Item = TypeVar("Item")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEEP = 2**30


def keep_freed_memory() -> None:
    """Let glibc keep freed memory instead of returning it to the system, for all threads together; elsewhere, do nothing.

    By default, every large activation is mapped, page-faulted and unmapped again, which makes training several times slower;
    and each thread keeps memory of its own, so that a process grows with every pool of threads.
    """
    if libc := glibc():
        libc.mallopt(M_MMAP_THRESHOLD, KEEP)
        libc.mallopt(M_TRIM_THRESHOLD, KEEP)
        libc.mallopt(M_ARENA_MAX, 1)


def return_freed_memory() -> None:
    """Let glibc return what it kept of freed memory, after a piece of work; elsewhere, do nothing.

    What is kept lies between what lives on, so that the next piece may not fit in, and a process grows with each.
    """
    if libc := glibc():
        libc.malloc_trim(0)


@functools.cache
def glibc() -> ctypes.CDLL | None:
    """The C library of this process where it is glibc, whose allocator can be told what to do."""
    return ctypes.CDLL(None) if sys.platform == "linux" and platform.libc_ver()[0] == "glibc" else None


def cores() -> int:
    """Processor cores that this process may use, given affinity, cgroup limits and the processes that share a training."""
    import joblib

    return max(1, int(joblib.cpu_count()) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def prepare_process(*, threads: int = 0) -> None:
    """Prepare this process for heavy work: freed memory is kept, torch uses one thread per core, and float32 is not TF32.

    cuDNN otherwise convolves float32 in TF32, which keeps ten bits after the point: outcomes would not be those of a processor,
    and a score would depend on the images beside it by more than a run allows.

    Args:
        threads: number of torch's threads; 0 for one per core, or for the user's choice where `OMP_NUM_THREADS` is set.
    """
    import torch

    keep_freed_memory()
    torch.backends.cudnn.allow_tf32 = False
    if threads or "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads or cores())


def loader_workers(device: str) -> int:
    """Number of processes that should prepare batches for training on this device.

    It is 0 on `cpu`, where preparation and training alternate on all cores, since in parallel they would compete for them. On
    other devices it is the number of cores minus the one that feeds the device.

    Examples:
        >>> loader_workers("cpu")
        0
    """
    return 0 if device.partition(":")[0] == "cpu" else max(1, cores() - 1)


def all_cores() -> ThreadPoolExecutor:
    """A pool of threads for work that releases the GIL: one more than torch uses, since there is always a thread that waits."""
    import torch

    return ThreadPoolExecutor(torch.get_num_threads() + 1)


def ahead(items: Iterable[Item], device: str) -> Iterator[Item]:
    """Yield the items, each made in a thread while the device processes the previous one; on `cpu`, without a thread."""
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
    """The first available device of `cuda`, `mps` and `cpu`."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def checked_device(name: str) -> str:
    """The name of a device that this machine has.

    Raises:
        BenchmarkError: it has none of this name; the message lists those that it has.
    """
    import torch

    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    available = ["cpu", *(["cuda", *cuda] if cuda else []), *(["mps"] if torch.backends.mps.is_available() else [])]
    if name.removesuffix(":0") not in available:
        raise BenchmarkError(f"no device {name!r} on this machine; there is {', '.join(available)}")
    return name


def to_device(batch: Tensor, device: str) -> Tensor:
    """A batch on the device; for CUDA it is an asynchronous copy from pinned memory, which is unsafe on other devices."""
    return batch.pin_memory().to(device, non_blocking=True) if device.startswith("cuda") else batch.to(device)


def synchronise(device: str) -> None:
    """Wait until the device has done all that it was given; a processor has."""
    import torch

    if torch.device(device).type in ("cuda", "mps"):
        torch.accelerator.synchronize(device)


def compiled(module: torch.nn.Module) -> Callable[[Tensor], Tensor]:
    """A module compiled by torch.compile for inputs of one shape, with its weights frozen into the code."""
    import torch
    import torch._inductor.config

    torch._inductor.config.freezing = True  # there is no public option for it
    return torch.compile(module, dynamic=False)


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU with this seed."""
    import torch

    return torch.Generator().manual_seed(seed)
