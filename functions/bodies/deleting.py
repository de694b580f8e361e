"""The body that deletes a cluster; `confirm` is its name."""

from functions.bodies.asking import Document, body, text, truth
from shared.model.requests import Delete


def _request(document: Document) -> Delete:
    return Delete(confirm=document["confirm"], delete_resource_group=document.get("delete_resource_group", False))


DELETE = body(_request, required={"confirm": text(most=100)}, optional={"delete_resource_group": truth()})
