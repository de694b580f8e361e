"""HTTP: is the app able to work? Says what is wrong without a secret, to anybody, so that probes need no key."""

import azure.functions as func

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped


@doors.function_name("health_read")
@doors.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health_read(req: func.HttpRequest) -> func.HttpResponse:
    """200 when the settings are whole and storage answers, else 503 with what is wrong."""
    from functions import replies
    from shared import log
    from shared.model.errors import CallFailed
    from shared.services import current
    from shared.settings import BadSettings

    settings, storage = "ok", "not asked"
    with log.invocation("health_read"):
        try:
            current().check()
            storage = "ok"
        except BadSettings as fault:
            settings = str(fault)
        except CallFailed as failed:
            storage = failed.failure.message
    view = replies.health_view(settings=settings, storage=storage)
    return replies.reply(view, status=200 if view["status"] == "ok" else 503)
