"""The example of `utilbench advise` that README and docs show: `python -m tests.studies.advice`.

The photographs are those of `open`. Writes results/studies/advice.txt, whose lines the pages take theirs from. Needs
UTILBENCH_DATA and EfficientNet-Lite0; four minutes.
"""

import contextlib
import io
import os
from pathlib import Path

from benchmark.cli.main import main as utilbench

FILE = Path(__file__).parents[2] / "results" / "studies" / "advice.txt"
OPTIONS = "--network timm:tf_efficientnet_lite0 --codec jpeg,webp,avif --keep 0.9"


def main():
    """Run the command and keep what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = utilbench(["advise", f"{os.environ['UTILBENCH_DATA']}/open/images", *OPTIONS.split()])
    if status:
        raise SystemExit(status)
    FILE.write_text(f"$ utilbench advise photos/ {OPTIONS}\n{printed.getvalue()}", encoding="utf-8")


if __name__ == "__main__":
    main()
