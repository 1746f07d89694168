"""A worker: the dataset, the networks and the cache with which shards of labelling are run.

A shard is a set of sources, conditions and networks. It determines its batches, and the name of its file is a digest of
everything the file depends on, so that an interrupted run goes on after its last whole shard and ends with the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.digests import digest
from benchmark.core.errors import ResultError
from benchmark.core.files import discard, file_name
from benchmark.core.parquet import cached_table
from benchmark.core.types import CONDITION
from benchmark.labelling.bitstreams import Bitstreams
from benchmark.labelling.execution import PUBLISHED, ExecutionConfig
from benchmark.labelling.shards import IMAGES, Shard
from benchmark.plugins.datasets import Augmented, open_dataset
from benchmark.plugins.distortions import encoders
from benchmark.plugins.networks import load
from benchmark.suites.spec import Suite

if TYPE_CHECKING:
    from benchmark.core.storage import Location
    from benchmark.plugins.networks.network import Network


@dataclass(frozen=True)
class WorkerConfig:
    """Everything that a worker is built from, by name, so that it can be sent to another machine."""

    suite: Suite
    networks: tuple[str, ...]
    """Names of the networks to run."""
    data: Location | None
    """Location of the photographs."""
    weights: Path | None
    """Folder of the networks' weights."""
    _: KW_ONLY
    execution: ExecutionConfig = PUBLISHED
    """How the networks are run."""
    device: str = "cpu"
    """Device on which the networks run."""
    threads: int = 1
    """Threads per process; their number affects the last digits of a network's outputs."""

    @property
    def kind(self) -> str:
        """The kind of the device: `cpu`, `cuda` or `mps`."""
        return self.device.partition(":")[0]

    @property
    def processor(self) -> dict[str, int | str]:
        """What affects the last digits of a network's outputs: `threads` of a processor, else `device`, its kind."""
        return {"threads": self.threads} if self.kind == "cpu" else {"device": self.kind}

    def open(self, cache: Path, *, dataset: Augmented | None = None, keep_bitstreams: bool = True) -> Worker:
        """Load the networks, and open the dataset unless an open one is given; bitstreams are cached or made anew."""
        dataset = dataset or Augmented(open_dataset(self.suite.dataset, self.data))
        networks = {name: load(name, self.weights, device=self.device) for name in self.networks}
        bitstreams = Bitstreams(self.suite.split.seed, cache / "bitstreams" if keep_bitstreams else None)
        return Worker(self, dataset, networks, cache, bitstreams)


@dataclass
class Worker:
    """The dataset, networks and cache with which shards are run."""

    config: WorkerConfig
    dataset: Augmented
    networks: dict[str, Network]
    cache: Path
    bitstreams: Bitstreams
    _: KW_ONLY
    temperatures: dict[str, float] = field(default_factory=dict)
    """Temperature of each network, available once the pristine images are done."""
    forwards: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    """Compiled forwards of the networks that have been run."""
    judged: int = 0
    """Number of images that networks have judged, counted for each network."""
    seconds: float = 0.0
    """Seconds spent on their forwards alone."""
    compiling: float = 0.0
    """Seconds spent on compiling."""

    def file(self, shard: Shard, name: str) -> Path:
        """Path of the shard's outcomes of one network, named by a digest of everything they depend on."""
        sources = [f"{source.id} {source.digest} {source.known_class}" for source in shard.sources]
        encoder = "" if shard.is_pristine else encoders(condition.distortion for condition in shard.conditions)
        config, judge = self.config, [name]
        if name != IMAGES:
            temperature = "" if shard.is_pristine else repr(self.temperatures.get(name))
            judge += [self.networks[name].weights, config.execution.arithmetic, temperature]
            judge += map(str, config.processor.values())
        key = digest("5", *judge, encoder, str(config.suite.split.seed), *map(str, shard.conditions), *sources)
        return self.cache / "shards" / file_name(name) / f"{key}.parquet"

    def holds(self, shard: Shard, name: str) -> bool:
        """Whether the cache has the shard's outcomes of one network; a file that is damaged or not of it is removed."""
        file, keys = self.file(shard, name), ["source", "digest", *CONDITION]
        table = cached_table(file)
        if table is None:
            return False
        members = [(source.id, source.digest) for source in shard.sources]
        expected = [(*member, *condition) for member in members for condition in shard.conditions]
        if not set(keys) <= set(table.columns) or table.select(keys).rows() != expected:
            discard(file, ResultError(f"{file}: not of this shard"))
            return False
        return True

    def missing(self, shard: Shard) -> tuple[str, ...]:
        """The networks, and `images`, of which the cache lacks the shard's file."""
        return tuple(name for name in shard.networks if not self.holds(shard, name))

    def files(self, shards: Sequence[Shard]) -> dict[str, list[Path]]:
        """The files of each network, in the order of the shards."""
        names = dict.fromkeys(name for shard in shards for name in shard.networks)
        return {name: [self.file(shard, name) for shard in shards if name in shard.networks] for name in names}
