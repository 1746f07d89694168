"""What all figures and pages share: the style of matplotlib's figures, and small images that are part of a page."""

from __future__ import annotations

import base64
import io

from PIL import Image

from benchmark.core.images import Pixels

STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "utilbench",
    "figure.constrained_layout.use": True,
}
"""Settings of matplotlib, with which the same input gives the same bytes."""


def image_address(image: Pixels, side: int, kind: str, **parameters: int) -> str:
    """An image (uint8 RGB (H, W, 3)), reduced to at most `side` px, as an address that holds it.

    Args:
        image: the image.
        side: the longest side, in px.
        kind: Pillow's name of the format, such as `PNG`.
        parameters: what Pillow is told about the format, such as `quality`.

    Examples:
        >>> import numpy as np
        >>> image_address(np.zeros((4, 4, 3), np.uint8), 2, "WEBP", quality=80)[:23]
        'data:image/webp;base64,'
    """
    small = Image.fromarray(image)
    small.thumbnail((side, side))
    buffer = io.BytesIO()
    small.save(buffer, kind, **parameters)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
