"""JSON schema of a study's TOML, by which editors complete and check the keys."""

import inspect
import re
from typing import Any

from sgdphys.analyses import catalogue
from sgdphys.study.settings import ANALYSES, Claim, Study
from sgdphys.tasks.catalogue import TASKS

_FILLED_IN = ("folder", "contents", "quick")
"""Keys of a run's study that no user writes."""


def study_schema() -> dict[str, Any]:
    """Return the JSON schema of a study, with the meaning and default of every key.

    It is that of the models which read a study, and of what they accept beside: an analysis that is
    named for its kind, a part that is only a name, swept keys as they are written.
    """
    from sgdphys.networks.activations import ACTIVATIONS

    schema = Study.model_json_schema()
    definitions = schema["$defs"]
    for name in _FILLED_IN:
        del schema["properties"][name]
    schema["title"] = "A study of sgdphys"
    schema["$schema"] = "http://json-schema.org/draft-07/schema#"
    schema["properties"]["analyses"] = _analyses(definitions)
    schema["properties"]["sweep"] = _sweep(schema["properties"]["sweep"])
    schema["properties"]["parts"]["additionalProperties"] = {
        "anyOf": [{"type": "string"}, {"$ref": "#/$defs/Part"}]
    }
    task = definitions["Task"]["properties"]["name"]
    task["enum"] = list(TASKS)
    task["description"] += " Each reads some of the keys: " + "; ".join(
        f"{name}: {', '.join(sorted(entry.reads))}" for name, entry in TASKS.items()
    )
    definitions["Network"]["properties"]["activation"]["enum"] = list(ACTIVATIONS)
    definitions["Claim"]["properties"]["statistic"]["enum"] = sorted(catalogue.statistics())
    for key, said in _attributes(Claim.__base__).items():
        definitions["Claim"]["properties"][key]["description"] = said
    definitions["Claim"]["description"] = "A claim and the rule by which it is judged."
    _without_titles(schema)
    return _plain(schema)


def _analyses(definitions: dict[str, Any]) -> dict[str, Any]:
    """Tables by name: of the kind that they are named for, or of that which ``of`` says."""
    tables = {}
    for kind, model in ANALYSES.items():
        name = f"{model.__module__}.{model.__qualname__}".replace(".", "__")
        table = definitions[f"analyses_{kind}"] = definitions.pop(name)
        table["properties"]["of"] = {"const": kind, "description": "The kind of analysis."}
        del table["required"]
        tables[kind] = {"$ref": f"#/$defs/analyses_{kind}"}
    return {
        "type": "object",
        "description": str(Study.model_fields["analyses"].description),
        "properties": tables,
        "additionalProperties": {"required": ["of"], "anyOf": list(tables.values())},
    }


def _sweep(described: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": described.get("description", ""),
        "properties": {
            "zip": {
                "type": "boolean",
                "default": False,
                "description": "Whether the lists go in step instead of every combination.",
            }
        },
        "additionalProperties": {"type": ["array", "object"]},
    }


def _attributes(model: Any) -> dict[str, str]:
    """What a numpydoc docstring says of each of its attributes."""
    text = (inspect.getdoc(model) or "").partition("Attributes\n----------\n")[2]
    found: dict[str, str] = {}
    for names, said in re.findall(r"^(\w[\w, ]*) : .*\n((?:    .*\n?)+)", text, re.MULTILINE):
        found |= dict.fromkeys(names.split(", "), " ".join(said.split()))
    return found


def _without_titles(schema: Any) -> None:
    """Take out the titles that repeat the names of keys."""
    for node in schema.get("$defs", {}).values():
        node.pop("title", None)
        for one in node.get("properties", {}).values():
            one.pop("title", None)
    for one in schema["properties"].values():
        one.pop("title", None)


def _plain(node: Any) -> Any:
    """Descriptions as one line each, without the markup of docstrings."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: " ".join(value.replace("``", "").split())
        if key == "description" and isinstance(value, str)
        else _plain(value)
        for key, value in node.items()
    }
