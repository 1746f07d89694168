"""`python -m benchmark` is `utilbench`."""

import sys

from benchmark.cli.main import main

sys.exit(main())
