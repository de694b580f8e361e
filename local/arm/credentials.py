"""Kubeconfigs of clusters that do not exist: well-formed, derived from the seed, and good for nothing but being read.

The three lists and the access profile give the same file for different users, in the shape recorded for `listClusterUserCredential`.
"""

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from local.arm import clusters, refusals
from local.arm.call import Call
from local.arm.records import Cluster
from local.arm.refusals import Refused
from local.arm.wire import Json, Reply, reply

_VALID_FROM, _VALID_UNTIL = datetime(2018, 1, 1, tzinfo=UTC), datetime(2058, 1, 1, tzinfo=UTC)
_PLAIN = re.compile(r"(?!(?:true|false|null|yes|no|on|off|y|n)$)[A-Za-z][\w.()-]*", re.IGNORECASE)
_FORMATS = {"azure", "exec"}


def of_admin(call: Call) -> Reply:
    """The administrator's kubeconfig; refused where local accounts are disabled."""
    return _listed(call, "clusterAdmin")


def of_user(call: Call) -> Reply:
    """The user's kubeconfig; on a cluster with Entra ID it gets its token from kubelogin."""
    return _listed(call, "clusterUser")


def of_monitoring_user(call: Call) -> Reply:
    """The monitoring user's kubeconfig."""
    return _listed(call, "clusterMonitoringUser")


def of_role(call: Call) -> Reply:
    """The older way to the same file: the access profile of a role."""
    cluster = clusters.found(call)
    role = {"clusteruser": "clusterUser", "clusteradmin": "clusterAdmin"}.get(call.names["role"].lower())
    if role is None:
        raise Refused(refusals.invalid("roleName"))
    document: Json = {
        "id": f"{cluster.body['id']}/accessProfiles/{role}",
        "name": role,
        "type": "Microsoft.ContainerService/managedClusters/accessProfiles",
        "location": cluster.location,
        "properties": {"kubeConfig": _encoded(call, cluster, role)},
    }
    return reply(200, document)


def _listed(call: Call, user: str) -> Reply:
    cluster = clusters.found(call)
    if call.query.get("format", "azure").lower() not in _FORMATS:
        raise Refused(refusals.invalid("format"))
    return reply(200, {"kubeconfigs": [{"name": user, "value": _encoded(call, cluster, user)}]})


def _encoded(call: Call, cluster: Cluster, user: str) -> str:
    properties = cluster.body["properties"]
    if properties.get("disableLocalAccounts") and (user != "clusterUser" or not properties.get("aadProfile")):
        raise Refused(refusals.local_accounts_disabled())
    return base64.b64encode(_kubeconfig(call, cluster, user).encode()).decode()


def _kubeconfig(call: Call, cluster: Cluster, user: str) -> str:
    properties = cluster.body["properties"]
    authority = _key(call, cluster, "authority")
    name = _scalar(cluster.name)
    login = _scalar(f"{user}_{cluster.group}_{cluster.name}")
    if user == "clusterUser" and properties.get("aadProfile"):
        proof = _kubelogin(call.identity.tenant)
    else:
        client = _key(call, cluster, user)
        groups = "system:masters" if user == "clusterAdmin" else "system:authenticated"
        proof = (
            f"    client-certificate-data: {_data(_certificate(client, authority, groups, user))}\n"
            f"    client-key-data: {_data(client.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))}\n"
            f"    token: {_secret(call, cluster, f'token/{user}').hex()}\n"
        )
    return (
        "apiVersion: v1\nclusters:\n- cluster:\n"
        f"    certificate-authority-data: {_data(_certificate(authority, authority, 'kubernetes', 'ca'))}\n"
        f"    server: https://{properties['fqdn']}:443\n  name: {name}\n"
        f"contexts:\n- context:\n    cluster: {name}\n    user: {login}\n  name: {name}\n"
        f"current-context: {name}\nkind: Config\npreferences: {{}}\nusers:\n- name: {login}\n  user:\n{proof}"
    )


def _kubelogin(tenant: str) -> str:
    # AKS's own application in Entra ID and its client, the same for every cluster: learn.microsoft.com/azure/aks/kubelogin-authentication.
    server, client = "6dae42f8-4368-4678-94ff-3960e28e3630", "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
    words = f"get-token --environment AzurePublicCloud --server-id {server} --client-id {client} --tenant-id {tenant} --login devicecode"
    listed = "".join(f"      - {word}\n" for word in words.split())
    begins = "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      args:\n"
    return f"{begins}{listed}      command: kubelogin\n      env: null\n      provideClusterInfo: false\n"


def _scalar(text: str) -> str:
    """A YAML scalar that stays a string whatever the name is: 123, true."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _data(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


def _secret(call: Call, cluster: Cluster, what: str) -> bytes:
    """32 bytes that only a world with this seed makes, other ones for every cluster that was ever made."""
    uid = cluster.body["properties"]["resourceUID"]
    return hmac.new(f"{call.seed}/credentials".encode(), f"{uid}/{what}".encode(), hashlib.sha256).digest()


def _key(call: Call, cluster: Cluster, what: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_secret(call, cluster, f"key/{what}"))


def _certificate(key: Ed25519PrivateKey, authority: Ed25519PrivateKey, organization: str, name: str) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "kubernetes"), x509.NameAttribute(NameOID.COMMON_NAME, "ca")],
    )
    serial = int.from_bytes(hashlib.sha256(key.public_key().public_bytes_raw()).digest()[:16]) | 1
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key()).serial_number(serial)
    dated = builder.not_valid_before(_VALID_FROM).not_valid_after(_VALID_UNTIL)
    marked = dated.add_extension(x509.BasicConstraints(ca=key is authority, path_length=None), critical=True)
    return marked.sign(authority, None).public_bytes(Encoding.PEM)
