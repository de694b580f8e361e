"""What answers look like, a type for each view: `replies` makes them, the type checker holds it to that, the document is drawn from it.

Only the checker and the document import this, so a start pays nothing for it. Must not make a view.
"""

from dataclasses import fields
from typing import Annotated, Literal, NotRequired, get_args

from pydantic import WithJsonSchema, with_config
from typing_extensions import TypedDict  # below Python 3.12 pydantic cannot read the standard library's own

from shared.model.clusters import OsType, PoolMode, PowerState
from shared.model.errors import Code
from shared.model.operations import Status, StepState
from shared.model.plans import Action
from shared.model.requests import ACTIONS, Door


def _kinds(union: object, name: str) -> list[str]:
    """The words that tell the members of a union apart."""
    return sorted(str(field.default) for kind in get_args(union) for field in fields(kind) if field.name == name)


def _text(**more: str | list[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **more})


OPERATION_ID = "^op-[0-9a-v]{16}-[0-9a-v]{1,40}$"
"""How the id of an operation is spelt."""

LETTER_ID = "^[0-9]{8}[0-9a-f]{24}$"
"""How the id of a letter is spelt: the day it was filed, and a mark of its message."""

Instant = Annotated[str, _text(format="date-time")]
Duration = Annotated[str, _text(format="duration", examples=["PT1H"])]
Place = Annotated[str, _text(format="uri-reference", pattern="^/api/")]
LetterId = Annotated[str, _text(pattern=LETTER_ID, examples=["20261123a1b2c3d4e5f60718293a4b5c"])]
OperationId = Annotated[str, _text(pattern=OPERATION_ID, examples=["op-ou9dqiktg4u6u730-ubnsdarfosr3op60h"])]
Minor = Annotated[str, _text(pattern=r"^[0-9]+\.[0-9]+$", examples=["1.36"])]
Patch = Annotated[str, _text(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", examples=["1.36.4"])]
RequestWord = Annotated[str, _text(enum=sorted(ACTIONS))]
StepWord = Annotated[str, _text(enum=_kinds(Action, "kind"))]
StateWord = Annotated[str, _text(enum=_kinds(StepState, "state"))]
Amount = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 0})]

_described = with_config({"use_attribute_docstrings": True})


@_described
class ClusterName(TypedDict):
    """Which cluster."""

    subscription: str
    resource_group: str
    name: str


@_described
class ErrorView(TypedDict):
    """What went wrong."""

    code: Code
    """A stable word for it; docs/operations.md says what each means and what to do."""
    message: str
    """For people: what is, what was wanted, what to do."""


@_described
class OperationError(ErrorView):
    """What ended an operation, or what it waits for a person about."""

    azure_code: str | None
    """Azure's own word, verbatim."""


@_described
class OriginView(TypedDict):
    """Who asked, by which door."""

    door: Door
    caller: str
    """What the door can vouch for: the Entra principal, `function-key`, or the queue."""
    says_it_is: NotRequired[str]
    """What a message claims of its sender; shown, never trusted."""


@_described
class StepView(TypedDict):
    """A step of a plan; its state and what follows are there once the operation has been accepted."""

    name: str
    action: StepWord
    limit: Duration
    """How long the step may take before it is given up."""
    state: NotRequired[StateWord]
    started_at: NotRequired[Instant | None]
    ended_at: NotRequired[Instant | None]
    note: NotRequired[str | None]
    """What was unusual about it, or why it was skipped."""
    error: NotRequired[ErrorView | None]
    """Why it failed, or why it waits."""


@_described
class PlanView(TypedDict):
    """What is going to be done, complete before the first step runs."""

    digest: str
    """A name for exactly this plan."""
    steps: list[StepView]


@_described
class ProgressView(TypedDict):
    """How far an operation is, what it waits for, and until when."""

    step: Amount
    """The step that is to move next, counted from 1; the number of steps when none is left; 0 while there is no plan."""
    steps: Amount
    percent: Annotated[int, WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 100})]
    """Each step counts the same; one that runs in Azure counts by the time that such calls usually take, up to nine tenths."""
    waiting_for: str | None
    """In words; null once it has ended."""
    next_look_at: Instant | None
    """The latest at which it is looked at again, if nothing keeps the app from it; null where nothing is looked at until something else
    happens: a person acts, or what comes first has ended."""


@_described
class OperationLinks(TypedDict):
    """Where to go from an operation."""

    self: Place
    cancel: Place
    suspend: Place
    resume: Place
    retry: Place
    force_close: Place
    status: Place | None
    """Opens this operation alone, to read only and without a key, for whoever is given it. Null where the app has no key for such links."""
    cluster: Place


@_described
class EventView(TypedDict):
    """One thing that happened to an operation."""

    n: Amount
    at: Instant
    text: str


