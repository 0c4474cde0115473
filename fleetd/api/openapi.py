"""The API described for machines: OpenAPI 3.0. What a client of fleet 1.0 can rely on is in it as well."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

Node = dict[str, Any]

_TEXT: Node = {"type": "string"}
_NUMBER: Node = {"type": "number"}
_WHOLE: Node = {"type": "integer"}
_STATE: Node = {"type": "string", "enum": ["inactive", "loaded", "launched"]}


@cache
def document() -> bytes:
    """The description, as it is sent."""
    about = {"title": "fleet API", "version": "1.1", "description": "See docs/API.md."}
    api = {f"/fleet/v1{path}": node for path, node in _paths().items()}
    return json.dumps(
        {
            "openapi": "3.0.3",
            "info": about,
            "paths": api | _beside_the_api(),
            "components": {"schemas": _schemas()},
        }
    ).encode()


def _object(*required: str, **properties: Node) -> Node:
    found: Node = {"type": "object", "properties": properties}
    return {**found, "required": list(required)} if required else found


def _list(of: Node) -> Node:
    return {"type": "array", "items": of}


def _ref(name: str) -> Node:
    return {"$ref": f"#/components/schemas/{name}"}


def _page(key: str, name: str) -> Node:
    return _object(**{key: _list(_ref(name)), "nextPageToken": _TEXT})


def _schemas() -> Node:
    state_words = ("hash", "machineID", "name", "systemdActiveState", "systemdLoadState", "systemdSubState")
    unit = {"options": _list(_ref("UnitOption")), "desiredState": _STATE, "currentState": _STATE}
    return {
        "Error": _object("error", error=_object("code", "message", code=_WHOLE, message=_TEXT)),
        "Machine": _object(
            "id", id=_TEXT, primaryIP=_TEXT, metadata={"type": "object", "additionalProperties": _TEXT}
        ),
        "UnitOption": _object(section=_TEXT, name=_TEXT, value=_TEXT),
        "Unit": _object(**unit, name=_TEXT, machineID=_TEXT),
        "NewUnit": _object(name=_TEXT, options=unit["options"], desiredState=_STATE),
        "UnitState": _object("name", **_state(state_words)),
        "MetadataOperation": _object(
            "op",
            "path",
            op={"type": "string", "enum": ["add", "remove", "replace"]},
            path=_TEXT,
            value=_object(value=_TEXT),
        ),
        "MachinePage": _page("machines", "Machine"),
        "UnitPage": _page("units", "Unit"),
        "UnitStatePage": _page("states", "UnitState"),
        "Checkup": _checkup(),
        "Metadata": _object(
            "metadata",
            "revision",
            metadata=_list(_object("machineID", "key", "value", machineID=_TEXT, key=_TEXT, value=_TEXT)),
            revision=_WHOLE,
        ),
        "Why": _why(),
        "Question": _question(),
        "Outcome": _outcome(),
    }


def _state(words: Sequence[str]) -> dict[str, Node]:
    """What the full form has beyond 1.0 may be left out, as everything may that says nothing."""
    more = {"since": _NUMBER, "lastSeen": _NUMBER, "failures": _WHOLE, "reason": _TEXT}
    return {**dict.fromkeys(words, _TEXT), **more}


def _why() -> Node:
    machine = _object(
        "id",
        "load",
        **dict.fromkeys(("id", "ip", "option", "objection", "refusal"), _TEXT),
        load=_WHOLE,
        price=_NUMBER,
        scheduled={"type": "boolean"},
        offered={"type": "boolean"},
    )
    return _object(
        "name",
        "desiredState",
        "revision",
        **dict.fromkeys(("name", "machineID", "waiting"), _TEXT),
        desiredState=_STATE,
        currentState=_STATE,
        since=_NUMBER,
        constraints=_list(_object("option", "machines", option=_TEXT, machines=_list(_TEXT))),
        machines=_list(machine),
        states=_list({"type": "object"}),
        verdict={"type": "object"},
        revision=_WHOLE,
    )


def _checkup() -> Node:
    finding = _object("about", "said", "advice", about=_TEXT, said=_TEXT, advice=_TEXT)
    return _object(
        "findings",
        "machines",
        "units",
        "servers",
        "revision",
        findings=_list(finding),
        machines=_WHOLE,
        units=_WHOLE,
        servers=_list(_TEXT),
        revision=_WHOLE,
    )


def _question() -> Node:
    metadata = _object("machineID", "key", machineID=_TEXT, key=_TEXT, value=_TEXT)
    added = _object(id=_TEXT, metadata={"type": "object", "additionalProperties": _TEXT})
    return _object(
        start=_list(_ref("NewUnit")),
        stop=_list(_TEXT),
        lose=_list(_TEXT),
        add=_list(added),
        metadata=_list(metadata),
    )


def _outcome() -> Node:
    change = _object("name", name=_TEXT, **{"from": _TEXT, "to": _TEXT, "reason": _TEXT})
    waiting = _list(_object("name", "reason", name=_TEXT, reason=_TEXT))
    return _object(
        "revision",
        changes=_list(change),
        **{"global": _list(_object("name", "machines", name=_TEXT, machines=_list(_TEXT)))},
        waiting=waiting,
        waitingAnyway=waiting,
        revision=_WHOLE,
    )


def _paths() -> Node:
    return _units() | _cluster()


def _units() -> Node:
    page, name = _query("nextPageToken"), _in_path("unitName")
    filters = [page, _query("unitName"), _query("machineID"), _query("view")]
    states = _returns("UnitStatePage", 400, 500, 503)
    return {
        "/units": {"get": _does("The units.", _returns("UnitPage", 400, 500, 503), page)},
        "/units/{unitName}": {
            "get": _does("One unit.", _returns("Unit", 400, 404, 500, 503), name),
            "put": {
                **_does("Create a unit or change its state.", _put_answers(), name),
                "requestBody": _body("NewUnit"),
            },
            "delete": _does("Remove a unit.", _does_nothing_back(204, 400, 404, 500, 503), name),
        },
        "/units/{unitName}/why": {
            "get": _does("Why it is where it is.", _returns("Why", 400, 404, 500, 503), name)
        },
        "/state": {"get": _does("What the hosts say of their units.", states, *filters)},
        "/state/{unitName}": {
            "get": _does("What a host says of a unit.", _returns_any(400, 404, 500, 503), name)
        },
    }


def _cluster() -> Node:
    page = _query("nextPageToken")
    return {
        "/machines": {
            "get": _does("The machines that are present.", _returns("MachinePage", 400, 500, 503), page),
            "patch": {
                **_does("Set metadata of machines.", _does_nothing_back(204, 400, 413, 500, 503)),
                "requestBody": _json_body(_list(_ref("MetadataOperation"))),
            },
        },
        "/plan": {
            "post": {
                **_does("What would happen if.", _returns("Outcome", 400, 404, 413, 500, 503)),
                "requestBody": _body("Question"),
            }
        },
        "/events": {"get": _does("Every change, as server-sent events.", _stream(), _query("since"))},
        "/doctor": {"get": _does("What is wrong with the cluster.", _returns("Checkup", 500, 503))},
        "/metadata": {
            "get": _does("The metadata that were set through the API.", _returns("Metadata", 500, 503))
        },
        "/discovery": {"get": _does("This API for clients of fleet 1.0.", _returns_any(503))},
        "/openapi.json": {"get": _does("This document.", _returns_any(503))},
    }


def _beside_the_api() -> Node:
    """What is served under no prefix."""
    return {
        "/healthz": {"get": _does("Does the daemon live?", _text(200))},
        "/readyz": {"get": _does("May it answer for the cluster?", _text(200, 503))},
        "/metrics": {"get": _does("Counts and latencies.", _metrics())},
    }


def _text(*statuses: int) -> Node:
    said = {"description": "One line.", "content": {"text/plain": {"schema": _TEXT}}}
    return {str(status): said for status in statuses}


def _metrics() -> Node:
    forms = ("text/plain", "application/openmetrics-text")
    shown = {"description": "For Prometheus.", "content": {form: {"schema": _TEXT} for form in forms}}
    return {"200": shown, **_errors(503)}


def _does(summary: str, responses: Node, *parameters: Node) -> Node:
    return {"summary": summary, "parameters": list(parameters), "responses": responses}


def _query(name: str) -> Node:
    return {"name": name, "in": "query", "schema": _TEXT}


def _in_path(name: str) -> Node:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _body(name: str) -> Node:
    return _json_body(_ref(name))


def _json_body(schema: Node) -> Node:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _content(schema: Node) -> Node:
    return {"description": "What was asked for.", "content": {"application/json": {"schema": schema}}}


def _errors(*statuses: int) -> Node:
    error = {"description": "Why not.", "content": {"application/json": {"schema": _ref("Error")}}}
    return {str(status): error for status in statuses}


def _returns(name: str, *errors: int) -> Node:
    return {"200": _content(_ref(name)), **_errors(*errors)}


def _returns_any(*errors: int) -> Node:
    return {"200": _content({"type": "object"}), **_errors(*errors)}


def _does_nothing_back(success: int, *errors: int) -> Node:
    return {str(success): {"description": "Done."}, **_errors(*errors)}


def _put_answers() -> Node:
    return {
        "201": {"description": "Created, or replaced."},
        **_does_nothing_back(204, 400, 404, 408, 409, 413, 415, 500, 503),
    }


def _stream() -> Node:
    stream = {"description": "The stream.", "content": {"text/event-stream": {"schema": _TEXT}}}
    return {"200": stream, **_errors(400, 503)}
