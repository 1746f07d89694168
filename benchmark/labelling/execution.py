"""How networks are run where outcomes are missing: arithmetic, and where the work is done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ExecutionConfig:
    """How networks are run, if they have to be."""

    precision: str = "float32"
    """One of `precision.PRECISIONS`; ground truth is published in float32."""
    compiled: bool = False
    """Whether forwards go through torch.compile."""
    engine: str = "local"
    """One of `engines.ENGINES`."""
    address: str = ""
    """Address of a cluster, for the engine `ray`."""

    @property
    def arithmetic(self) -> str:
        """Description of the arithmetic, as recorded with the outcomes."""
        return self.precision + (", compiled" if self.compiled else "")


PUBLISHED = ExecutionConfig()
"""The execution with which ground truth is published."""
