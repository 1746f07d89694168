"""Settings: what a person says about a network that its file does not, as in `NAME.toml` beside `NAME.onnx`.

    mean = [0.485, 0.456, 0.406]    # subtracted from each channel, in the order of the network's channels
    std = [0.229, 0.224, 0.225]     # divides what remains

| key | valid | without it |
|---|---|---|
| `mean`, `std` | three numbers, or one for all channels, of values from 0 to `range` | asked for, but see `onnx_contract` |
| `range` | 1 or 255, the value of white | 1, or as the start of the graph tells |
| `channel_order` | `rgb`, `bgr` | `rgb` |
| `layout` | `nchw`, `nhwc` | the graph's; asked for where it leaves the channels free |
| `size` | side of the square that the network takes, in px | the graph's; asked for where it is free |
| `resize` | length of the short side before the crop, in px, or `stretch` | size / 0.875, rounded down |
| `interpolation` | `bilinear`, `bicubic`, `nearest` | `bilinear` |
| `letterbox` | `centre`, `corner`, `none` (stretched), of a detector | `centre`; `none` with `boxes` and `scores` |
| `grey` | 0 to 255, the level beside a letterboxed image | 114; 0 with `boxes` and `scores` |
| `task` | `classification`, `detection` | by the shape of the output |
| `output` | name of the output to read | the only one, or the only one of a known shape |
| `answers` | `logits`, `probabilities` | tried on two images |
| `offset` | number of classes before the first that counts | 1 for 1001 classes of a classifier, else 0 |
| `classes` | number of a detector's classes | the graph's; 80 where the network itself suppresses boxes |
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchmark.core.errors import NetworkError
from benchmark.core.files import read_bounded
from benchmark.plugins.networks.network import Preprocessing

MOST_BYTES = 2**16
"""Largest file of settings."""
LARGEST = 8192
"""Largest side and number of classes."""
Channels = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is said about a network; None is what is not said. The module's table explains each."""

    mean: Channels | None = None
    std: Channels | None = None
    range: int | None = None
    channel_order: str | None = None
    layout: str | None = None
    size: int | None = None
    resize: int | str | None = None
    interpolation: str | None = None
    letterbox: str | None = None
    grey: int | None = None
    task: str | None = None
    output: str | None = None
    answers: str | None = None
    offset: int | None = None
    classes: int | None = None


def is_whole(value: Any, least: int, most: int) -> bool:
    """Whether a value from TOML is an integer in this range; a boolean is none."""
    return type(value) is int and least <= value <= most


def is_channels(value: Any, *, positive: bool) -> bool:
    """Whether a value is a finite number or a list of three, above 0 if `positive`."""
    numbers = value if isinstance(value, list | tuple) and len(value) == 3 else [value]
    return all(
        type(number) in (int, float) and math.isfinite(number) and (number > 0 or not positive) for number in numbers
    )


def choice(*values: Any) -> tuple[Callable[[Any], bool], str]:
    """The rule of a key that has a few values."""
    return lambda value: any(type(value) is type(other) and value == other for other in values), " or ".join(
        f'"{value}"' if isinstance(value, str) else str(value) for value in values
    )


def whole(least: int, most: int, what: str) -> tuple[Callable[[Any], bool], str]:
    """The rule of a key that is a whole number."""
    return lambda value: is_whole(value, least, most), f"{what}, {least} to {most}"


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "mean": (lambda value: is_channels(value, positive=False), "three numbers, as in [0.485, 0.456, 0.406], or one"),
    "std": (
        lambda value: is_channels(value, positive=True),
        "three numbers above 0, as in [0.229, 0.224, 0.225], or one",
    ),
    "range": choice(1, 255),
    "channel_order": choice("rgb", "bgr"),
    "layout": choice("nchw", "nhwc"),
    "size": whole(1, LARGEST, "a side in px"),
    "resize": (
        lambda value: value == "stretch" or is_whole(value, 1, LARGEST),
        f'a side in px, 1 to {LARGEST}, or "stretch"',
    ),
    "interpolation": choice("bilinear", "bicubic", "nearest"),
    "letterbox": choice("centre", "corner", "none"),
    "grey": whole(0, 255, "a grey level"),
    "task": choice("classification", "detection"),
    "output": (lambda value: isinstance(value, str) and bool(value), "the name of an output"),
    "answers": choice("logits", "probabilities"),
    "offset": whole(0, LARGEST, "a number of classes"),
    "classes": whole(1, LARGEST, "a number of classes"),
}
"""What each key may be, and the same in words."""


