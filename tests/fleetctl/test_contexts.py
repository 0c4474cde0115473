"""Contexts: clusters with names."""

import json

import pytest

from fleetctl.contexts import BadContext, Contexts, applied
from tests.fleetctl.conftest import Shell
from tests.fleetctl.small_cluster import SmallCluster

PROD = Contexts({"prod": {"endpoint": "http://prod", "ssh_username": "admin"}})
FLAGS = {"endpoint": "default", "ssh_username": "core", "context": "", "color": "auto"}
APPLIED = {
    "no context at all": ({}, "", "", Contexts(), "default core"),
    "one is in use": ({}, "", "", PROD.using("prod"), "http://prod admin"),
    "a flag says which cluster": ({"endpoint": "x"}, "endpoint", "", PROD.using("prod"), "x core"),
    "a variable says which cluster": ({"endpoint": "x"}, "", "endpoint", PROD.using("prod"), "x core"),
    "another flag only wins for itself": (
        {"ssh_username": "me"}, "ssh_username", "", PROD.using("prod"), "http://prod me",
    ),
    "one is named, against the environment": (
        {"context": "prod", "endpoint": "x"}, "context", "endpoint", PROD, "http://prod admin",
    ),
    "one is named, with a flag beside": (
        {"context": "prod", "endpoint": "x"}, "context endpoint", "", PROD, "x admin",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "line", "env", "contexts", "holds"), APPLIED.values(), ids=APPLIED)
def test_which_flags_hold(given: dict[str, str], line: str, env: str, contexts: Contexts, holds: str) -> None:
    found = applied({**FLAGS, **given}, frozenset(line.split()), frozenset(env.split()), contexts)
    assert f"{found['endpoint']} {found['ssh_username']}" == holds


def test_a_context_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(BadContext, match=r'no context is called "dev" \(prod\)'):
        applied({**FLAGS, "context": "dev"}, frozenset({"context"}), frozenset(), PROD)


def test_a_context_is_created_used_and_deleted(alone: Shell, cluster: SmallCluster) -> None:
    assert alone("context", "create", "lab", "--endpoint", cluster.endpoint).status == 0
    assert alone("--context=lab", "list-machines", "--no-legend", "--fields=ip").out.startswith("198.18.0.1")
    assert alone("list-machines").status == 1
    alone("context", "use", "lab")
    assert alone("list-machines").status == 0
    assert alone("context").out == f"CURRENT\tNAME\tFLAGS\n*\tlab\t--endpoint={cluster.endpoint}\n"
    assert json.loads(alone("context", "list", "-o", "json").out)[0]["current"] is True
    alone("context", "delete", "lab")
    assert alone("list-machines").status == 1
    ran = alone("--context", "lab", "list-machines")
    assert ran.err == 'Unable to initialize client: no context is called "lab" (there are none yet)\n'
    assert ran.status == 1


@pytest.mark.parametrize("words", [("create", "x"), ("nope",), ("create",)])
def test_a_context_without_flags_is_an_error_of_usage(alone: Shell, words: tuple[str, ...]) -> None:
    assert alone("context", *words).status == 64


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", '{"contexts": 3}', '{"contexts": {"a": 3}, "current": "a"}',
        '{"contexts": {"a": {"endpoint": 7}}}', '{"contexts": {"a": {"ssh_timeout": "soon"}}}',
    ],
)  # fmt: skip
def test_a_spoilt_file_is_named(alone: Shell, text: str) -> None:
    alone.file(".fleetctl/contexts.json", text)
    for words in (("list-units",), ("context", "list")):
        ran = alone(*words)
        assert "~/.fleetctl/contexts.json " in ran.err
        assert ran.err.endswith("(mend it, or remove it)\n")
        assert ran.status == 1


def test_what_asks_no_cluster_does_not_care_which_is_in_use(alone: Shell) -> None:
    alone.file("a.service")
    alone("context", "create", "dead", "--tunnel", "127.0.0.1:1")
    alone("context", "use", "dead")
    assert alone("version").status == 0
    assert alone("verify", "a.service").status == 0
    assert alone("fd-forward", "/nope").err == "Failed dialing remote address: /nope: no such file\n"
    assert alone("--context=dead", "version").err.startswith("Unable to initialize client: failed init")