@_described
class OperationView(TypedDict):
    """An accepted request, and all that has become of it."""

    id: OperationId
    status: Status
    """`scheduled` (not before its time), `queued` (behind another operation of the cluster), `running`, `suspended` and
    `needs_attention` are open; the others have ended."""
    action: RequestWord
    cluster: ClusterName
    origin: OriginView
    reason: str | None
    """Why the caller wants it, in the caller's words."""
    because: str | None
    """Why the plan is what it is."""
    progress: ProgressView
    plan: PlanView | None
    """Null until the operation is the first of its cluster."""
    queue_position: Amount
    """How many operations of the cluster come first."""
    held_by: OperationId | None
    """The operation that holds the cluster, where this one waits in line behind it."""
    created_at: Instant
    updated_at: Instant
    started_at: Instant | None
    """When something was first sent to Azure for it."""
    ended_at: Instant | None
    cancelled_by: str | None
    suspended_by: str | None
    """Who asked that no further step begins; null once it was resumed."""
    retry_of: OperationId | None
    """The ended operation whose unfinished steps this one does."""
    not_before: Instant | None
    not_after: Instant | None
    """The span in which it may begin."""
    error: OperationError | None
    links: OperationLinks
    history: NotRequired[list[EventView]]
    """What happened, oldest first; only where it was asked for."""


@_described
class GlimpseStep(TypedDict):
    """A step as a status link shows it."""

    name: str
    state: StateWord
    started_at: Instant | None
    ended_at: Instant | None


@_described
class GlimpseView(TypedDict):
    """What a status link shows of its operation: where it stands, and nothing of who asked for what and why."""

    id: OperationId
    status: Status
    action: RequestWord
    cluster: str
    """Its name, without subscription and resource group."""
    progress: ProgressView
    steps: list[GlimpseStep]
    """Empty until it is planned."""
    queue_position: Amount
    created_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    error: ErrorView | None
    """What ended it, or what it waits for a person about, in general words: Azure's own are for those who may read the operation."""


@_described
class PreviewView(TypedDict):
    """What a request would do. Nothing was stored."""

    plan: PlanView | None
    """Null where another operation comes first and the plan must wait for it."""
    because: str | None
    already_so: bool
    """Whether the cluster is as asked already."""
    findings: list[str]
    """What stands in the way, or comes first."""


@_described
class SummaryLinks(TypedDict):
    """Where to go from an operation in a list."""

    self: Place


@_described
class SummaryOrigin(TypedDict):
    """By which door it came."""

    door: Door


@_described
class SummaryView(TypedDict):
    """An operation in a list."""

    id: OperationId
    status: Status
    action: RequestWord
    cluster: ClusterName
    origin: SummaryOrigin
    because: str | None
    code: Code | None
    """What ended it, or what it waits for a person about."""
    created_at: Instant
    updated_at: Instant
    links: SummaryLinks


@_described
class OperationsView(TypedDict):
    """A page of operations. A page may come short: the list has ended only where `continuation` is null."""

    operations: list[SummaryView]
    continuation: str | None
    """To be given back as it is, with the same filters, for the next page."""


@_described
class PoolView(TypedDict):
    """A node pool as Azure shows it."""

    name: str
    mode: PoolMode
    os: OsType
    vm_size: str
    count: Amount
    min: Amount | None
    """The autoscaler's limits; null where it is off."""
    max: Amount | None
    kubernetes_version: str | None
    provisioning_state: str
    power_state: PowerState


@_described
class ClusterView(TypedDict):
    """A cluster as Azure shows it: the columns of `az aks list`, then what they leave out."""

    name: str
    location: str
    resource_group: str
    kubernetes_version: str
    current_kubernetes_version: str | None
    provisioning_state: str
    """Azure's own word: `Succeeded`, `Failed`, `Canceled`, or one for what is under way."""
    fqdn: str | None
    power_state: PowerState
    subscription: str
    settled: bool
    """Whether Azure has finished, and well, with the cluster and every pool of it."""
    pools: list[PoolView]
    tags: dict[str, str]
    operation: OperationId | None
    """The operation that holds the cluster now."""


@_described
class TargetView(TypedDict):
    """A version that AKS would let a cluster's control plane move to."""

    version: Patch
    preview: bool
    """A preview is taken only where it is asked for by its patch."""


@_described
class PoolVersionView(TypedDict):
    """Where a pool is."""

    name: str
    kubernetes_version: str | None
    behind: bool
    """Whether it is not at its control plane's version."""


@_described
class UpgradesView(TypedDict):
    """What AKS offers one cluster."""

    cluster: ClusterName
    kubernetes_version: str
    """The patch that the control plane runs."""
    targets: list[TargetView]
    """Lowest first; empty where there is nothing newer."""
    pools: list[PoolVersionView]


@_described
class VersionView(TypedDict):
    """A Kubernetes version that AKS offers in a region."""

    version: Patch
    minor: Minor
    default: bool
    """Whether a new cluster gets it that asks for none."""
    preview: bool
    support_plans: list[str]
    """`KubernetesOfficial`, `AKSLongTermSupport`: which support plans may run it."""
    upgrades: list[Patch]
    """What it upgrades to, lowest first."""


