"""Engines, which run shards in this process or on a cluster; all of them give the same files."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.core.errors import LabelError
from benchmark.labelling.engines import local, ray
from benchmark.labelling.shards import Shard
from benchmark.labelling.worker import Worker

Engine = Callable[[Worker, Sequence[Shard], str], dict[str, list[Path]]]
"""(worker, shards, title) -> files of each network, in the order of the shards."""
ENGINES = ("local", "ray")


def find_engine(name: str, *, address: str = "") -> Engine:
    """The engine of this name.

    Raises:
        LabelError: there is no such engine, or it takes no address.
    """
    if name not in ENGINES:
        raise LabelError(f"no engine {name!r}; there are {', '.join(ENGINES)}")
    if name == "ray":
        return functools.partial(ray.run, address=address)
    if address:
        raise LabelError(f"the engine {name} takes no address; --engine ray does")
    return local.run
