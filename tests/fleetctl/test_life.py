"""The life of units, as a script sees it: the real command against the real API."""


from tests.fleetctl.conftest import Shell


def test_start_creates_launches_and_waits_until_it_runs(fleetctl: Shell) -> None:
    fleetctl.file("a.service")
    ran = fleetctl("start", "a")
    assert ran.out == "Unit a.service inactive\nUnit a.service launched on 11111111.../198.18.0.1\n"
    assert (ran.err, ran.status) == ("", 0)
    shown = fleetctl("list-units")
    assert shown.out == (
        "UNIT\t\tMACHINE\t\t\tACTIVE\tSUB\na.service\t11111111.../198.18.0.1\tactive\trunning\n"
    )
