"""JSON Schemas of the files, for editors: what keys there are, of which types, and what each is for.

They use what drafts 4 to 7 have in common, because editors of TOML know these. An editor cannot tell
everything that loading finds; `provider-node resource check` can.
"""

from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from provider_node.config.descriptions import DESCRIPTIONS
from provider_node.config.limits import OFF, LimitsConfig
from provider_node.config.node import NodeConfig
from provider_node.config.resource import ResourceConfig
from stayput.limits import RANGES

_Schema: TypeAlias = dict[str, Any]  # JSON, whose shape is the standard's

_DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_DECIMALS: Final = {
    "miss_ratio": "miss_permille",
    "noise_epsilon": "noise_epsilon_milli",
    "noise_budget": "noise_budget_milli",
}


def resource_schema() -> _Schema:
    """Of a resource file."""
    return _schema_of(ResourceConfig, "A resource of a Stayput data service node. 比对资源定义。")


def node_schema() -> _Schema:
    """Of `node.toml`."""
    return _schema_of(NodeConfig, "A Stayput data service node. 数据服务节点配置。")


def _schema_of(model: type[BaseModel], description: str) -> _Schema:
    schema = model.model_json_schema(ref_template="#/definitions/{model}")
    definitions = {name: _plain(one) for name, one in schema.pop("$defs").items()}
    definitions["LimitsConfig"]["properties"] = {name: _limit(name) for name in LimitsConfig.model_fields}
    if "FieldConfig" in definitions:
        number_or_text = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
        definitions["FieldConfig"]["properties"]["options"]["additionalProperties"] = number_or_text
    whole = _plain(schema)
    for name, one in (*definitions.items(), (model.__name__, whole)):
        _describe(name, one)
    whole["description"] = description
    return {"$schema": _DRAFT, **whole, "definitions": definitions}


def _plain(schema: _Schema) -> _Schema:
    """Without what is not in all drafts, what TOML has not, and what only names Python's classes."""
    present = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(present) == 1:
        return _plain({**present[0], **{key: schema[key] for key in schema if key != "anyOf"}})
    plain: _Schema = {}
    for key, value in schema.items():
        match key:
            case "title" | "discriminator" | "format" | "description":
                continue
            case "default" if value is None or "$ref" in schema:
                continue
            case "const":
                plain["enum"] = [value]
            case "properties":
                plain[key] = {name: _plain(one) for name, one in value.items()}
            case "anyOf" | "oneOf":
                plain["anyOf"] = [_plain(one) for one in value]
            case "items" | "additionalProperties" if isinstance(value, dict):
                plain[key] = _plain(value)
            case _:
                plain[key] = value
    return plain


def _limit(name: str) -> _Schema:
    """A limit is a number in its range, or "off" where that is permitted."""
    if name in _DECIMALS:
        permitted, number, scale = RANGES[_DECIMALS[name]], "number", 1000
    else:
        permitted, number, scale = RANGES[name], "integer", 1
    least, most = permitted.least, permitted.most
    if scale != 1:
        least, most = least / scale, most / scale  # type: ignore[assignment]  # a number either way
    ranged = {"type": number, "minimum": least, "maximum": most}
    return {"anyOf": [ranged, {"enum": [OFF, 0]}]} if permitted.off else ranged


def _describe(name: str, schema: _Schema) -> None:
    """Says of each key what it is for."""
    for key, one in schema.get("properties", {}).items():
        told = DESCRIPTIONS[name, key]
        if "$ref" in one:
            # What stands beside a reference does not count.
            schema["properties"][key] = {"allOf": [one], "description": told}
        else:
            one["description"] = told
