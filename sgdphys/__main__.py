"""``python -m sgdphys``."""

from sgdphys.cli import main

if __name__ == "__main__":
    main()
