"""A unit whose record nobody can read: no other is harmed, and it can be made anew or destroyed."""

import pytest

from tests.fleetd.world import World, option

A = "/fleet/v1/units/a.service"
KINDS = ["job", "global"]


@pytest.fixture(params=KINDS)
async def broken(request: pytest.FixtureRequest, cluster: World) -> World:
    """A cluster with one unit that can be read and one that cannot."""
    await cluster.unit("b.service")
    cluster.store.put(f"{request.param}/a.service", b'{"desired":"bogus","hash":"x"}')
    return cluster


async def test_it_is_left_out_of_the_list_and_is_a_500_whose_cause_is_logged(
    broken: World, caplog: pytest.LogCaptureFixture
) -> None:
    listed = (await broken.api.get("/fleet/v1/units")).json["units"]
    assert [unit["name"] for unit in listed] == ["b.service"]
    assert (await broken.api.get(A)).body == b'{"error":{"code":500,"message":""}}'
    assert "Failed fetching Unit(a.service) from Registry: " in caplog.text
    assert 'invalid value "bogus" for JobState' in caplog.text


async def test_its_state_cannot_be_changed(broken: World) -> None:
    reply = await broken.api.put(A, {"desiredState": "launched"})
    assert reply.body == b'{"error":{"code":500,"message":""}}'


async def test_it_can_be_made_anew(broken: World) -> None:
    assert (await broken.api.put(A, {"options": [option()], "desiredState": "loaded"})).status == 201
    assert (await broken.api.get(A)).json["desiredState"] == "loaded"


async def test_it_can_be_destroyed(broken: World) -> None:
    assert (await broken.api.delete(A)).status == 204
    assert (await broken.api.get(A)).status == 404
    assert (await broken.api.delete(A)).status == 404
