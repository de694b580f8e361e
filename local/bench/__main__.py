"""The bench's command line: counts, times, prints a table, writes it as JSON, and ends well only if every bound is kept."""

import argparse
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from local import pacing
from local.bench import calls, cold, costs, faults, lateness, looks, peers, speed, throughput
from local.bench.table import Row, rendered, written
from local.interpreters import FaultError, say
from local.processes import Keeper, NotReadyError
from local.storage import LAPTOP, NotInstalledError, Storage

OPERATIONS_A_SECOND = 1000
LOOKS_SHARE, LATENESS_RATIO = 0.55, 1.0
IMPORT_RATIO, FIRST_ANSWER_RATIO = 1.6, 3.0
QUEUE_LATENESS_RATIO, QUEUE_LOOKS_RATIO = 0.5, 2.0
RAW_SHARE, HOSTS_RATIO, LOST_COUNTS = 0.15, 0.4, 4.0
IN_MEMORY_RATIO, ON_SQLITE_RATIO, ON_SQLITE_CLOCK_RATIO = 10.0, 1.0, 0.4


def storage_rows() -> list[Row]:
    """Transactions of operations on Azurite."""
    group = "storage transactions of an operation: 4P + 4S + 9 (S steps, P polls, the answering ones included)"
    with tempfile.TemporaryDirectory() as logs, Keeper(Path(logs)) as keeper:
        storage = Storage(keeper)
        storage.start()
        rows = [
            Row(
                group=group,
                what=str(case),
                unit="requests",
                at="most",
                bound=case.bound,
                measured=costs.CountedStorage(storage.connection_string, case).run(),
                note=f"Durable Functions: {case.durable}",
            )
            for case in costs.CASES
        ]
        for case in faults.CASES:
            rows += fault_rows(case, faults.counted(storage.connection_string, case))
        return rows


def fault_rows(case: faults.Faults, counted: faults.Counted) -> list[Row]:
    """What an operation took in spite of its faults."""
    group = "an operation with S=3 P=10 when calls to Azure go wrong"
    note = f"{counted.attempts} of them mutations" if case.attempts else ""
    return [
        Row(
            group=group, what=case.what, unit="requests", at="most", bound=case.transactions, measured=counted.transactions, note="storage"
        ),
        Row(group=group, what=case.what, unit="calls", at="most", bound=case.calls, measured=counted.calls, note=f"ARM {note}".strip()),
    ]


def arm_rows() -> list[Row]:
    """Requests of operations to ARM."""
    group = "ARM requests of an operation: R + 3S + P + Z (R reads to plan from; a look, the call, a look after it; Z read besides)"
    return [
        Row(
            group=group,
            what=f"{count.what}, S={count.steps} P={count.polls}",
            unit="requests",
            at="most",
            bound=count.bound,
            measured=count.requests,
        )
        for count in calls.counted()
    ]


def pace_rows(file: Path) -> list[Row]:
    """Looks and lateness over recorded operations: the bounds are for all together; what single kinds took stands beside them."""
    paces = looks.judged(pacing.read(file))
    together = looks.pooled(paces)
    group = "looks at operations in progress, in times of a loop of 30 seconds (recorded durations, held-out fifths)"
    rows = [
        Row(group=group, what="looks, all kinds", unit="times", at="most", bound=LOOKS_SHARE, measured=round(together.looked, 3)),
        Row(group=group, what="lateness, all kinds", unit="times", at="most", bound=LATENESS_RATIO, measured=round(together.noticed, 3)),
    ]
    return rows + [
        Row(
            group=group,
            what=f"looks, {kind}",
            unit="times",
            at="most",
            bound=1.0,
            measured=round(one.looked, 3),
            note=f"{one.operations} operations; lateness {one.noticed:.2f} times",
        )
        for kind, one in paces.items()
    ]


def speed_row() -> Row:
    """The engine by itself."""
    return Row(
        group="the engine, on ports in memory",
        what="operations of three steps, one core",
        unit="a second",
        at="least",
        bound=OPERATIONS_A_SECOND,
        measured=round(speed.operations_a_second()),
        note=f"median of {speed.ROUNDS} rounds of {speed.OPERATIONS}",
    )


def lateness_rows() -> list[Row]:
    """The queue loop, by the shipped interval and by the host's own."""
    settings, silent = lateness.shipped(), lateness.default()
    longest, seldom = settings.max_polling_interval.total_seconds(), silent.max_polling_interval.total_seconds()
    ours, theirs = lateness.measured(settings), lateness.measured(silent)
    group = (
        f"lateness of a wake-up alone in its queue, maxPollingInterval {longest:.0f} s (the host's default: {seldom:.0f} s); virtual clock"
    )
    default = f"by default {theirs.mean:.1f} s, at worst {theirs.worst:.1f} s"
    idle = f"with nothing under way {3600 / longest:.0f} an hour for a queue, by default {3600 / seldom:.0f}"
    found = (
        ("mean", "seconds", longest, ours.mean, f"{len(ours.late)} looks of the shipped paces"),
        ("worst", "seconds", longest, ours.worst, ""),
        ("mean, in times of the default", "times", QUEUE_LATENESS_RATIO, ours.mean / theirs.mean, default),
        ("looks that find nothing, in times of the default", "times", QUEUE_LOOKS_RATIO, ours.empty / theirs.empty, idle),
    )
    return [
        Row(group=group, what=what, unit=unit, at="most", bound=bound, measured=round(measured, 3), note=note)
        for what, unit, bound, measured, note in found
    ]