def settings_from(table: dict[str, Any], origin: str) -> Settings:
    """Settings from a table of keys and values.

    Args:
        table: the table.
        origin: what to call its file in messages.

    Raises:
        NetworkError: a key or value is not valid; the message names origin, key and what is valid.

    Examples:
        >>> settings_from({"mean": 0.5, "std": [1, 2, 3]}, "net.toml").mean
        (0.5, 0.5, 0.5)
        >>> settings_from({"range": 256}, "net.toml")
        Traceback (most recent call last):
        benchmark.core.errors.NetworkError: net.toml: range is 256; valid is 1 or 255
    """
    for key, value in table.items():
        if key not in RULES:
            raise NetworkError(f"{origin}: unknown key {key!r}; valid are {', '.join(RULES)}")
        fits, valid = RULES[key]
        if not fits(value):
            raise NetworkError(f"{origin}: {key} is {value!r}; valid is {valid}")
    channels = {
        key: tuple(map(float, value if isinstance(value, list | tuple) else [value] * 3))
        for key, value in table.items()
        if key in ("mean", "std")
    }
    return Settings(**table | channels)


def read_settings(path: Path) -> Settings:
    """The settings in a TOML file, none if there is no such file.

    Raises:
        NetworkError: the file cannot be read, or a key or value is not valid; the message names it.
    """
    if not path.is_file():
        return Settings()
    try:
        table = tomllib.loads(read_bounded(path, MOST_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise NetworkError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise NetworkError(f"{path}: not TOML ({error})") from error
    return settings_from(table, str(path))


def refuse(settings: Settings, keys: tuple[str, ...], origin: str, reason: str) -> None:
    """Raise NetworkError if one of these keys is set, since it would be ignored."""
    for key in keys:
        if getattr(settings, key) is not None:
            valid = ", ".join(field.name for field in fields(Settings) if field.name not in keys)
            raise NetworkError(f"{origin}: {key} is set, but {reason}; valid are {valid}")


EXAMPLES = {
    "layout": 'layout = "nchw"',
    "size": "size = 224",
    "mean": "mean = [0.485, 0.456, 0.406]",
    "std": "std = [0.229, 0.224, 0.225]",
    "output": 'output = "NAME"',
    "answers": 'answers = "logits"',
    "task": 'task = "classification"',
}
"""How a key may be written; the numbers are those of most networks trained on ImageNet."""


def asked(keys: list[str], reason: str, origin: str) -> str:
    """The end of an error that asks for keys.

    Examples:
        >>> asked(["size"], "cannot be read from its graph", "net.toml")
        'size cannot be read from its graph: put `size = 224` (or what it was trained with) into net.toml'
    """
    listed = ", ".join(keys[:-1]) + (" and " if keys[1:] else "") + keys[-1]
    lines = ", ".join(f"`{EXAMPLES[key]}`" for key in keys)
    return f"{listed} {reason}: put {lines} (or what it was trained with) into {origin}"


def preprocessing_of(
    settings: Settings,
    size: int,
    origin: str,
    *,
    crop: float = 0.875,
    mean: Channels = (0.0, 0.0, 0.0),
    std: Channels = (1.0, 1.0, 1.0),
) -> Preprocessing:
    """Resize, crop and normalisation of a classifier.

    Args:
        settings: what is said about it.
        size: side of the square that it takes, in px.
        origin: what to call the settings' file in messages.
        crop: share of the short side that is kept, where the settings do not say it.
        mean: subtracted from RGB in 0..1.
        std: divides what remains.

    Raises:
        NetworkError: the image would be smaller than the square.

    Examples:
        >>> preprocessing_of(Settings(), 224, "").resize, preprocessing_of(Settings(resize="stretch"), 64, "").stretch
        (256, True)
    """
    interpolation = settings.interpolation or "bilinear"
    if settings.resize == "stretch":
        return Preprocessing(size, size, interpolation=interpolation, mean=mean, std=std, stretch=True)
    resize = int(settings.resize or size / crop)
    if resize < size:
        raise NetworkError(f'{origin}: resize is {resize}; valid is at least the size, {size}, or "stretch"')
    return Preprocessing(resize, size, interpolation=interpolation, mean=mean, std=std)
