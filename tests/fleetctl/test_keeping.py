"""backup and restore: what a cluster is meant to run, in a file and back."""

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fleetctl.backup import BadBackup, read
from fleetctl.client import Client
from fleetctl.connect import connector
from fleetctl.endpoint import parse_endpoint
from fleetctl.settings import Settings
from tests.fleetctl.conftest import SIMPLE, Shell
from tests.fleetctl.small_cluster import M1, M2, SmallCluster, small_cluster

GLOBAL = SIMPLE + "[X-Fleet]\nGlobal=true\n"
TEMPLATE = "[Service]\nExecStart=/bin/echo %i\n"


@pytest.fixture
def other(tmp_path: Path) -> Shell:
    """A user of a second, empty cluster, in the same directory."""
    directory = tmp_path / "other"
    directory.mkdir()
    return Shell(tmp_path / "here", {"FLEETCTL_ENDPOINT": f"unix://{directory}/fleet.sock"})


def described(endpoint: str, machine: str, **values: str) -> None:
    """Set dynamic metadata."""
    parsed = parse_endpoint(endpoint)
    client = Client(parsed, lambda there: connector(there, Settings()))
    client.set_metadata(machine, values)
    client.close()


def filled(fleetctl: Shell, cluster: SmallCluster) -> None:
    for name, text in (("a", SIMPLE), ("all", GLOBAL), ("web@", TEMPLATE), ("idle", SIMPLE)):
        fleetctl.file(f"{name}.service", text)
    fleetctl("start", "a", "all", "web@1")
    fleetctl("submit", "idle", "web@")
    described(cluster.endpoint, M1, zone="z", disk="")


def files(shell: Shell) -> str:
    return shell("list-unit-files", "--no-legend", "--fields=unit,dstate,global,hash", "--full").out


def test_a_backup_makes_an_empty_cluster_the_same(
    fleetctl: Shell, cluster: SmallCluster, other: Shell, tmp_path: Path
) -> None:
    filled(fleetctl, cluster)
    kept = fleetctl("backup", "kept.json")
    assert (kept.status, kept.err) == (0, "5 units and the metadata of 1 machines kept\n")
    assert (fleetctl.directory / "kept.json").stat().st_mode & 0o777 == 0o600
    with small_cluster(tmp_path / "other"):
        dry = other("restore", "--dry-run", "kept.json")
        assert dry.out.splitlines()[:2] == [
            f"Machine {M1} would be described: disk hidden, zone=z",
            "Unit a.service would be created, launched",
        ]
        assert (dry.status, files(other)) == (0, "")
        done = other("restore", "kept.json")
        assert (done.status, done.err) == (0, "6 changes; 5 units in the backup\n")
        assert files(other) == files(fleetctl)
        again = other("restore", "kept.json")
        assert (again.status, again.out) == (0, "")
        assert again.err == "0 changes; 5 units in the backup\n"
        kept_again = other("backup", "-")
        assert _without_date(kept_again.out) == _without_date((fleetctl.directory / "kept.json").read_text())


def test_what_differs_in_a_live_cluster_is_named_and_what_is_new_stays(
    fleetctl: Shell, cluster: SmallCluster
) -> None:
    filled(fleetctl, cluster)
    fleetctl("backup", "kept.json")
    before = files(fleetctl)
    fleetctl("destroy", "idle")
    fleetctl("stop", "a")
    fleetctl.file("web@.service", TEMPLATE + "Restart=always\n")
    fleetctl("submit", "--replace", "web@")
    fleetctl("submit", fleetctl.file("new.service").name)
    restored = fleetctl("restore", "kept.json")
    assert restored.status == 0
    said = restored.out.splitlines()
    assert said[0] == "Unit a.service changed from loaded to launched"
    assert said[1] == "Unit idle.service created, inactive"
    assert said[2].startswith("Unit web@.service differs: ")
    assert len(said) == 3
    assert restored.err.startswith("Not in the backup, and left alone: new.service\n")
    fleetctl("destroy", "new")
    assert files(fleetctl) == before


