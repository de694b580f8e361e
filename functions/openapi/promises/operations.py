"""What the doors to operations promise."""

from functions import views
from functions.openapi.promises.terms import AZURE, BODY, FLAG, SETTINGS, STORE, Answer, Parameter, Route
from functions.openapi.words import CLUSTER, FIELDS
from shared.model.errors import Code
from shared.model.operations import Status
from shared.model.requests import ACTIONS, Door

_WHEN = {"type": "string", "format": "date-time", "examples": ["2026-11-23T20:00:00Z"]}


def _several(name: str, words: str, known: frozenset[str]) -> Parameter:
    schema = {"type": "array", "minItems": 1, "items": {"type": "string", "enum": sorted(known)}}
    return Parameter(name=name, words=f"{words} Several are separated by commas.", schema=schema, several=True)


_LIST = (
    Parameter(
        name="cluster",
        words=f"Only those of one cluster. {FIELDS['cluster']}",
        schema={"type": "string", "pattern": CLUSTER, "examples": ["prod-rg/web"]},
    ),
    _several("status", "Only those in one of these states.", frozenset(Status)),
    _several("action", "Only those with one of these actions.", ACTIONS),
    _several("origin", "Only those that came by one of these doors.", frozenset(Door)),
    Parameter(
        name="since",
        words="Only those since then; a week before `until` if it is left out. A cluster's operations are bound by when they were asked "
        "for; otherwise by when they ended, beside all that are open.",
        schema=_WHEN,
    ),
    Parameter(name="until", words="Only those until then; now, if it is left out. At most 92 days after `since`.", schema=_WHEN),
    Parameter(name="top", words="How many at most.", schema={"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
    Parameter(name="continuation", words="Where the last page stopped, as it said.", schema={"type": "string", "minLength": 1}),
)
_KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    words="Makes it safe to send the same request again: the same key and body are the same operation, for the same caller.",
    schema={"type": "string", "pattern": "^[!-~]([ -~]{0,198}[!-~])?$"},
)

_VERB = frozenset({Code.MALFORMED, Code.FORBIDDEN, Code.NOT_FOUND, Code.ALREADY_ENDED}) | STORE | SETTINGS


def _verb(
    verb: str,
    summary: str,
    words: str,
    refusals: frozenset[Code] = _VERB | {Code.WRONG_STATE},
    also: Answer | None = None,
) -> Route:
    return Route(
        function=f"operations_{verb}",
        method="post",
        path=f"operations/{{id}}/{verb}",
        tag="operations",
        summary=summary,
        words=words,
        answers={
            202: Answer(
                means="The operation as it is now; it may have ended, see `status`.",
                views=(views.OperationView,),
                location="always",
                retry_after=True,
            ),
        }
        | ({} if also is None else {200: also}),
        refusals=refusals,
    )


OPERATIONS = (
    Route(
        function="operations_submit",
        method="post",
        path="operations",
        tag="operations",
        summary="Ask for something",
        words="Accepts a request and answers the operation that carries it out. A cluster has one operation at a time; the others wait in "
        "line. What is impossible is refused at once, and nothing is stored. An operation whose goal holds already is born succeeded. "
        "Nothing waits here: follow `Location`.",
        takes_request=True,
        parameters=(
            Parameter(name="plan_only", words="Only say what would be done, and store nothing.", schema=FLAG),
            _KEY,
        ),
        answers={
            200: Answer(
                means="With `plan_only`, the plan; else the operation that the idempotency key stands for, which has ended.",
                views=(views.OperationView, views.PreviewView),
                location="with_operation",
            ),
            202: Answer(
                means="The operation; it may have ended already, see `status`.",
                views=(views.OperationView,),
                location="always",
                retry_after=True,
            ),
        },
        refusals=BODY | {Code.FORBIDDEN, Code.NOT_FOUND, Code.CLUSTER_EXISTS, Code.KEY_REUSED, Code.IMPOSSIBLE} | AZURE | STORE | SETTINGS,
        goes_on={"operations_read": {"id": "/id"}, "operations_cancel": {"id": "/id"}},
    ),
    Route(
        function="operations_list",
        method="get",
        path="operations",
        tag="operations",
        summary="List operations",
        words="Newest first, a page at a time; by default those of the last seven days and all that are open.",
        parameters=_LIST,
        answers={200: Answer(means="A page.", views=(views.OperationsView,))},
        refusals=frozenset({Code.MALFORMED}) | STORE | SETTINGS,
    ),
    Route(
        function="operations_read",
        method="get",
        path="operations/{id}",
        tag="operations",
        summary="Read an operation",
        words="Ask again after `Retry-After` while it is 202.",
        parameters=(Parameter(name="history", words="Say what happened, too.", schema=FLAG),),
        answers={
            200: Answer(means="The operation has ended.", views=(views.OperationView,)),
            202: Answer(means="The operation is open.", views=(views.OperationView,), retry_after=True),
        },
        refusals=frozenset({Code.MALFORMED, Code.NOT_FOUND}) | STORE | SETTINGS,
    ),
    Route(
        function="status_read",
        method="get",
        path="status/{id}",
        tag="operations",
        summary="Follow a status link",
        words="`links.status` of an operation leads here. It opens that operation alone, to read only and without a key, for anybody who "
        "is given it, for as long as the operation is kept. Ask again after `Retry-After` while it is 202.",
        open=True,
        parameters=(
            Parameter(
                name="token",
                required=True,
                words="What opens the operation, as its link has it.",
                schema={"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$", "examples": ["0" * 43]},
            ),
        ),
        answers={
            200: Answer(means="The operation has ended.", views=(views.GlimpseView,)),
            202: Answer(means="The operation is open.", views=(views.GlimpseView,), retry_after=True),
        },
        refusals=frozenset({Code.MALFORMED, Code.NOT_FOUND}) | STORE | SETTINGS,
    ),
    Route(
        function="operations_cancel",
        method="post",
        path="operations/{id}/cancel",
        tag="operations",
        summary="Cancel an operation",
        words="What was applied stays applied and what is left is skipped. A call under way is left to finish, or, with `abort`, AKS is "
        "asked to abort it, which it does not do to a deletion. Asked again while the operation is open, it changes nothing, but may add "
        "`abort`.",
        parameters=(Parameter(name="abort", words="Abort what is under way in Azure.", schema=FLAG),),
        answers={
            202: Answer(
                means="The operation as it is now; it may have ended, see `status`.",
                views=(views.OperationView,),
                location="always",
                retry_after=True,
            )
        },
        refusals=_VERB,
    ),
    _verb(
        "suspend",
        "Suspend an operation",
        "No further step begins. A call under way is left to finish and is read back; then the operation is `suspended` and keeps its "
        "cluster, or its place in line, until it is resumed, cancelled or force-closed. Asked again, it changes nothing.",
    ),
    _verb(
        "resume",
        "Take up an operation",
        "Goes on with an operation that is `suspended`, or that waits for a person in `needs_attention`, at its first step that has not "
        "ended; that step's time begins anew.",
    ),
    _verb(
        "retry",
        "Retry an operation",
        "Makes a new operation of the steps that an ended one left undone, exactly as they were planned: every version and count stays the "
        "one that was chosen then. `Location` names it, its `retry_of` the old one, which stays as it is. An operation is retried once; "
        "asked again, the answer is what the first retry made.",
        _VERB - {Code.ALREADY_ENDED} | {Code.WRONG_STATE, Code.THROTTLED},
    ),
    _verb(
        "force_close",
        "Force an operation closed",
        "Ends an operation as failed (`force_closed`) whatever its state, asks Azure nothing, and frees its cluster for the next in line. "
        "What Azure was asked for may go on, and nobody watches it. It works on an operation whose record cannot be read, too.",
        _VERB,
        Answer(means="Its record could not be read: it was closed unread, and this is left of it.", views=(views.SummaryView,)),
    ),
    Route(
        function="operations_purge",
        method="delete",
        path="operations/{id}",
        tag="operations",
        summary="Purge an operation",
        words="Removes one that has ended for good, with its history and its idempotency key. If the answer is lost, ask again: 404 says "
        "that it is gone. Takes a grant of the action `purge`.",
        answers={200: Answer(means="It is gone.", views=(views.PurgeView,))},
        refusals=_VERB - {Code.ALREADY_ENDED} | {Code.WRONG_STATE},
    ),
    Route(
        function="operations_purge_many",
        method="post",
        path="operations/purge",
        tag="operations",
        summary="Purge what ended long ago",
        words="Removes up to 50 ended operations for good, an older day first; ask again while `more`. Takes a grant of the action `purge` "
        "on all clusters, or on the one that is named. The setting TIDEKEEPER_RETENTION_DAYS does the same by itself.",
        parameters=(
            Parameter(
                name="until",
                required=True,
                words="Only those that had ended by then; of one cluster, those that were asked for by then.",
                schema=_WHEN,
            ),
            Parameter(
                name="cluster",
                words=f"Only those of one cluster. {FIELDS['cluster']}",
                schema={"type": "string", "pattern": CLUSTER, "examples": ["prod-rg/web"]},
            ),
        ),
        answers={200: Answer(means="What was removed.", views=(views.PurgeView,))},
        refusals=_VERB - {Code.ALREADY_ENDED},
    ),
)
