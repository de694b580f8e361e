"""HTTP: the contract of all HTTP doors, as an OpenAPI document."""

import azure.functions as func

doors = func.Blueprint()  # type: ignore[no-untyped-call]  # the SDK left this one constructor untyped


@doors.function_name("contract_read")
@doors.route(route="openapi.json", methods=["GET"])
def contract_read(req: func.HttpRequest) -> func.HttpResponse:
    """The document, the same for everybody. It is drawn when a process is first asked for it, and kept."""
    from functions import replies
    from functions.callers import strange
    from shared import log

    with log.invocation("contract_read"):
        refusal = strange(req)
        if refusal is not None:
            return replies.problem(refusal, instance="/api/openapi.json")
        from functions.openapi.document import document

        return replies.reply(document())