def test_a_backup_goes_through_pipes(fleetctl: Shell, cluster: SmallCluster) -> None:
    filled(fleetctl, cluster)
    text = fleetctl("backup", "-").out
    assert sorted(read(text).units) == [f"{n}.service" for n in ("a", "all", "idle", "web@", "web@1")]
    fleetctl("destroy", "idle")
    restored = fleetctl("restore", "-", feed=text)
    assert (restored.status, restored.out) == (0, "Unit idle.service created, inactive\n")


def test_a_backup_into_a_pipe_with_a_name_leaves_it_one(fleetctl: Shell) -> None:
    pipe = fleetctl.directory / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        assert fleetctl("backup", "pipe").status == 0
        assert '"units"' in reader.communicate(timeout=30)[0]
    assert pipe.is_fifo()


def test_a_backup_that_cannot_be_written_leaves_what_was_there(fleetctl: Shell) -> None:
    fleetctl.file("kept.json/in.the.way")
    kept = fleetctl("backup", "kept.json")
    assert (kept.status, "kept.json cannot be written: is a directory" in kept.err) == (1, True)
    assert [path.name for path in fleetctl.directory.iterdir()] == ["kept.json"]


def _without_date(text: str) -> dict[str, Any]:
    said = json.loads(text)
    del said["created"], said["checksum"]
    return dict(said)


def sealed(**changes: Any) -> str:
    """A backup of one unit with these changes, and a checksum that fits."""
    hash = hashlib.sha1(SIMPLE.encode(), usedforsecurity=False).hexdigest()
    said: dict[str, Any] = {
        "format": "fleet-backup",
        "version": 1,
        "created": "now",
        "units": [{"name": "a.service", "desiredState": "launched", "hash": hash}],
        "files": {hash: SIMPLE},
        "metadata": {M2: {"zone": "b"}},
        **changes,
    }
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    return json.dumps({**said, "checksum": f"sha256:{hashlib.sha256(canonical).hexdigest()}"})


GOOD = json.loads(sealed())
(HASH,) = GOOD["files"]
UNIT = GOOD["units"][0]

BAD = {
    "nothing": ("", "no JSON"),
    "half a file": (sealed()[:100], "no JSON"),
    "something else": ("[]", "no backup of fleet"),
    "another program's": ('{"format":"tar"}', "no backup of fleet"),
    "a later version": (sealed(version=2), "version 2"),
    "an edited file": (sealed().replace("launched", "inactive"), "checksum"),
    "no checksum": (json.dumps({k: v for k, v in GOOD.items() if k != "checksum"}), "checksum"),
    "no units": (sealed(units=None), "lacks units"),
    "a unit that is none": (sealed(units=["a.service"]), '"a.service" is no unit'),
    "a name that is none": (sealed(units=[{**UNIT, "name": "../a"}]), "unit '../a'"),
    "a unit that is there twice": (sealed(units=[UNIT, UNIT]), "there twice"),
    "a state that is none": (sealed(units=[{**UNIT, "desiredState": "up"}]), "its desired state is 'up'"),
    "a content that is missing": (sealed(files={}), "is missing"),
    "a content that is another": (sealed(files={HASH: GLOBAL}), "not what its hash says"),
    "metadata that cannot be set": (sealed(metadata={M2: {"a b": "c"}}), "'a b' cannot be set"),
    "metadata that are none": (sealed(metadata={M2: ["zone"]}), "cannot be read"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_nothing_is_done_with_a_file_that_is_not_wholly_sound(fleetctl: Shell, text: str, said: str) -> None:
    fleetctl.file("kept.json", text)
    with pytest.raises(BadBackup, match=re.escape(said)):
        read(text)
    refused = fleetctl("restore", "kept.json")
    assert (refused.status, refused.out) == (1, "")
    assert refused.err.startswith("kept.json cannot be restored, nothing was changed: ")
    assert files(fleetctl) == ""


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(BadBackup) as refused:
        read(sealed(units=[{**UNIT, "name": "../a"}, {**UNIT, "desiredState": "up"}]))
    assert str(refused.value).count(";") == 1


def test_doctor_says_what_is_wrong_and_what_to_do(fleetctl: Shell, cluster: SmallCluster) -> None:
    sick = fleetctl("doctor")
    assert sick.status == 1
    assert sick.out.startswith("engine of me: it leads, but its machine is not present (")
