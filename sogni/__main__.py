"""`python -m sogni` is the command `sogni`."""

import sys

from .cli import main

sys.exit(main())
