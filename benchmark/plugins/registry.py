"""The names that third-party packages add, by entry points in the groups below.

    utilbench.predictors     a subclass of Predictor
    utilbench.networks       a source of networks: (model, folder, device, download) -> Network
    utilbench.datasets       (data folder or None, options) -> Dataset
    utilbench.distortions    a Distortion

A package is imported only when one of its names is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from benchmark.core.errors import ANY_ERROR, PluginError
from benchmark.core.messages import cause

T = TypeVar("T")


def extensions(kind: str, *, own: Iterable[str] = ()) -> dict[str, EntryPoint]:
    """The entry points of a kind (`predictors`, `networks`, `datasets`, `distortions`), by name, sorted.

    Raises:
        PluginError: two packages, or a package and this one, use the same name.
    """
    points: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=f"utilbench.{kind}"), key=lambda entry: (entry.name, entry.value)):
        if point.name in own or points.get(point.name, point).value != point.value:
            raise PluginError(f"entry point {point.name!r} of utilbench.{kind} ({point.value}): the name is taken")
        points[point.name] = point
    return points


def resolve(kind: str, name: str, own: Mapping[str, T]) -> T | None:
    """The object of this name, from this package (`own`) or another one, or None where there is none.

    Raises:
        PluginError: the package's entry point fails to load; the message names it and the cause.
    """
    if name in own:
        return own[name]
    point = extensions(kind, own=own).get(name)
    if point is None:
        return None
    try:
        loaded: T = point.load()
    except ANY_ERROR as error:  # a package may raise anything when it is imported
        raise PluginError(
            f"entry point {name!r} of utilbench.{kind} ({point.value}) fails to load ({cause(error)})"
        ) from error
    return loaded
