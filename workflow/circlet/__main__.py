"""Run the command line as `python -m circlet`."""

import sys

from circlet.cli import main

if __name__ == "__main__":
    sys.exit(main())