@_described
class VersionsView(TypedDict):
    """The Kubernetes versions that AKS offers in a region, newest first."""

    location: str
    versions: list[VersionView]


@_described
class SubscriptionError(ErrorView):
    """A subscription whose clusters could not be listed."""

    subscription: str


@_described
class ClustersView(TypedDict):
    """The clusters that the caller may see, and the subscriptions that could not be asked."""

    clusters: list[ClusterView]
    errors: list[SubscriptionError]


@_described
class Checks(TypedDict):
    """What was looked at: `ok`, or what is wrong, without a secret."""

    settings: str
    storage: str


@_described
class LetterLinks(TypedDict):
    """Where to go from a letter."""

    self: Place
    requeue: Place


@_described
class LetterView(TypedDict):
    """A message that could not be processed."""

    id: LetterId
    queue: str
    """Where it was sent, and where it goes if it is requeued."""
    reason: str
    """Why it could not be processed."""
    text: str
    """Its first 1000 characters, without what looks like a secret."""
    length: Amount
    """How many characters are kept of it."""
    requeueable: bool
    """Whether all of it is kept, so that it can be sent again."""
    filed_at: Instant
    operation: str | None
    """The operation that it was to move on."""
    links: LetterLinks


@_described
class LettersView(TypedDict):
    """A page of letters. A page may come short: the list has ended only where `continuation` is null."""

    letters: list[LetterView]
    continuation: str | None
    """To be given back as it is, with the same span, for the next page."""


@_described
class HealthView(TypedDict):
    """Whether the app is able to work."""

    status: Literal["ok", "unhealthy"]
    checks: Checks


@_described
class ActingView(TypedDict):
    """Whether the app acts."""

    paused: bool
    paused_by: str | None
    paused_at: Instant | None
    reason: str | None
    mutations: Amount
    """The calls that change something, made or about to be made in this hour."""
    mutations_per_hour: Amount
    """How many the setting TIDEKEEPER_MUTATIONS_PER_HOUR allows; a step that finds none left waits for the next hour, and says so."""
    hour_ends_at: Instant


@_described
class LearnedView(TypedDict):
    """What the app's own operations say, and what follows from it."""

    stretch: float
    """At so many times the shipped instants Azure is looked at."""
    operations: Amount
    """How many operations say so."""
    longer_than: Duration
    """Half of such operations take longer than this,"""
    at_most: Duration | None
    """and half of them no longer than this; null: nobody can say."""
    at: Instant


@_described
class PaceView(TypedDict):
    """When Azure is asked how a step of this kind gets on, and why then."""

    action: StepWord
    holds: Literal["shipped", "learned"]
    """Which figures hold."""
    because: str
    looks: list[Amount]
    """The figures that hold: when it is looked at, in seconds after Azure took the call. After the last: each time a tenth later."""
    shipped: list[Amount]
    typical: Duration
    """Half of the operations that the shipped figures were made from took no longer than this."""
    samples: Amount
    """How many operations tell something of the figures that hold; at most 5 a day and of 30 days are counted."""
    counted_at: Instant | None
    learned: LearnedView | None


@_described
class PaceBounds(TypedDict):
    """What may be learned at all."""

    soonest: float
    """Looks never come sooner than at so many times the shipped instants,"""
    latest: float
    """never later than at so many times those,"""
    apart: Duration
    """never closer together than this,"""
    samples: Amount
    """and nothing is learned from fewer operations than this."""


@_described
class PacesView(TypedDict):
    """When Azure is looked at, for each kind of step whose duration is known; other kinds are looked at each time a tenth later."""

    paces: list[PaceView]
    bounds: PaceBounds


@_described
class PurgeView(TypedDict):
    """What was removed."""

    purged: Amount
    """How many operations."""
    more: bool
    """Whether there are more; send the same request again."""


@_described
class DocumentView(TypedDict):
    """A document of OpenAPI 3.1."""

    openapi: Annotated[str, _text(pattern=r"^3\.1\.")]
    info: dict[str, object]
    paths: dict[str, object]


@_described
class FaultView(TypedDict):
    """One thing wrong with a body."""

    pointer: Annotated[str, _text(format="json-pointer")]
    """Where, as RFC 6901 says it."""
    message: str


@_described
class ProblemView(TypedDict):
    """An RFC 9457 problem."""

    type: Literal["about:blank"]
    title: str
    status: Annotated[int, WithJsonSchema({"type": "integer", "minimum": 400, "maximum": 599})]
    detail: str
    """For people: what is, what was wanted, what to do."""
    instance: Place
    code: Code
    """A stable word for what went wrong; programs decide by it."""
    errors: NotRequired[list[FaultView]]
    """What is wrong with the body, and where."""
