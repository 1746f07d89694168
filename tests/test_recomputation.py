"""Committed numbers, recomputed from raw files with none of the project's code; `make studies` does it for all scorecards."""

import pytest

from tests.studies.recomputation import ALLOWED, compare
from tests.tracked import ROOT, WHOLE


@pytest.mark.parametrize("suite", WHOLE)
def test_a_committed_card_is_what_the_raw_files_give(suite):
    """AUROC, AUROC within a condition, decisions, SRCC and gains of a card agree with scikit-learn, SciPy and pycocotools."""
    name = "bits_per_pixel" if suite.endswith("mixed") else "jpeg_quality"
    ((_, compared, worst, gap),) = compare(ROOT / "results" / suite, f"combined/{name}", held_out=1)
    assert compared >= 9
    assert gap <= ALLOWED, worst
