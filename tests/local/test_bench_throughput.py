"""The loop without an engine makes the storage calls that the engine makes, and what is said of who is busy is what was measured."""

import os
from collections import Counter

import pytest

from local.bench import brake, throughput
from local.bench.__main__ import throughput_rows
from local.bench.storage_calls import Loop, RecordingTransport, StorageCall, call_of, recorded
from local.memory import MemoryActing
from shared.model.acting import Acting
from shared.model.errors import Stale


def test_the_loop_makes_the_calls_that_were_recorded(azurite: str) -> None:
    calls = recorded(azurite, throughput.TAKES)
    assert Counter(call.what for call in calls) == Counter(
        {"transact": 6, "read": 5, "send": 3, "fetch": 3, "remove": 3, "upsert": 4, "delete": 1}
    )
    wire = RecordingTransport()
    loop = Loop(azurite, over=wire)
    wire.sent.clear()
    loop.operation(calls, "loop-1")
    assert [(call.what, call.table, call.rows) for call in wire.calls] == [(call.what, call.table, call.rows) for call in calls]
    assert sum(call.size for call in wire.calls) == pytest.approx(sum(call.size for call in calls), rel=0.1)


def test_a_request_that_the_loop_does_not_know_is_said() -> None:
    assert call_of("GET", "http://127.0.0.1:1/account/open(PartitionKey='a',RowKey='b')", None) == StorageCall(what="read", table="open")
    with pytest.raises(ValueError, match="the loop does not know: POST http://127"):
        call_of("POST", "http://127.0.0.1:1/account/Tables", b"")


def test_counts_that_were_written_and_lost_are_events(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    row = brake.Watched(MemoryActing())
    before = row.read()
    row.write(before, Acting(mutations=1))
    with pytest.raises(Stale):
        row.write(before, Acting(mutations=1))
    assert [record.getMessage() for record in caplog.records] == ['{"event":"brake_written"}', '{"event":"brake_lost"}']


@pytest.mark.parametrize(("text", "seconds"), [("00:01:02", 62.0), ("1-02:00:00", 93600.0), ("0:12.34", 12.34), ("61:00", 3660.0)], ids=str)
def test_processor_time_is_read_as_every_ps_writes_it(text: str, seconds: float) -> None:
    assert throughput.seconds_of(text) == pytest.approx(seconds)


def test_processor_time_is_that_of_the_processes_asked_for() -> None:
    assert set(throughput.processor_seconds([os.getpid()])) == {os.getpid()}


def test_rates_are_shown_beside_the_loop_and_say_who_was_busy() -> None:
    one = throughput.Rate(hosts=1, seconds=30.0, processor={"Azurite": 15.0, "workers": 30.0}, counted=120, lost=30)
    more = throughput.Rate(hosts=3, seconds=22.5, counted=120, lost=240)
    rows = throughput_rows(throughput.Rates(one=one, more=more, raw_one=6.0, raw_more=8.0, calls=26))
    assert [row.measured for row in rows] == [0.5, 0.5, 1.33, 2.0]
    assert rows[0].note == f"3.0 a second, the loop 6.0; 1.5 of {os.cpu_count()} cores busy: Azurite 33%, workers 67%"
    assert rows[1].note == "4.0 a second, the loop 8.0; who took the processors was not measured: there is no ps"
    assert rows[3].note == "240 lost, 120 made; through one host 30 and 120"
