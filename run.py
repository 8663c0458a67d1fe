"""Run Commonweal from a checkout, installed or not: ``python run.py --help``."""

import sys

from commonweal.simulation.cli import main

if __name__ == "__main__":
    sys.exit(main())
