"""The bench's command line: counts, times, prints a table, writes it as JSON, and ends well only if every bound is kept."""

import argparse
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from local.bench import calls, cold, costs, speed
from local.bench.table import Row, rendered, written
from local.interpreters import FaultError, say
from local.processes import Keeper, NotReadyError
from local.storage import LAPTOP, NotInstalledError, Storage

OPERATIONS_A_SECOND = 1000
IMPORT_RATIO, FIRST_ANSWER_RATIO = 1.6, 3.0


def storage_rows() -> list[Row]:
    """Transactions of operations on Azurite."""
    group = "storage transactions of an operation: 4P + 2S + 9 (S steps, P polls, the answering ones included)"
    with tempfile.TemporaryDirectory() as logs, Keeper(Path(logs)) as keeper:
        storage = Storage(keeper)
        storage.start()
        return [
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
    arguments = parser.parse_args()
    try:
        say("counting storage transactions on Azurite")
        rows = storage_rows()
        say("counting ARM requests")
        rows += arm_rows()
        say("timing the engine")
        rows.append(speed_row())
        say(f"timing cold starts, {cold.ROUNDS} rounds")
        starts = cold.measured()
        rows += cold_rows(starts)
    except (FaultError, NotReadyError, NotInstalledError) as fault:
        print(f"dev.py bench: {fault}", file=sys.stderr)
        return 1
    facts: dict[str, object] = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "starts": {what: [asdict(spent) for spent in rounds] for what, rounds in starts.rounds.items()},
    }
    written(rows, facts, arguments.json)
    print(f"\n{rendered(rows)}\n\nwritten to {arguments.json}")
    broken = [row.what for row in rows if not row.holds]
    print("every bound holds" if not broken else f"{len(broken)} of {len(rows)} bounds do not hold: {'; '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
