"""`python -m benchmark` is `utilbench`."""

import sys

from benchmark.cli import main

sys.exit(main())
