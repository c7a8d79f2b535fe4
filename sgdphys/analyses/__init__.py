"""The analyses of a study, each in a folder of its own.

``NAME/`` holds ``settings.py`` (its keys as a class ``Settings``, and what it needs of a study),
``analysis.py`` (``analyse``, which gives one dataset), and where there are any ``statistics.py``
(``STATISTICS``, for claims) and ``figures.py`` (``FIGURES``). More such folders are found in those
that the environment variable ``SGDPHYS_ANALYSES`` names: an analysis of your own needs no change
here. See ``catalogue``.
"""

import os

__path__.extend(
    os.path.abspath(folder)
    for folder in os.environ.get("SGDPHYS_ANALYSES", "").split(os.pathsep)
    if folder
)
