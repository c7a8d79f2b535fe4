"""Where a file comes from: when it was made, how, and by which version."""

from datetime import UTC, datetime
from typing import Any

import sgdphys


def provenance(deed: str) -> dict[str, Any]:
    """Return the attributes that every file carries about its own making.

    Parameters
    ----------
    deed : str
        What was done to make it, as "recorded from a training loop".

    Returns
    -------
    dict
        sgdphys_version; created, UTC in ISO 8601; history, both and the deed in a sentence.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "sgdphys_version": sgdphys.__version__,
        "created": now,
        "history": f"{now} {deed} by sgdphys {sgdphys.__version__}",
    }
