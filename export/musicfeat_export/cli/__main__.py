"""``python -m musicfeat_export.cli``."""

import sys

from musicfeat_export.cli import main

sys.exit(main())
