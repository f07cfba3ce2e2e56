// Enters pods with the JavaScript client: exec, attach, port-forward and logs. It ends with an
// error at the first surprise.

import assert from "node:assert/strict";
import net from "node:net";
import { PassThrough } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { CoreV1Api, Exec, KubeConfig, Log, PortForward } from "@kubernetes/client-node";

const namespace = "javascript-streams";
const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);

function collect(stream) {
  const pieces = [];
  stream.on("data", (piece) => pieces.push(piece));
  return () => Buffer.concat(pieces).toString();
}

async function run(command, input) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const said = collect(stdout);
  const stdin = input === undefined ? null : new PassThrough();
  const status = new Promise((resolve, reject) => {
    new Exec(config)
      .exec(namespace, "web", "web", command, stdout, stderr, stdin, false, resolve)
      .catch(reject);
  });
  if (stdin) {
    stdin.end(input);
  }
  return { status: await status, stdout: said() };
}

await core.createNamespace({ body: { metadata: { name: namespace } } });
await core.createNamespacedPod({
  namespace,
  body: {
    metadata: { name: "web", annotations: { "mockernetes.dev/echo.9000": "yes" } },
    spec: { containers: [{ name: "web", image: "nginx" }] },
  },
});
for (;;) {
  const pod = await core.readNamespacedPod({ name: "web", namespace });
  if (pod.status.phase === "Running") break;
  await pause(50);
}

const echoed = await run(["echo", "hi"]);
assert.equal(echoed.stdout, "hi\n");
assert.equal(echoed.status.status, "Success");
const failed = await run(["sh", "-c", "exit 3"]);
assert.equal(failed.status.reason, "NonZeroExitCode");
assert.equal(failed.status.details.causes[0].message, "3");
console.log("exec: ok");

const log = new PassThrough();
const written = collect(log);
await new Log(config).log(namespace, "web", "web", log, { follow: false, tailLines: 1 });
while (written() === "") await pause(50);
assert.equal(written(), "Mock logs for pod web in container web\n");
console.log("log: ok");

const forward = new PortForward(config);
const server = net.createServer((socket) => {
  forward.portForward(namespace, "web", [9000], socket, null, socket);
});
server.listen(0, "127.0.0.1");
await new Promise((resolve) => server.on("listening", resolve));
const socket = net.connect(server.address().port, "127.0.0.1");
const heard = collect(socket);
socket.write("to and fro");
while (heard() !== "to and fro") await pause(50);
console.log("port-forward: ok");
process.exit(0);
