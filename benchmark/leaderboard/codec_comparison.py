"""Two codecs of a suite compared: how many more or fewer bits the second needs at equal utility, on the same photographs.

for row in compare_codecs(recorded_truth(load_suite("glyphs-mixed"), Workspace.named()), "jpeg", "webp"):
    print(row.curve, row.difference, row.low, row.high)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.core.errors import SuiteError
from benchmark.core.markdown import markdown, number
from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.codec_tables import codec_table, codecs
from benchmark.evaluation.rates import MOST_UNDEFINED, compared, curves_of, difference_measure
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.leaderboard.rate_tables import curve_title, percent
from benchmark.metrics.bootstrap import holm, p_value
from benchmark.metrics.rates import OVERLAP


@dataclass(frozen=True)
class CodecDifference:
    """The difference of two codecs at equal values of one curve."""

    curve: str
    """`useful`, or a held-out network."""
    difference: float | None
    """Mean difference of the second one's rate to the first one's, as a share; None where the curves hardly overlap."""
    low: float | None
    """Lower end of the 95 % interval; None where it is not defined in over 5 % of the resamples."""
    high: float | None
    p: float | None
    """Two-sided p value of the paired bootstrap with Holm's correction over the curves; None without an interval."""


NO_VALUE = (
    f"No value: less than {100 * OVERLAP:.0f} % of the two curves' whole range is common to both, one of them is flat, or no "
    "pristine photograph is judged correctly."
)
NO_INTERVAL = (
    f"No interval: in over {100 * MOST_UNDEFINED:.0f} % of the resamples of the photographs there is no value."
)


def compare_codecs(truth: GroundTruth, first: str, second: str) -> list[CodecDifference]:
    """The differences of two codecs, one for each curve.

    Raises:
        SuiteError: the suite lacks one of them, or they are the same.
    """
    names = codecs(truth.suite)
    if missing := [name for name in (first, second) if name not in names]:
        raise SuiteError(f"{truth.suite.name} has no codec {missing[0]!r}; it has {', '.join(names)}")
    if len(names) == 1 or first == second:
        raise SuiteError(f"{first} and {second}: two codecs are needed; {truth.suite.name} has {', '.join(names)}")
    curves = [curves_of(truth, name, codec_table(truth, name, "test")) for name in (first, second)]
    values = compared(*curves)
    measures = {name: difference_measure(table) for name, table in values.items()}
    defined = [name for name, measure in measures.items() if measure.low is not None]
    corrected = dict(zip(defined, holm([p_value(values[name][1:]) for name in defined]).tolist(), strict=True))
    return [
        CodecDifference(name, measure.value, measure.low, measure.high, corrected.get(name))
        for name, measure in measures.items()
    ]


def as_table(truth: GroundTruth, first: str, second: str, rows: Sequence[CodecDifference]) -> list[str]:
    """The differences as Markdown, with a line on each kind of value that is missing."""
    cells = []
    for row in rows:
        verdict = number(row.p) if row.p is not None else "-"
        shown = percent(Measure(value=row.difference, low=row.low, high=row.high))
        cells.append([curve_title(row.curve, truth.suite), shown, verdict])
    table = markdown(["at equal", f"bits of {second} against {first} (95 %)", "p (Holm)"], cells)
    lacking = [NO_VALUE] if any(row.difference is None for row in rows) else []
    uncertain = any(row.difference is not None and row.low is None for row in rows)
    return [*table, *lacking, *([NO_INTERVAL] if uncertain else [])]


def as_records(rows: Sequence[CodecDifference]) -> list[dict[str, Any]]:
    """The differences as values of JSON."""
    return [asdict(row) for row in rows]
