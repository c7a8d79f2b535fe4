"""What is wrong with a study, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sgdphys.errors import nearest

Analyses = Mapping[str, type[BaseModel]]


def sentences(
    error: ValidationError, source: str, model: type[BaseModel], analyses: Analyses
) -> list[str]:
    """One sentence a key, however many alternatives of the key were tried."""
    by_key: dict[str, list[Any]] = {}
    for fault in error.errors():
        by_key.setdefault(_key_of(fault["loc"]), []).append(fault)
    return [_sentence(key, faults, source, model, analyses) for key, faults in by_key.items()]


_ALTERNATIVES = ("StepSchedule", "Every", "Bursts")


def _key_of(place: Sequence[int | str]) -> str:
    """Dotted name of a key: without list places and names of alternatives."""
    named = []
    if not place:  # of the study as a whole
        return ""
    if place[0] == "analyses" and len(place) > 2:
        place = (*place[:2], *place[3:])  # after the name comes the kind again
    for part in place:
        if part in _ALTERNATIVES or (isinstance(part, str) and part.startswith("literal[")):
            break
        if isinstance(part, str):
            named.append(part)
    return ".".join(named)


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
    if kind == "extra_forbidden":
        known = _known_keys(fault["loc"], model, analyses)
        return f"{key} in {source} is not a key; {nearest(fault['loc'][-1], known)}"
    if kind == "union_tag_not_found":
        return f"{key} in {source} has no key 'of'; it can be {', '.join(map(repr, analyses))}"
    if kind == "union_tag_invalid":
        said = f"{key}.of is {value.get('of')!r} in {source}; "
        return said + nearest(value.get("of"), analyses)
    if kind == "value_error":
        return f"{context['error']} (in {source})"
    said = f"{key} is {value!r} in {source}; "
    if len(faults) > 1:
        return said + _alternatives_of(faults)
    if kind in ("greater_than_equal", "greater_than", "less_than_equal", "less_than"):
        word = {
            "greater_than_equal": "at least",
            "greater_than": "above",
            "less_than_equal": "at most",
            "less_than": "below",
        }[kind]
        return said + f"it must be {word} {next(iter(context.values()))}"
    if kind == "literal_error":
        options = [o.strip(" '") for o in context["expected"].replace(" or ", ", ").split(",")]
        return said + nearest(value, options)
    if kind in ("too_short", "tuple_type", "list_type"):
        return said + "it must be a list with at least one entry"
    return said + fault["msg"].replace("Input should", "it should")


def _alternatives_of(faults: list[Any]) -> str:
    """What a key with several forms may be, or what is wrong with the form that was meant."""
    meant = [f for f in faults if f["type"] not in ("literal_error", "model_type")]
    if isinstance(faults[0]["input"], str):
        options = faults[0]["ctx"]["expected"].replace(" or ", ", ").split(",")
        return nearest(faults[0]["input"], [o.strip(" '") for o in options])
    forms = {
        "StepSchedule": "{every = n, factor = f}",
        "Every": "{every = n}",
        "Bursts": "{burst = k, starts = n}",
    }
    tried = [name for f in faults for name in forms if name in f["loc"]]
    shapes = " or ".join(dict.fromkeys(forms[name] for name in tried))
    detail = f" ({meant[0]['loc'][-1]}: {meant[0]['msg'].lower()})" if meant else ""
    return f"as a table it must be {shapes} with n at least 1{detail}"
