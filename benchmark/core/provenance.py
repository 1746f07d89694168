"""The recorded versions of the software that can change a pixel or a score."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform


def versions() -> dict[str, str]:
    """Versions of Python and of all libraries that can change a pixel or a score, and the machine's architecture."""
    from PIL import features

    names = (
        "utilbench",
        "torch",
        "torchvision",
        "timm",
        "pillow",
        "simplejpeg",
        "numpy",
        "scikit-learn",
        "onnxruntime",
        "piq",
        "pytorch-ood",
    )
    recorded = {"python": platform.python_version(), "machine": platform.machine()}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            recorded[name] = importlib.metadata.version(name)
    recorded["libjpeg"] = str(features.version("libjpeg_turbo") or features.version("jpg"))
    return recorded
