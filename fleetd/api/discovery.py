"""The discovery document, from which clients of fleet 1.0 were generated: the same bytes for ever."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

Node = dict[str, Any]

_STRING: Node = {"type": "string"}
_STATE: Node = {"type": "string", "enum": ["inactive", "loaded", "launched"]}
_QUERY: Node = {"type": "string", "location": "query"}
_UNIT_NAME: Node = {"type": "string", "location": "path", "required": True}


@cache
def document() -> bytes:
    """The document as it is sent (6792 bytes)."""
    return (
        json.dumps({**_ABOUT, "schemas": _schemas(), "resources": _resources()}, indent=2) + "\n"
    ).encode()


_ABOUT: Node = {
    "kind": "discovery#restDescription",
    "discoveryVersion": "v1",
    "id": "fleet:v1",
    "name": "schema",
    "version": "v1",
    "title": "fleet API",
    "description": "",
    "documentationLink": "http://github.com/coreos/fleet",
    "protocol": "rest",
    "icons": {"x16": "", "x32": ""},
    "labels": [],
    "baseUrl": "$ENDPOINT/fleet/v1/",
    "basePath": "/fleet/v1/",
    "rootUrl": "$ENDPOINT/",
    "servicePath": "fleet/v1/",
    "batchPath": "batch",
    "parameters": {},
    "auth": {},
}


def _schemas() -> Node:
    metadata = {"type": "object", "properties": {}, "additionalProperties": _STRING}
    state_words = ("name", "hash", "machineID", "systemdLoadState", "systemdActiveState", "systemdSubState")
    unit = {
        "name": _STRING,
        "options": _list_of("UnitOption"),
        "desiredState": _STATE,
        "currentState": _STATE,
        "machineID": {"type": "string", "required": True},
    }
    schemas = {
        "Machine": {"id": _STRING, "primaryIP": _STRING, "metadata": metadata},
        "MachinePage": _page_of("machines", "Machine"),
        "UnitOption": dict.fromkeys(("section", "name", "value"), _STRING),
        "Unit": unit,
        "UnitPage": _page_of("units", "Unit"),
        "UnitState": dict.fromkeys(state_words, _STRING),
        "UnitStatePage": _page_of("states", "UnitState"),
    }
    return {name: {"id": name, "type": "object", "properties": of} for name, of in schemas.items()}


def _list_of(schema: str) -> Node:
    return {"type": "array", "items": {"$ref": schema}}


def _page_of(key: str, schema: str) -> Node:
    return {key: _list_of(schema), "nextPageToken": _STRING}


def _resources() -> Node:
    units = {
        "List": _lists("fleet.Unit", "Unit", "units"),
        "Get": _one("fleet.Unit.Get", "Retrieve a single Unit object.", "GET", "units", response="Unit"),
        "Delete": _one("fleet.Unit.Delete", "Delete the referenced Unit object.", "DELETE", "units"),
        "Set": _one("fleet.Unit.Set", "Create or update a Unit.", "PUT", "units", request="Unit"),
    }
    about_state = "Retrieve a page of a single UnitState object."
    states = {
        "Get": _one("fleet.UnitState.Get", about_state, "GET", "state", response="UnitState"),
        "List": _lists("fleet.UnitState", "UnitState", "state", ("unitName", "machineID")),
    }
    machines = {"List": _lists("fleet.Machine", "Machine", "machines")}
    resources = {"Machines": machines, "Units": units, "UnitState": states}
    return {name: {"methods": methods} for name, methods in resources.items()}


def _lists(family: str, schema: str, path: str, filters: Sequence[str] = ()) -> Node:
    return {
        "id": f"{family}.List",
        "description": f"Retrieve a page of {schema} objects.",
        "httpMethod": "GET",
        "path": path,
        "parameters": dict.fromkeys(("nextPageToken", *filters), _QUERY),
        "response": {"$ref": f"{schema}Page"},
    }


def _one(name: str, description: str, method: str, collection: str, **bodies: str) -> Node:
    return {
        "id": name,
        "description": description,
        "httpMethod": method,
        "path": f"{collection}/{{unitName}}",
        "parameters": {"unitName": _UNIT_NAME},
        "parameterOrder": ["unitName"],
        **{role: {"$ref": schema} for role, schema in bodies.items()},
    }
