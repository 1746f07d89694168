"""Values of options: texts of the command line that are checked and converted."""

from __future__ import annotations

import argparse
import math
import re

DEVICE = re.compile(r"cpu|mps|cuda(:\d{1,3})?")


def count(text: str) -> int:
    """A whole number from 0 on."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number from 0 to 999999999")
    return int(text)


def sources(text: str) -> int:
    """A number of sources, from 1 on."""
    if not (number := count(text)):
        raise argparse.ArgumentTypeError("0 is no number of sources; without --limit all are taken")
    return number


def positive(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number above 0")
    return value


def port(text: str) -> int:
    """The number of a port."""
    number = count(text)
    if not 0 < number < 2**16:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no port, which is a number from 1 to 65535")
    return number


def share(text: str) -> float:
    """A number above 0, up to 1."""
    value = positive(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no share, which is above 0 and at most 1")
    return value


def device(text: str) -> str:
    """The name of a device."""
    if not DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no device; there are cpu, cuda, cuda:N and mps")
    return text


def path(text: str) -> str:
    """A path, which is not empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no path")
    return text


def names(text: str) -> list[str]:
    """Names with commas between them."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no list with commas, such as jpeg,webp")
    return parts


def shares(text: str) -> list[float]:
    """Shares with commas between them."""
    return [share(part) for part in names(text)]


def figure_file(text: str) -> str:
    """The path of a figure."""
    if not path(text).lower().endswith((".png", ".svg")):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no figure; its name ends in .png or .svg")
    return text
