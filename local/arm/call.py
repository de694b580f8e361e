"""One request while it is being answered: what was asked, when, and the world that the answer may change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from local.arm import refusals
from local.arm.chance import Chance
from local.arm.durations import Durations
from local.arm.faults import Outcome
from local.arm.identity import Identity
from local.arm.records import Cluster, State, key
from local.arm.refusals import Refused
from local.arm.wire import Json

LATEST = "2026-08-01"


@dataclass(slots=True, kw_only=True)
class Call:
    """The parts of a request and what it may touch.

    `target` is path and query as they came, `names` what the route finds in the path, `host` is where status URLs lead back to.
    Whoever changes the world sets `applied`; `outcome` is how a fault wants the operation to end that this request starts.
    """

    number: int
    now: datetime
    seed: int
    state: State
    chance: Chance
    durations: Durations
    identity: Identity
    method: str
    target: str
    query: Mapping[str, str]
    host: str
    headers: Mapping[str, str]
    body: bytes
    outcome: Outcome | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    applied: bool = False

    @property
    def path(self) -> str:
        """The path as it was asked, without the query."""
        return self.target.partition("?")[0]

    @property
    def version(self) -> str:
        """The api-version asked for."""
        return self.query.get("api-version", "")

    @property
    def subscription(self) -> str:
        """The subscription in the path."""
        return self.names["subscription"]

    @property
    def group(self) -> str:
        """The resource group in the path."""
        return self.names["group"]

    @property
    def cluster_key(self) -> str:
        """The key of the cluster in the path."""
        return key(self.subscription, self.group, self.names["cluster"])

    def cluster(self) -> Cluster | None:
        """The cluster in the path, if there is one."""
        return self.state.clusters.get(self.cluster_key)

    def document(self) -> Json:
        """The body as a JSON object. Raises Refused otherwise."""
        try:
            document = json.loads(self.body, parse_constant=_no_constant)
        except ValueError as wrong:
            raise Refused(refusals.unreadable(str(wrong))) from wrong
        if not isinstance(document, dict):
            message = f"a JSON object was expected, not {type(document).__name__}"
            raise Refused(refusals.unreadable(message))
        return document

    def settle_etags(self, *documents: Json) -> None:
        """Give documents a new eTag: something about them was written."""
        for document in documents:
            document["eTag"] = self.chance.guid("etag")


def _no_constant(name: str) -> None:
    message = f"Unexpected token {name}"
    raise ValueError(message)
