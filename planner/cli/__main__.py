"""``python -m planner.cli``: the same as ``cement-planner``."""

import sys

from planner.cli import main

sys.exit(main())
