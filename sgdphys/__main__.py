"""``python -m sgdphys``."""

import sys

if not sys.flags.safe_path:
    # Python puts the working folder first, where a file of its could stand for an installed module
    sys.path.append(sys.path.pop(0))

from sgdphys.cli import main

if __name__ == "__main__":
    main()
