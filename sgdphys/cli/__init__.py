"""The command line: parse, call, print, and exit with a status.

The commands are listed in the order in which their modules are imported here.
"""

from sgdphys.cli.application import app, main

from sgdphys.cli import runs, data, studies  # isort: skip

__all__ = ["app", "data", "main", "runs", "studies"]
