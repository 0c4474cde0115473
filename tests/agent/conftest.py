"""What all tests of the agent share."""

import pytest

from tests.agent.scripted import Machine


@pytest.fixture
def machine() -> Machine:
    """A scripted machine, with nothing on it."""
    return Machine()
