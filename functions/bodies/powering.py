"""The bodies that start and stop a cluster, or one pool of it."""

from functions.bodies.asking import NAME, Document, body
from shared.model.requests import Start, Stop


def _start(document: Document) -> Start:
    return Start(pool=document.get("pool"))


def _stop(document: Document) -> Stop:
    return Stop(pool=document.get("pool"))


START = body(_start, required={}, nullable={"pool": NAME})
STOP = body(_stop, required={}, nullable={"pool": NAME})
