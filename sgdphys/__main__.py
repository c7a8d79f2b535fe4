"""The command ``sgdphys``, also ``python -m sgdphys``."""

import sys


def main() -> None:
    """Load the command line and carry out the command; Ctrl-C is reported from the first moment."""
    try:
        from sgdphys import cli

        cli.main()
    except KeyboardInterrupt:
        sys.exit("sgdphys: interrupted")


if __name__ == "__main__":
    if not sys.flags.safe_path:
        # Python puts the working folder first, where a file could stand for an installed module
        sys.path.append(sys.path.pop(0))
    main()
