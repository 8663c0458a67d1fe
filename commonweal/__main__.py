"""Run the command: ``python -m commonweal --help``."""

import sys

from commonweal.simulation.cli import main

if __name__ == "__main__":
    sys.exit(main())
