"""Scorecards with other values and the checksum that belongs to them, as only the project itself would write them."""

import contextlib
import json

from benchmark.core.errors import ResultError
from benchmark.core.parquet import read_table, write_table
from benchmark.core.sealed import sealed
from benchmark.evaluation.replicates import run_digest
from benchmark.evaluation.scorecard import read_card


def write_edited(path, **values):
    """Write a card again with these values at its top level; without any, only to seal what was changed by hand."""
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | values)))
    replicates = path.with_suffix(".parquet")
    if replicates.is_file():
        with contextlib.suppress(ResultError):  # a card that is refused has no replicates
            write_table(replicates, read_table(replicates)[0], {"run": run_digest(read_card(path))})
