"""Faults of a study as sentences."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sgdphys.errors import nearest

Analyses = Mapping[str, type[BaseModel]]

_LONGEST_QUOTE, _LONGEST_SENTENCE = 60, 400
_COMPARED = {
    "greater_than_equal": "at least",
    "greater_than": "above",
    "less_than_equal": "at most",
    "less_than": "below",
}
_TRIED = ("literal[", "function-before[")
"""How the places of alternatives begin that were tried for a value."""
_FORMS = {
    "StepSchedule": "{every = n, factor = f}",
    "Every": "{every = n}",
    "Bursts": "{burst = k, starts = n}",
}
"""Tables that a key may be, by the name of their model."""


def quoted(value: object) -> str:
    """A value as Python writes it, cut short where that is long."""
    if isinstance(value, int) and value.bit_length() > 4 * _LONGEST_QUOTE:
        return f"a number of about {value.bit_length() * 301 // 1000} digits"
    try:
        text = repr(list(value) if isinstance(value, tuple) else value)
    except (ValueError, RecursionError):  # a number too long for Python to write, somewhere inside
        text = f"a {type(value).__name__}"
    if len(text) <= _LONGEST_QUOTE:
        return text
    return f"{text[: _LONGEST_QUOTE - 4]}...{text[-1]}"


def sentences(
    error: ValidationError, source: str, model: type[BaseModel], analyses: Analyses
) -> list[str]:
    """One sentence a key, however many of its entries are wrong and alternatives were tried."""
    by_entry: dict[tuple[int | str, ...], list[Any]] = {}
    for fault in error.errors():
        by_entry.setdefault(_entry_of(fault["loc"]), []).append(fault)
    by_key: dict[str, str] = {}
    for entry, faults in by_entry.items():
        key = _key_of(entry)
        by_key.setdefault(key, _sentence(key, faults, source, model, analyses))
    return [line for sentence in by_key.values() for line in sentence.splitlines()]


def _entry_of(place: Sequence[int | str]) -> tuple[int | str, ...]:
    """Where a value stands: its place without the alternatives that were tried for it."""
    if place and place[0] == "analyses" and len(place) > 2:
        place = (*place[:2], *place[3:])  # after the name comes the kind again
    for k, part in enumerate(place):
        if part in _FORMS or (isinstance(part, str) and part.startswith(_TRIED)):
            return tuple(place[:k])
    return tuple(place)


def _key_of(entry: Sequence[int | str]) -> str:
    """Dotted name of a key: without places in lists."""
    named = [part for part in entry if isinstance(part, str)]
    if named[:2] == ["sweep", "keys"] and len(named) > 2:
        named = ["sweep", *named[2:]]
    return ".".join(
        part if part.isprintable() and len(part) <= _LONGEST_QUOTE else quoted(part)
        for part in named
    )


def _known_keys(
    place: Sequence[int | str], model: type[BaseModel], analyses: Analyses
) -> list[str]:
    """The keys of the table in which one was not known."""
    if place[0] == "analyses" and len(place) > 2:
        return list(analyses[str(place[2])].model_fields)
    inside: Any = model
    for part in place[:-1]:
        fields = getattr(inside, "model_fields", {})
        inside = fields[part].annotation if part in fields else _named(inside)
    return list(getattr(inside, "model_fields", {}))


def _named(annotation: Any) -> Any:
    """The model of the tables in a table of tables."""
    for inner in get_args(annotation):
        if hasattr(inner, "model_fields"):
            return inner
        found = _named(inner)
        if found is not None:
            return found
    return None


def _sentence(
    key: str, faults: list[Any], source: str, model: type[BaseModel], analyses: Analyses
) -> str:
    fault = faults[0]
    kind, value, context = fault["type"], fault["input"], fault.get("ctx", {})
    if kind == "value_error":
        lines = str(context["error"]).splitlines()
        return "\n".join(f"{textwrap.shorten(s, _LONGEST_SENTENCE)} (in {source})" for s in lines)
    if len(faults) > 1:
        wrong = _wrong_value(faults)
        if wrong is None:
            return f"{key} is {quoted(value)} in {source}; {_alternatives_of(faults)}"
        key, fault = f"{key}.{wrong['loc'][-1]}", wrong
        kind, value, context = fault["type"], fault["input"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        known = _known_keys(fault["loc"], model, analyses)
        return f"{key} in {source} is not a key; {nearest(fault['loc'][-1], known)}"
    if kind == "invalid_key":
        return f"{key or 'the study'} in {source} has the key {quoted(value)}; keys are names"
    if kind == "missing" and isinstance(fault["loc"][-1], str):
        return f"{key} is missing in {source}; give it a value"
    if kind == "union_tag_not_found":
        name = key.rpartition(".")[2]
        return (
            f"{key} in {source} has no key 'of', and its name is no kind of analysis; "
            f"{nearest(name, analyses)}"
        )
    if kind == "union_tag_invalid":
        said = f"{key}.of is {quoted(value.get('of'))} in {source}; "
        return said + nearest(value.get("of"), analyses)
    return f"{key} is {quoted(value)} in {source}; {_wanted(kind, value, context, fault['msg'])}"


def _wanted(kind: str, value: Any, context: Mapping[str, Any], message: str) -> str:
    """Condition that a value must satisfy."""
    if kind in _COMPARED:
        return f"it must be {_COMPARED[kind]} {next(iter(context.values()))}"
    if kind == "literal_error":
        return nearest(value, _options_of(context))
    if kind in ("too_short", "tuple_type", "list_type"):
        return "it must be a list with at least one entry"
    if kind == "too_long":
        return f"it must be a list with at most {context['max_length']} entries"
    if kind == "missing":  # an entry of a list
        return "it must be a list with more entries"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return "it must be a table"
    return message.replace("Input should", "it should")


def _options_of(context: Mapping[str, Any]) -> list[str]:
    return [o.strip(" '") for o in context["expected"].replace(" or ", ", ").split(",")]


def _wrong_value(faults: list[Any]) -> Any:
    """The fault of a table whose keys are those of a form, if its values alone are wrong."""
    for form in _FORMS:
        inside = [fault for fault in faults if form in fault["loc"]]
        kinds = {fault["type"] for fault in inside}
        if inside and not kinds & {"missing", "extra_forbidden", "model_type"}:
            return inside[0]
    return None


def _alternatives_of(faults: list[Any]) -> str:
    """Forms that a key may have, or the fault of the form that was meant."""
    options = [o for f in faults if f["type"] == "literal_error" for o in _options_of(f["ctx"])]
    if isinstance(faults[0]["input"], str):
        return nearest(faults[0]["input"], options)
    tried = [name for f in faults for name in _FORMS if name in f["loc"]]
    if not tried:
        other = next(f for f in faults if f["type"] != "literal_error")
        wanted = _wanted(other["type"], other["input"], other.get("ctx", {}), other["msg"])
        return f"it can be {', '.join(map(repr, options))}; otherwise {wanted}"
    shapes = " or ".join(dict.fromkeys(_FORMS[name] for name in tried))
    meant = [f for f in faults if f["type"] not in ("literal_error", "model_type")]
    if not meant:
        return f"it can be {', '.join(map(repr, options))}, or a table {shapes}"
    detail = meant[0]["msg"].lower()
    return f"as a table it must be {shapes} with n at least 1 ({meant[0]['loc'][-1]}: {detail})"
