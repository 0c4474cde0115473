"""The HTTP API."""

from fleetd.api import lean

lean.prepare()
