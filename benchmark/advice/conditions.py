"""The conditions that are tried: codecs, each with levels from hardly any loss to a strong one, at one or several resolutions.

tried(["jpeg", "webp:90/70/50"], [1.0, 0.5])     # jpeg, jpeg@50, webp, webp@50, each with its levels
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.core.errors import SuiteError
from benchmark.core.schema import twice
from benchmark.plugins.distortions import find_distortion, scaled, unscaled
from benchmark.suites.spec import DistortionChoice

CODECS = ("jpeg", "jpeg444", "webp", "avif", "jpeg2000")
"""The codecs that are tried by default: those of the base installation."""
LEVELS = {
    "jpeg": (95, 90, 80, 70, 55, 40, 25, 10),
    "jpeg444": (95, 90, 80, 70, 55, 40, 25, 10),
    "webp": (95, 90, 80, 65, 50, 35, 20, 5),
    "avif": (90, 75, 60, 50, 40, 30, 20, 10),
    "jpeg2000": (46, 43, 40, 37, 34, 31, 28, 25),
}
"""The levels of each, from the top down."""
COUNT = 8
"""Number of levels of other codecs, which are spread evenly over their range."""


def tried(codecs: Sequence[str], shares: Sequence[float]) -> tuple[DistortionChoice, ...]:
    """The distortions to try, with their levels.

    Args:
        codecs: names, each alone or with its levels as in `jpeg:90/70/50`.
        shares: shares of the sides of the photographs, above 0 and at most 1; 1 leaves them as they are.

    Raises:
        SuiteError: a codec is unknown, named twice or no codec, or a level is not one of its levels.

    Examples:
        >>> [(choice.name, choice.levels) for choice in tried(["jpeg:90/50"], [1.0, 0.5])]
        [('jpeg', (90, 50)), ('jpeg@50', (90, 50))]
    """
    names = [text.partition(":")[0] for text in codecs]
    if repeated := twice(names):
        raise SuiteError(f"the codec {repeated} is named twice; name it once, with its levels as {repeated}:90/50")
    choices = []
    for text, name in zip(codecs, names, strict=True):
        levels = levels_of(name, text.partition(":")[2])
        choices += [DistortionChoice(scaled(name, share), levels, ()) for share in shares]
    for choice in choices:
        find_distortion(choice.name).encoder()  # says what is missing where it cannot be used
    return tuple({choice.name: choice for choice in choices}.values())


def levels_of(name: str, listed: str) -> tuple[int, ...]:
    """The levels of a codec from the top down: those listed, as in `90/70/50`, else the default ones."""
    codec = find_distortion(name)
    if codec.kind != "codec":
        raise SuiteError(f"{name} is a {codec.kind}, no codec; codecs are {', '.join(CODECS)}, and those of extras")
    low, high = codec.levels[0], codec.levels[-1]
    if not listed:
        base = unscaled(name)[0].partition("-speed")[0]
        return LEVELS.get(base) or tuple(
            sorted({round(level) for level in np.linspace(low, high, COUNT)}, reverse=True)
        )
    levels = [int(part) if part.isdecimal() and part.isascii() else -1 for part in listed.split("/")]
    if wrong := [part for part, level in zip(listed.split("/"), levels, strict=True) if level not in codec.levels]:
        raise SuiteError(
            f"{name}: {wrong[0][:40]!r} is no level; valid are whole numbers from {low} to {high}, as 90/70/50"
        )
    return tuple(sorted(set(levels), reverse=True))
