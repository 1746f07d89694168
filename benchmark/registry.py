"""Names of what third-party packages add, by entry points in the groups named below.

    utilbench.predictors     a subclass of Predictor
    utilbench.networks       a source of networks: (model, folder, device, download) -> Network
    utilbench.datasets       (data folder or None, options) -> Dataset
    utilbench.distortions    a Distortion

Nothing of a package is imported before one of its names is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from benchmark.errors import PluginError

T = TypeVar("T")


def extensions(kind: str, own: Iterable[str] = ()) -> dict[str, EntryPoint]:
    """The entry points of a kind (`predictors`, `networks`, `datasets`, `distortions`), by name, sorted.

    Raises:
        PluginError: two packages, or a package and this one, use the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=f"utilbench.{kind}"), key=lambda one: (one.name, one.value)):
        if point.name in own or found.get(point.name, point).value != point.value:
            raise PluginError(f"entry point {point.name!r} of utilbench.{kind} ({point.value}): the name is taken")
        found[point.name] = point
    return found


def resolve(kind: str, name: str, own: Mapping[str, T]) -> T | None:
    """What has this name, among our own or a package's; None where nothing has.

    Raises:
        PluginError: the package's entry point fails to load; the message names it and the cause.
    """
    if name in own:
        return own[name]
    point = extensions(kind, own).get(name)
    if point is None:
        return None
    try:
        loaded: T = point.load()
    except Exception as error:  # a package may raise anything when it is imported
        raise PluginError(
            f"entry point {name!r} of utilbench.{kind} ({point.value}) fails to load ({type(error).__name__}: {error})"
        ) from error
    return loaded
