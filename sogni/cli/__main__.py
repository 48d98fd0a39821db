"""`python -m sogni.cli` is the command `sogni`."""

import sys

from . import main

sys.exit(main())
