"""Drives a cluster with the official Python client; ends with an error at the first surprise."""

import os
import threading

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.exceptions import ApiException

NAMESPACE = "python-client"


def refused(status, call, *arguments, **options):
    """Expects a call to fail with a status; returns the error."""
    try:
        call(*arguments, **options)
    except ApiException as error:
        assert error.status == status, (error.status, error.body)
        return error
    raise AssertionError(f"{call.__name__} was not refused")


def versions(api):
    """Discovery and the version."""
    assert client.VersionApi(api).get_code().minor == "37"
    groups = [group.name for group in client.ApisApi(api).get_api_versions().groups]
    assert "apps" in groups, groups
    names = [entry.name for entry in client.CoreV1Api(api).get_api_resources().resources]
    assert "pods" in names, names


def objects(api):
    """Create, read, replace, patch, list, page, delete."""
    core = client.CoreV1Api(api)
    for number in range(5):
        core.create_namespaced_config_map(
            NAMESPACE,
            client.V1ConfigMap(
                metadata=client.V1ObjectMeta(name=f"m{number}", labels={"odd": str(number % 2)}),
                data={"number": str(number)},
            ),
        )
    refused(409, core.create_namespaced_config_map, NAMESPACE, {"metadata": {"name": "m1"}})
    refused(404, core.read_namespaced_config_map, "missing", NAMESPACE)
    error = refused(422, core.create_namespaced_config_map, NAMESPACE, {"metadata": {"name": "A"}})
    assert "metadata.name" in error.body, error.body
    odd = core.list_namespaced_config_map(NAMESPACE, label_selector="odd=1").items
    assert [entry.metadata.name for entry in odd] == ["m1", "m3"], odd
    named = core.list_namespaced_config_map(NAMESPACE, field_selector="metadata.name=m2").items
    assert len(named) == 1, named
    page = core.list_namespaced_config_map(NAMESPACE, limit=2)
    rest = core.list_namespaced_config_map(NAMESPACE, _continue=page.metadata._continue)
    assert len(page.items) + len(rest.items) == 5, (page, rest)
    one = core.read_namespaced_config_map("m1", NAMESPACE)
    stale = one.metadata.resource_version
    one.data["number"] = "one"
    one = core.replace_namespaced_config_map("m1", NAMESPACE, one)
    assert one.data == {"number": "one"}, one
    one.metadata.resource_version = stale
    refused(409, core.replace_namespaced_config_map, "m1", NAMESPACE, one)
    patched = core.patch_namespaced_config_map("m1", NAMESPACE, {"data": {"more": "yes"}})
    assert patched.data == {"number": "one", "more": "yes"}, patched
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="odd=0")
    left = core.list_namespaced_config_map(NAMESPACE).items
    assert [entry.metadata.name for entry in left] == ["m1", "m3"], left
    core.delete_namespaced_config_map("m3", NAMESPACE)


def workloads(api):
    """A deployment of the client's own types, scaled, and what `create_from_dict` makes."""
    apps = client.AppsV1Api(api)
    labels = {"app": "web"}
    apps.create_namespaced_deployment(
        NAMESPACE,
        client.V1Deployment(
            metadata=client.V1ObjectMeta(name="web"),
            spec=client.V1DeploymentSpec(
                replicas=1,
                selector=client.V1LabelSelector(match_labels=labels),
                template=client.V1PodTemplateSpec(
                    metadata=client.V1ObjectMeta(labels=labels),
                    spec=client.V1PodSpec(
                        containers=[client.V1Container(name="c", image="nginx")]
                    ),
                ),
            ),
        ),
    )
    apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 4}})
    assert apps.read_namespaced_deployment("web", NAMESPACE).spec.replicas == 4
    utils.create_from_dict(
        api,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": NAMESPACE},
            "spec": {"selector": labels, "ports": [{"port": 80}]},
        },
    )
    service = client.CoreV1Api(api).read_namespaced_service("web", NAMESPACE)
    assert service.spec.cluster_ip and service.spec.ports[0].target_port == 80, service


def watches(api):
    """Changes arrive in order, as they are made by another thread."""
    core = client.CoreV1Api(api)
    version = core.list_namespaced_secret(NAMESPACE).metadata.resource_version

    def change():
        core.create_namespaced_secret(NAMESPACE, {"metadata": {"name": "seen"}})
        core.patch_namespaced_secret("seen", NAMESPACE, {"stringData": {"a": "b"}})
        core.delete_namespaced_secret("seen", NAMESPACE)

    thread = threading.Thread(target=change)
    thread.start()
    events = []
    stream = watch.Watch()
    for event in stream.stream(
        core.list_namespaced_secret, NAMESPACE, resource_version=version, timeout_seconds=10
    ):
        events.append(event["type"])
        if event["type"] == "DELETED":
            stream.stop()
    thread.join()
    assert events == ["ADDED", "MODIFIED", "DELETED"], events


def custom_resources(api):
    """A definition, and its resources by the dynamic client and by CustomObjectsApi."""
    group = "python.example.com"
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer", "maximum": 9}}}
        },
    }
    client.ApiextensionsV1Api(api).create_custom_resource_definition(
        {
            "metadata": {"name": f"gadgets.{group}"},
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": schema},
                    }
                ],
            },
        }
    )
    gadgets = dynamic.DynamicClient(api).resources.get(api_version=f"{group}/v1", kind="Gadget")
    gadget = {
        "apiVersion": f"{group}/v1",
        "kind": "Gadget",
        "metadata": {"name": "one"},
        "spec": {"size": 3},
    }
    made = gadgets.create(body=gadget, namespace=NAMESPACE)
    assert made.spec.size == 3, made
    custom = client.CustomObjectsApi(api)
    big = dict(gadget, metadata={"name": "two"}, spec={"size": 10})
    path = (group, "v1", NAMESPACE, "gadgets")
    error = refused(422, custom.create_namespaced_custom_object, *path, big)
    assert "spec.size" in error.body, error.body
    assert len(custom.list_namespaced_custom_object(*path)["items"]) == 1


def main():
    """Runs every check."""
    config.load_kube_config(os.environ["KUBECONFIG"])
    api = client.ApiClient()
    client.CoreV1Api(api).create_namespace({"metadata": {"name": NAMESPACE}})
    for check in [versions, objects, workloads, watches, custom_resources]:
        check(api)
        print("ok", check.__name__)


main()
