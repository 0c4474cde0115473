"""What /metrics says, read by the parsers of Prometheus itself.

Skipped where prometheus_client is not installed.
"""

import pytest

from fleetd.metrics import Metrics, exposition

parser = pytest.importorskip("prometheus_client.parser")
openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser")

OF_1_0 = {
    ("fleet_engine_leader_start_time", "gauge"),
    ("fleet_engine_task_count", "counter"),
    ("fleet_engine_task_failure_count", "counter"),
    ("fleet_engine_reconcile_count", "counter"),
    ("fleet_engine_reconcile_failure_count", "counter"),
    ("process_cpu_seconds", "counter"),
    ("process_max_fds", "gauge"),
    ("process_open_fds", "gauge"),
    ("process_resident_memory_bytes", "gauge"),
    ("process_start_time_seconds", "gauge"),
    ("process_virtual_memory_bytes", "gauge"),
}
"""`spec/api-v1.md` §13; the parsers leave the `_total` of counters away."""


def used() -> Metrics:
    """Metrics of which each family has been used, with labels that need care."""
    metrics = Metrics()
    metrics.engine_tasks.add("attemptscheduleunit")
    metrics.engine_task_failures.add("unscheduleunit")
    metrics.engine_failures.add("schedule")
    metrics.registry_calls.add('a "quoted\\ word"\nand a line')
    metrics.registry_seconds.note(0.003, "get")
    metrics.host_seconds.note(2.0, "start")
    metrics.submit_to_start.note(0.5)
    metrics.loss_to_restart.note(31.0)
    metrics.requests.add("200", "units", "GET")
    metrics.request_seconds.note(0.01, "units")
    metrics.show("fleet_available", "Whether it is.", lambda: {(): 1.0})
    return metrics


async def test_prometheus_reads_it_with_the_names_of_fleet_1_0() -> None:
    text = (await exposition(used())).decode()
    families = list(parser.text_string_to_metric_families(text))
    assert {(f.name, f.type) for f in families} >= OF_1_0
    names = {sample.name for family in families for sample in family.samples}
    assert {"fleet_engine_reconcile_count_total", "fleet_engine_task_count_total"} <= names
    assert len(families) == len({f.name for f in families}), "no family twice"


async def test_openmetrics_says_the_same() -> None:
    metrics = used()
    plain = (await exposition(metrics)).decode()
    strict = (await exposition(metrics, openmetrics=True)).decode()
    ours = {f.name: f.type for f in parser.text_string_to_metric_families(plain)}
    assert {f.name: f.type for f in openmetrics.text_string_to_metric_families(strict)} == ours


async def test_labels_come_out_as_they_went_in() -> None:
    text = (await exposition(used(), openmetrics=True)).decode()
    families = {f.name: f for f in openmetrics.text_string_to_metric_families(text)}
    (sample,) = families["fleet_registry_operation_count"].samples
    assert sample.labels == {"type": 'a "quoted\\ word"\nand a line'}
    buckets = [s for s in families["fleet_unit_loss_to_restart_seconds"].samples if "le" in s.labels]
    assert buckets[-1].labels["le"] == "+Inf"
    assert buckets[-1].value == 1.0
