"""The simulator's kubeconfigs: what kubectl and other clients read in them, and who does not get one."""

import base64
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from local.arm.wire import Json, Reply
from tests.local.arm.asking import CLUSTER, Asker, a_cluster, a_pool, an_asker, code

yaml = pytest.importorskip("yaml", reason="a kubeconfig is read with PyYAML")

LISTS = {
    "clusterUser": "listClusterUserCredential",
    "clusterAdmin": "listClusterAdminCredential",
    "clusterMonitoringUser": "listClusterMonitoringUserCredential",
}


def credential(asker: Asker, user: str = "clusterUser", query: str = "") -> Reply:
    return asker.ask("POST", f"{CLUSTER}/{LISTS[user]}?api-version=2026-08-01{query}")


def kubeconfig(answer: Reply) -> Json:
    document = yaml.safe_load(base64.b64decode(answer.document["kubeconfigs"][0]["value"]))
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("user", LISTS)
def test_each_list_has_one_kubeconfig_of_its_user(user: str) -> None:
    asker = an_asker().with_cluster()
    answer = credential(asker, user)
    assert answer.status == 200
    assert [one["name"] for one in answer.document["kubeconfigs"]] == [user]
    config = kubeconfig(answer)
    fqdn = asker.get(CLUSTER).document["properties"]["fqdn"]
    assert (config["apiVersion"], config["kind"], config["current-context"]) == ("v1", "Config", "web")
    assert config["clusters"][0]["cluster"]["server"] == f"https://{fqdn}:443"
    assert config["contexts"][0] == {"context": {"cluster": "web", "user": f"{user}_group1_web"}, "name": "web"}
    assert config["users"][0]["name"] == f"{user}_group1_web"


def test_the_certificates_and_the_key_belong_together(tmp_path: Path) -> None:
    config = kubeconfig(credential(an_asker().with_cluster(), "clusterAdmin"))
    user: dict[str, Any] = config["users"][0]["user"]
    authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"])
    certificate, key = (base64.b64decode(user[name]) for name in ("client-certificate-data", "client-key-data"))
    issued = x509.load_pem_x509_certificate(certificate)
    issued.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    assert issued.public_key() == load_pem_private_key(key, None).public_key()
    (tmp_path / "both").write_bytes(certificate + key)
    context = ssl.create_default_context(cadata=authority.decode())  # what a client does with them
    context.load_cert_chain(tmp_path / "both")
    assert context.get_ca_certs()[0]["subject"] == ((("organizationName", "kubernetes"),), (("commonName", "ca"),))


def test_a_kubeconfig_is_the_same_each_time_and_another_ones_for_each_cluster_user_and_seed() -> None:
    asker = an_asker().with_cluster()
    first = credential(asker).body
    assert credential(asker).body == first
    assert credential(asker, "clusterAdmin").body != first
    assert credential(an_asker(seed=7).with_cluster()).body != first
    asker.delete(CLUSTER)
    asker.later()
    asker.put(CLUSTER, a_cluster())
    assert credential(asker).body != first


@pytest.mark.parametrize("name", ["123", "true", "1e3", "Null"])
def test_a_name_that_yaml_would_take_for_something_else_stays_a_name(name: str) -> None:
    asker = an_asker().with_group()
    cluster = CLUSTER.replace("/web", f"/{name}")
    asker.put(cluster, a_cluster())
    config = kubeconfig(asker.ask("POST", f"{cluster}/listClusterUserCredential"))
    assert (config["clusters"][0]["name"], config["current-context"]) == (name, name)


def test_a_cluster_with_entra_id_gives_its_users_kubelogin_and_its_administrators_a_certificate() -> None:
    asker = an_asker().with_cluster(a_cluster(aadProfile={"managed": True}))
    login = kubeconfig(credential(asker, query="&format=exec"))["users"][0]["user"]
    assert login["exec"]["command"] == "kubelogin"
    assert {"get-token", "--server-id", "--tenant-id"} <= set(login["exec"]["args"])
    assert "client-key-data" in kubeconfig(credential(asker, "clusterAdmin"))["users"][0]["user"]


def test_static_credentials_are_refused_where_local_accounts_are_disabled() -> None:
    asker = an_asker().with_cluster(a_cluster(aadProfile={"managed": True}, disableLocalAccounts=True))
    for user in ("clusterAdmin", "clusterMonitoringUser"):
        refused = credential(asker, user)
        assert code(refused) == (400, "BadRequest")
        assert refused.document["message"] == (
            "Getting static credential is not allowed because this cluster is set to disable local accounts."
        )
    assert credential(asker).status == 200


def test_the_query_that_az_sends_is_taken_and_nonsense_is_not() -> None:
    asker = an_asker().with_cluster()
    assert credential(asker, query="&server-fqdn=public&format=azure").status == 200
    assert code(credential(asker, query="&format=pdf")) == (400, "InvalidParameter")


def test_the_access_profile_is_the_same_file() -> None:
    asker = an_asker().with_cluster(a_cluster(a_pool()))
    profile = asker.ask("POST", f"{CLUSTER}/accessProfiles/clusterUser/listCredential")
    assert profile.document["properties"]["kubeConfig"] == credential(asker).document["kubeconfigs"][0]["value"]
    assert code(asker.ask("POST", f"{CLUSTER}/accessProfiles/root/listCredential")) == (400, "InvalidParameter")


def test_a_cluster_that_is_made_or_stopped_has_its_credentials_too_but_one_that_is_not_there_has_none() -> None:
    asker = an_asker().with_group()
    assert code(credential(asker)) == (404, "ResourceNotFound")
    asker.put(CLUSTER, a_cluster())
    made = credential(asker)
    asker.later()
    asker.ask("POST", f"{CLUSTER}/stop")
    asker.later(timedelta(hours=1))
    assert made.status == 200
    assert credential(asker).body == made.body
