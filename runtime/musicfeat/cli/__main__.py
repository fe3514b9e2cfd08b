"""``python -m musicfeat.cli``."""

import sys

from musicfeat.cli import main

if __name__ == "__main__":
    sys.exit(main())
