"""Timers: the sweep, the end of what is old, and what there is to learn."""

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


@doors.function_name("retain_days")
@doors.timer_trigger(arg_name="timer", schedule="0 17 * * * *")
def retain_days(timer: func.TimerRequest) -> None:
    """Every hour: remove what ended longer ago than TIDEKEEPER_RETENTION_DAYS, some at a time."""
    from shared import log
    from shared.services import current

    with log.invocation("retain_days"):
        current().retain()


@doors.function_name("learn_paces")
@doors.timer_trigger(arg_name="timer", schedule="0 43 3 * * *")
def learn_paces(timer: func.TimerRequest) -> None:
    """Every night: learn from what has ended how long Azure takes."""
    from shared import log
    from shared.services import current

    with log.invocation("learn_paces"):
        current().learn()
