"""What one check finds."""

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """The outcome of a check, in words."""

    state: Literal["ok", "note", "broken"]
    said: str
    advice: str = ""
    """What to do, where there is anything to do."""


def ok(said: str) -> Finding:
    """A check that found nothing wrong."""
    return Finding("ok", said)


def note(said: str, advice: str) -> Finding:
    """Something that works, and could be better."""
    return Finding("note", said, advice)


def broken(said: str, advice: str) -> Finding:
    """Something that does not work."""
    return Finding("broken", said, advice)