def throughput_rows(rates: throughput.Rates) -> list[Row]:
    """Whole operations a second, as ratios; what was measured is in the notes."""
    one, more = rates.one, rates.more
    group = f"whole operations through real hosts on Azurite, beside their {rates.calls} storage calls in a loop without an engine"

    def row(what: str, at: Literal["most", "least"], bound: float, measured: float, note: str) -> Row:
        return Row(group=group, what=what, unit="times", at=at, bound=bound, measured=round(measured, 2), note=note)

    def beside(rate: throughput.Rate, raw: float) -> str:
        return f"{rate.a_second:.1f} a second, the loop {raw:.1f}; {rate.bound_by}"

    cores = f"all of it contends for this machine's {os.cpu_count()} cores"
    lost = f"{more.lost} lost, {more.counted} made; through one host {one.lost} and {one.counted}"
    return [
        row("one host, in times of the loop", "least", RAW_SHARE, one.a_second / rates.raw_one, beside(one, rates.raw_one)),
        row(
            f"{more.hosts} hosts, in times of {more.hosts} loops",
            "least",
            RAW_SHARE,
            more.a_second / rates.raw_more,
            beside(more, rates.raw_more),
        ),
        row(f"{more.hosts} hosts, in times of one", "least", HOSTS_RATIO, more.a_second / one.a_second, cores),
        row(f"{more.hosts} hosts: counts of the brake lost to each other", "most", LOST_COUNTS, more.lost / more.counted, lost),
    ]


def peer_rows(python: Path | None) -> list[Row]:
    """Other durable engines at the same work, how many times what ours takes; none, and that is said, where they are not installed."""
    if python is None:
        say("skipped: other durable engines beside ours; no environment has them")
        return []
    say("timing other durable engines beside ours")
    in_memory, on_sqlite = peers.beside_durabletask(python, peers.HERE), peers.beside_dbos(python, peers.HERE)
    group = "other durable engines at three steps and ten polls, in times of ours (one process each, the same calls to a script)"

    def row(what: str, bound: float, measured: float, note: str) -> Row:
        return Row(group=group, what=what, unit="times", at="least", bound=bound, measured=round(measured, 2), note=note)

    durabletask, dbos = f"durabletask {in_memory.version}, in memory", f"DBOS {on_sqlite.version}, on SQLite"
    ours, theirs = on_sqlite.commits
    wire = "ours has no host and no wire here; it speaks gRPC with itself, and replays"
    commits = f"{theirs:.0f} commits an operation, ours {ours:.0f}: fetching, sending and deleting a message are commits of their own"
    return [
        row(f"{durabletask}: processor time", IN_MEMORY_RATIO, in_memory.ratio("processor"), wire),
        row(f"{dbos}: processor time", ON_SQLITE_RATIO, on_sqlite.ratio("processor"), "ours on the bench's own SQLite store"),
        row(f"{dbos}: time on the clock", ON_SQLITE_CLOCK_RATIO, on_sqlite.ratio("clock"), commits),
    ]


def cold_rows(starts: cold.Starts) -> list[Row]:
    """Cold starts."""
    bounds = (
        ("function_app", "import function_app", IMPORT_RATIO),
        ("first request", "import function_app and answer the first 202", FIRST_ANSWER_RATIO),
    )
    return [
        Row(
            group="cold start: processor time, in times that of `import azure.functions`",
            what=shown,
            unit="times",
            at="most",
            bound=bound,
            measured=round(starts.ratio(what), 2),
            note=f"{starts.processor(what) * 1000:.0f} ms; on the clock {starts.ratio(what, on_the_clock=True):.2f} times",
        )
        for what, shown, bound in bounds
    ]


def main() -> int:
    """Measure everything in one run; answers the exit code."""
    parser = argparse.ArgumentParser(prog="dev.py bench", description="Counts transactions and calls, and measures ratios.")
    parser.add_argument(
        "--json", type=Path, default=LAPTOP / "bench.json", metavar="FILE", help="where the JSON goes (default: %(default)s)"
    )
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help="an interpreter that has the other engines (`dev.py` names it)")
    arguments = parser.parse_args()
    try:
        say("counting storage transactions on Azurite")
        rows = storage_rows()
        say("counting ARM requests")
        rows += arm_rows()
        durations = looks.records()
        if durations is None:
            say("skipped: looks beside a loop of 30 seconds; there are no recorded durations (CONFORMANCE_DATA names their folder)")
        else:
            say("judging looks by recorded durations")
            rows += pace_rows(durations)
        say("running the host's queue loop on a virtual clock")
        rows += lateness_rows()
        say("timing the engine")
        rows.append(speed_row())
        rows += peer_rows(arguments.peers)
        say(f"timing {throughput.OPERATIONS} operations through one host and {throughput.HOSTS}, and a loop of the same storage calls")
        rates = throughput.measured()
        rows += throughput_rows(rates)
        say(f"timing cold starts, {cold.ROUNDS} rounds")
        starts = cold.measured()
        rows += cold_rows(starts)
    except (FaultError, NotReadyError, NotInstalledError) as fault:
        print(f"dev.py bench: {fault}", file=sys.stderr)
        return 1
    facts: dict[str, object] = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rates": asdict(rates),
        "starts": {what: [asdict(spent) for spent in rounds] for what, rounds in starts.rounds.items()},
    }
    written(rows, facts, arguments.json)
    print(f"\n{rendered(rows)}\n\nwritten to {arguments.json}")
    broken = [row.what for row in rows if not row.holds]
    print("every bound holds" if not broken else f"{len(broken)} of {len(rows)} bounds do not hold: {'; '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
