"""``python -m musicfeat_trainer.cli``."""

import sys

from musicfeat_trainer.cli import main

if __name__ == "__main__":
    sys.exit(main())
