"""Enters pods with the Python clients: exec, attach, port-forward and logs."""

import asyncio
import json
import time

import kubernetes_asyncio
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward, stream
from kubernetes_asyncio.stream import WsApiClient

NAMESPACE = "python-streams"
POD = {
    "metadata": {
        "name": "web",
        "annotations": {
            "mockernetes.dev/http.8080": "hello",
            "mockernetes.dev/echo.9000": "yes",
        },
    },
    "spec": {"containers": [{"name": "web", "image": "nginx"}]},
}


def prepare(core):
    """A pod that runs."""
    core.create_namespace({"metadata": {"name": NAMESPACE}})
    core.create_namespaced_pod(NAMESPACE, POD)
    for _ in range(100):
        if core.read_namespaced_pod("web", NAMESPACE).status.phase == "Running":
            return
        time.sleep(0.1)
    raise AssertionError("the pod does not run")


def commands(core):
    """Commands: all at once, and step by step."""
    enter = core.connect_get_namespaced_pod_exec
    text = stream(enter, "web", NAMESPACE, command=["echo", "hi"], stdout=True, stderr=True)
    assert text == "hi\n", text
    session = stream(
        enter, "web", NAMESPACE, command=["cat"], stdin=True, stdout=True, _preload_content=False
    )
    for line in ["one\n", "two\n"]:
        session.write_stdin(line)
        assert session.readline_stdout(timeout=5) == line.strip()
    assert session.is_open()
    session.close()
    session = stream(
        enter,
        "web",
        NAMESPACE,
        command=["sh", "-c", "exit 3"],
        stdout=True,
        _preload_content=False,
    )
    session.run_forever(timeout=5)
    assert session.returncode == 3, session.returncode
    try:
        stream(enter, "missing", NAMESPACE, command=["echo"], stdout=True)
    except ApiException as error:
        assert error.status in (0, 404), error
    else:
        raise AssertionError("a pod that is not there was entered")


def ports(core):
    """Ports, of which one answers HTTP and one nobody listens on."""
    forward = portforward(
        core.connect_get_namespaced_pod_portforward, "web", NAMESPACE, ports="8080,9000,7"
    )
    web = forward.socket(8080)
    web.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    web.settimeout(5)
    answer = b""
    while not answer.endswith(b"hello"):
        answer += web.recv(1024)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    echo = forward.socket(9000)
    echo.settimeout(5)
    echo.sendall(b"to and fro")
    assert echo.recv(1024) == b"to and fro"
    for _ in range(50):
        if forward.error(7):
            break
        time.sleep(0.1)
    assert "connection refused" in forward.error(7), forward.error(7)


def logs(core):
    """A log, whole and followed."""
    expected = "Mock logs for pod web in container web"
    assert core.read_namespaced_pod_log("web", NAMESPACE) == expected + "\n"
    for line in watch.Watch().stream(core.read_namespaced_pod_log, "web", NAMESPACE):
        assert line == expected, line
        break


async def asynchronously():
    """The same with kubernetes-asyncio."""
    await kubernetes_asyncio.config.load_kube_config()
    async with WsApiClient() as api:
        core = kubernetes_asyncio.client.CoreV1Api(api)
        text = await core.connect_get_namespaced_pod_exec(
            "web", NAMESPACE, command=["echo", "hi"], stdout=True, stderr=True
        )
        assert text == "hi\n", text
        session = await core.connect_get_namespaced_pod_exec(
            "web", NAMESPACE, command=["sh", "-c", "exit 3"], stdout=True, _preload_content=False
        )
        async with session as socket:
            last = b""
            async for message in socket:
                if message.data[:1] == b"\x03":
                    last += message.data[1:]
        causes = json.loads(last)["details"]["causes"]
        assert causes == [{"reason": "ExitCode", "message": "3"}], causes


def main():
    """Every check in turn."""
    config.load_kube_config()
    core = client.CoreV1Api()
    prepare(core)
    for check in (commands, ports, logs):
        # `stream` exchanges parts of its client.
        check(client.CoreV1Api())
        print(f"{check.__name__}: ok")
    asyncio.run(asynchronously())
    print("asyncio: ok")


if __name__ == "__main__":
    main()
