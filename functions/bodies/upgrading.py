"""The body that moves a cluster to another Kubernetes version."""

from functions.bodies.asking import Document, body, text
from shared.model.requests import Upgrade


def _request(document: Document) -> Upgrade:
    return Upgrade(version=document.get("version"))


UPGRADE = body(_request, required={}, nullable={"version": text(pattern=r"^(latest|[0-9]{1,2}\.[0-9]{1,3}(\.[0-9]{1,3})?)$")})
