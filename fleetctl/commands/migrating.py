"""From one version of etcd's API to the next: migrate."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from dataclasses import replace

from fleetctl.command import command
from fleetctl.flags import OneOf, Switch, Text, flag
from fleetctl.output import Stop, complain, doing, say
from fleetctl.session import Session
from fleetctl.settings import Settings

_HERE_TOO = "if it is not that of --"


@command(
    "migrate --to etcd3 [--dry-run|--verify] [--target ENDPOINTS]",
    "Copy all units from etcd v2 to etcd v3, while they run",
    flag("--to", kind=OneOf("etcd3"), default="", help="where to: etcd3"),
    flag("--target", kind=Text(), default="", help="addresses of etcd v3, if not those of --endpoint"),
    flag("--target-ca-file", kind=Text(), default="", help=f"authority of etcd v3, {_HERE_TOO}ca-file"),
    flag("--target-cert-file", kind=Text(), default="", help=f"certificate to it, {_HERE_TOO}cert-file"),
    flag("--target-key-file", kind=Text(), default="", help=f"key to that, {_HERE_TOO}key-file"),
    flag("--target-username", kind=Text(), default="", help=f"user to etcd v3, {_HERE_TOO}etcd-username"),
    flag("--target-password", kind=Text(), default="", help="its password (others see it here)",
         envvar="FLEETCTL_TARGET_PASSWORD"),
    flag("--target-password-file", kind=Text(), default="", help="file with its password"),
    flag("--dry-run", kind=Switch(), default=False, help="only say what would be copied"),
    flag("--verify", kind=Switch(), default=False, help="only compare both, and name what differs"),
    description="""\
Copies all units, their contents and desired states, where they run, and the metadata
that were set through the API, from etcd v2 to etcd v3, and then compares both. It
talks to etcd itself: --endpoint has its addresses, by default http://127.0.0.1:2379.
Nothing is changed in etcd v2. It can be run again: only what differs is written.

etcd v2 and v3 each have users of their own, also in one server. --etcd-username and
its password count for both, unless --target-username names one for v3. A password
need not stand here: it is taken from FLEETCTL_ETCD_PASSWORD, FLEETCTL_TARGET_PASSWORD,
or a file.

No engine may lead meanwhile; docs/MIGRATION.md has all steps of the switch.""",
    example="""\
fleetctl --endpoint http://10.0.0.1:2379 migrate --to etcd3
fleetctl --endpoint https://10.0.0.1:2379 --ca-file ca.pem --etcd-username root \\
\t--etcd-password-file /root/etcd.secret migrate --to etcd3 --target https://10.0.0.9:2379""",
)  # fmt: skip
def migrate(session: Session, to: str, dry_run: bool, verify: bool, **target: str) -> int:
    """Copy, and compare."""
    if not to:
        raise Stop("It is not said where to (--to etcd3)")
    from fleetctl.migration import migrate as migrated
    from fleetctl.store import store_settings
    from registry.settings import BadSettings

    logging.getLogger("registry").addHandler(logging.NullHandler())  # what matters is said by the errors
    write = not (dry_run or verify)
    try:
        with doing("Nothing more was copied" if write else "Not compared"), ExitStack() as ways:
            source = store_settings(session.settings, version=2, ways=ways)
            copy_to = store_settings(_there(session.settings, **target), version=3, ways=ways)
            found = asyncio.run(migrated(source, copy_to, write=write))
    except (BadSettings, TimeoutError) as error:
        raise Stop(f"Not copied: {error or 'etcd does not answer in time'}") from error
    for fault in found.lost:
        complain(f"Cannot be copied: {fault}")
    for difference in found.differences:
        say(difference)
    copy = found.copy
    said = f"{len(copy.jobs)} units, {len(copy.schedule)} places, metadata of {len(copy.metadata)} machines"
    if dry_run:
        complain(f"Would be copied: {said}")
        return 0
    if not verify:
        complain(f"Copied: {said}")
    if found.lost or found.differences:
        return 1
    complain("Verified: etcd v3 says what etcd v2 does")
    return 0


def _there(
    here: Settings,
    target: str,
    target_ca_file: str,
    target_cert_file: str,
    target_key_file: str,
    target_username: str,
    target_password: str,
    target_password_file: str,
) -> Settings:
    """How to reach what is copied to: as what is copied from, but for what was said otherwise."""
    there = replace(here, endpoint=target or here.endpoint, ca_file=target_ca_file or here.ca_file)
    if target_cert_file or target_key_file:
        there = replace(there, cert_file=target_cert_file, key_file=target_key_file)
    if target_username or target_password or target_password_file:
        there = replace(
            there,
            etcd_username=target_username or here.etcd_username,
            etcd_password=target_password,
            etcd_password_file=target_password_file,
        )
    return there
