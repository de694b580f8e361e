"""The body that sets a pool's node count, or its autoscaler's limits."""

from functions.bodies.asking import COUNT, NAME, Document, body, range_of, refused
from shared.model.errors import Refusal
from shared.model.requests import Scale


def _request(document: Document) -> Scale | Refusal:
    count = document.get("count")
    try:
        limits = range_of(document)
    except ValueError:
        return refused("count", "want either count, or both min and max")
    if (count is None) == (limits is None):
        return refused("count", "want either count, or both min and max")
    return Scale(pool=document["pool"], to=limits if limits is not None else document["count"])


SCALE = body(_request, required={"pool": NAME}, nullable={"count": COUNT, "min": COUNT, "max": COUNT})
