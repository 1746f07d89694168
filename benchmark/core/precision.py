"""The precision in which a device computes fastest, and the context in which torch uses a precision.

bf16 halves the time of a training step where a processor or GPU multiplies it natively, and takes several times as long where
it is emulated: on x86 without AMX or AVX512-BF16, on many ARM processors and on old GPUs. AVX512-BF16 alone speeds up forward
passes and may still slow down training, because oneDNN has no kernel for some gradients. `auto` queries torch first and, where
torch cannot decide, times a training step of ResNet-18 in both precisions.
"""

from __future__ import annotations

import contextlib
import functools
import platform
import time

PRECISIONS = ("float32", "bf16", "fp16")
GAIN = 0.9
"""`auto` selects bf16 where its step takes at most this share of the time of a float32 step."""
X86 = ("x86_64", "AMD64")


def autocast(device: str, precision: str) -> contextlib.AbstractContextManager[object]:
    """The context in which a forward pass runs at `precision`, one of `PRECISIONS`.

    Examples:
        >>> import torch
        >>> with autocast("cpu", "bf16"):
        ...     (torch.ones(1, 1) @ torch.ones(1, 1)).dtype
        torch.bfloat16
    """
    import torch

    if precision == "float32":
        return contextlib.nullcontext()
    kind = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    return torch.autocast(device_type=device.partition(":")[0], dtype=kind)


def training_precision(device: str, precision: str = "auto") -> str:
    """The precision for training: `auto` becomes `bf16` where that is faster than float32 on the device, else `float32`.

    Args:
        device: `cpu`, `cuda` or `mps`.
        precision: `auto`, or one of `PRECISIONS`, which is returned unchanged.

    Examples:
        >>> training_precision("cpu", "float32")
        'float32'
    """
    if precision != "auto":
        return precision
    native = native_bf16(device)
    if native is None:
        native = time_ratio(device, "bf16", training=True) <= GAIN
    return "bf16" if native else "float32"


def native_bf16(device: str) -> bool | None:
    """Whether the device trains faster in bf16, by its features; None where only a measurement can decide."""
    import torch

    kind = device.partition(":")[0]
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind != "cpu" or platform.machine() not in X86:
        return None
    if not torch.backends.cpu.get_cpu_capability().startswith(("AVX512", "AMX")):
        return False
    if torch.cpu._is_amx_tile_supported():
        return True
    return None if torch.cpu._is_avx512_bf16_supported() else False


def emulated_ratio(device: str, precision: str) -> float:
    """Time of a forward pass at this precision over its time in float32, where the device emulates the precision; else 1.

    CUDA is asked, since on a small network a GPU waits for its next kernel most of the time, and half precision looks no faster
    than float32 although it is; a processor is measured.
    """
    if precision == "float32" or (device.startswith("cuda") and (precision == "fp16" or native_bf16(device))):
        return 1.0
    return max(1.0, time_ratio(device, precision, training=False))


@functools.cache
def time_ratio(device: str, precision: str, training: bool) -> float:
    """Time of ResNet-18 at this precision over its time in float32, measured once per process; below 1 it is faster.

    Args:
        device: `cpu`, `cuda` or `mps`.
        precision: one of `PRECISIONS`.
        training: whether to time a training step or a forward pass, both on eight images of 64 px.
    """
    import torch
    from torchvision.models import resnet18

    model = resnet18(num_classes=2).to(device, memory_format=torch.channels_last).train(training)
    images = torch.zeros(8, 3, 64, 64, device=device).contiguous(memory_format=torch.channels_last)

    def seconds(kind: str) -> float:
        start = time.perf_counter()
        with torch.set_grad_enabled(training), autocast(device, kind):
            total = model(images).float().sum()
        if training:
            total.backward()
        total.item()  # synchronises with a GPU
        return time.perf_counter() - start

    times = {kind: min(seconds(kind) for _ in range(3)) for kind in ("float32", precision)}
    return times[precision] / times["float32"]
