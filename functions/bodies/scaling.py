"""The body that sets a pool's node count, or its autoscaler's limits."""

from functions.bodies.asking import COUNT, NAME, NONE, WHOLE, Document, body, range_of, refused
from shared.model.errors import Refusal
from shared.model.requests import Scale


def _request(document: Document) -> Scale | Refusal:
    asked = {name for name in ("count", "min", "max") if document.get(name) is not None}
    if asked not in ({"count"}, {"min", "max"}):
        return refused("count", "want either count, or both min and max")
    return Scale(pool=document["pool"], to=range_of(document) or document["count"])


SCALE = body(
    _request,
    required={"pool": NAME},
    nullable={"count": COUNT, "min": COUNT, "max": COUNT},
    fit={
        "anyOf": [
            {"required": ["count"], "properties": {"count": WHOLE, "min": NONE, "max": NONE}},
            {"required": ["min", "max"], "properties": {"count": NONE, "min": WHOLE, "max": WHOLE}},
        ]
    },
)
