"""What a try came to."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Try:
    """One try of a family."""

    title: str
    """What was tried."""
    faults: list[str] = field(default_factory=list)
    """What did not hold, a line each."""
