"""migrate and --driver=etcd where etcd lets in only who proves who they are."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleetctl.conftest import Shell
from tests.registry.certificates import Authority
from tests.registry.locks import lock, tls_options
from tests.registry.members import ETCD, Cluster

pytestmark = pytest.mark.skipif(ETCD is None, reason="etcd is not installed")

OLD, NEW = "old-secret", "new-secret"


@pytest.fixture(scope="module")
def locked() -> Iterator[Cluster]:
    """One server with passwords to both of its APIs, which are not the same."""
    with Cluster(options=("--enable-v2",)) as cluster:
        asyncio.run(lock(cluster.urls[0], 2, OLD))
        asyncio.run(lock(cluster.urls[0], 3, NEW))
        yield cluster


@pytest.fixture
def shell(locked: Cluster, tmp_path: Path) -> Shell:
    """One unit is stored in etcd v2."""
    env = {"FLEETCTL_ENDPOINT": locked.urls[0], "FLEETCTL_ETCD_KEY_PREFIX": f"/t/{uuid.uuid4().hex}/"}
    shell = Shell(tmp_path, env)
    shell.file("a.service")
    shell.file("old", f"{OLD}\n")
    shell.file("new", f"{NEW}\n")
    known = ("--driver=etcd", "--etcd-api=2", "--etcd-username=root", "--etcd-password-file=old")
    assert shell(*known, "submit", "a").status == 0
    return shell


def listed(shell: Shell) -> str:
    """The units in etcd v3."""
    variables = {"FLEETCTL_ETCD_USERNAME": "root", "FLEETCTL_ETCD_PASSWORD": NEW}
    return shell("--driver=etcd", "list-unit-files", "--no-legend", "--fields=unit", **variables).out


def test_passwords_are_taken_from_files(shell: Shell) -> None:
    words = ("--etcd-username=root", "--etcd-password-file=old", "--target-username=root")
    copied = shell("migrate", "--to=etcd3", *words, "--target-password-file=new")
    assert (copied.status, copied.err.splitlines()[-1]) == (0, "Verified: etcd v3 says what etcd v2 does")
    assert listed(shell) == "a.service\n"


def test_passwords_are_taken_from_the_environment(shell: Shell) -> None:
    variables = {"FLEETCTL_ETCD_PASSWORD": OLD, "FLEETCTL_TARGET_PASSWORD": NEW}
    words = ("--etcd-username=root", "--target-username=root")
    assert shell("migrate", "--to=etcd3", *words, **variables).status == 0
    assert listed(shell) == "a.service\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "etcd v2: etcd at 127.0.0.1:"),
        (("--etcd-username=root", f"--etcd-password={NEW}"), "user or password is wrong"),
        (("--etcd-username=root", f"--etcd-password={OLD}"), "etcd v3: etcd at 127.0.0.1:"),
        ((f"--etcd-password={OLD}",), "no user (--etcd-username)"),
        (("--etcd-username=root", "--etcd-password-file=none"), "the password in none cannot be read"),
        (("--etcd-username=root", "--etcd-password-file=/dev/null"), "the first line of /dev/null is empty"),
    ],
)
def test_who_may_not_enter_is_told_where_and_why(shell: Shell, words: tuple[str, ...], said: str) -> None:
    failed = shell("migrate", "--to=etcd3", *words)
    assert failed.status == 1
    assert failed.err.startswith("Nothing more was copied: ")
    assert said in failed.err
    assert listed(shell) == ""


def test_a_password_never_becomes_part_of_a_context(shell: Shell) -> None:
    failed = shell("context", "create", "locked", "--etcd-username=root", f"--etcd-password={OLD}")
    assert (failed.status, "--etcd-password-file" in failed.err) == (1, True)
    assert (
        shell("context", "create", "locked", "--etcd-username=root", "--etcd-password-file=old").status == 0
    )
    assert "secret" not in (shell.directory / ".fleetctl" / "contexts.json").read_text()


def test_certificates_and_passwords_are_those_of_the_cluster_that_is_copied_to(
    shell: Shell, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("client")
    trust = tls_options(authority, both_sides=True)
    with Cluster(options=trust, scheme="https") as other:
        words = ("--etcd-username=root", "--etcd-password-file=old", f"--target={other.urls[0]}")
        refused = shell("migrate", "--to=etcd3", *words, f"--target-ca-file={authority.file}")
        assert refused.status == 1
        assert "client certificate" in refused.err
        proof = (f"--target-cert-file={certificate}", f"--target-key-file={key}")
        copied = shell("migrate", "--to=etcd3", *words, f"--target-ca-file={authority.file}", *proof)
        assert (copied.status, copied.err.splitlines()[-1]) == (0, "Verified: etcd v3 says what etcd v2 does")
