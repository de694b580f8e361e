"""Timers: the sweep."""

import azure.functions as func

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped


@doors.function_name("sweep_open")
@doors.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
def sweep_open(timer: func.TimerRequest) -> None:
    """Every five minutes: find operations that nothing drives any more."""
    from shared import log
    from shared.services import current

    with log.invocation("sweep_open"):
        current().sweep()
