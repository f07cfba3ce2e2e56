//! A platform that keeps each of its users' projects in a namespace of its own: what it creates,
//! and what it does inside of pods. Each test has the name of a row of that platform's own suite.

mod files;
mod networking;
mod storage;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mockernetes::Cluster;
use mockernetes::controllers::Selection;
use mockernetes::object::Object;
use mockernetes::runtime::scripted::Scripted;
use mockernetes::runtime::{Exit, Invocation, Place, Runtime, Streams};
use mockernetes::sim::Clock;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

const NAMESPACE: &str = "proj-7c9e6679";

/// A cluster with a node, and what runs inside of its pods.
struct Platform {
    cluster: Cluster,
    runtime: Arc<dyn Runtime>,
}

/// What a command in a pod wrote and how it ended.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Platform {
    async fn start() -> Self {
        let kept: Arc<Mutex<Option<Arc<dyn Runtime>>>> = Arc::default();
        let keep = Arc::clone(&kept);
        let cluster = Cluster::builder()
            .clock(Clock::virtual_at("2026-01-01T00:00:00Z".parse().unwrap()))
            .controllers(Selection::AllBut(Vec::new()))
            .nodes(1)
            .runtime(move |surroundings| {
                let runtime: Arc<dyn Runtime> = Arc::new(Scripted::new(surroundings));
                *keep.lock().unwrap() = Some(Arc::clone(&runtime));
                runtime
            })
            .start()
            .await
            .unwrap();
        cluster.settle().await;
        let runtime = kept.lock().unwrap().clone().unwrap();
        let platform = Self { cluster, runtime };
        let namespace = json!({"metadata": {"name": NAMESPACE, "labels": {
            "app": "platform",
            "managed-by": "orchestrator",
            "project-id": "7c9e6679",
            "user-id": "42",
        }}});
        let namespaces = platform.cluster.client().api("v1", "namespaces");
        namespaces.create(&namespace).await.unwrap();
        let class = json!({
            "metadata": {"name": "project-storage"},
            "provisioner": "volume.mockernetes.io",
        });
        let classes = platform
            .cluster
            .client()
            .api("storage.k8s.io/v1", "storageclasses");
        classes.create(&class).await.unwrap();
        platform.cluster.settle().await;
        platform
    }

    async fn create(&self, api_version: &str, plural: &str, object: Value) -> Value {
        let client = self.cluster.client();
        let api = client.api(api_version, plural).namespace(NAMESPACE);
        let created = api.create(&object).await.unwrap();
        self.cluster.settle().await;
        created
    }

    async fn list(&self, api_version: &str, plural: &str, query: &str) -> Vec<Value> {
        let client = self.cluster.client();
        let api = client.api(api_version, plural).namespace(NAMESPACE);
        let list = api.list(query).await.unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// The pod that has a label `app` of this value.
    async fn pod(&self, app: &str) -> Value {
        let found = self
            .list("v1", "pods", &format!("labelSelector=app%3D{app}"))
            .await;
        assert_eq!(found.len(), 1, "{found:#?}");
        found[0].clone()
    }

    async fn run(&self, app: &str, container: &str, argv: &[&str], input: &[u8]) -> Ran {
        let pod = Object::from_value(self.pod(app).await).unwrap();
        let invocation = Invocation {
            place: Place::new(Arc::new(pod), container),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            tty: false,
        };
        let (mut out, stdout) = tokio::io::duplex(4096);
        let (mut err, stderr) = tokio::io::duplex(4096);
        let streams = Streams {
            stdin: Some(Box::new(std::io::Cursor::new(input.to_vec()))),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            terminal: None,
        };
        let mut ran = Ran {
            code: -1,
            out: String::new(),
            err: String::new(),
        };
        let exit = self.runtime.exec(invocation, streams);
        let (exit, _, _) = tokio::join!(
            exit,
            out.read_to_string(&mut ran.out),
            err.read_to_string(&mut ran.err)
        );
        match exit {
            Exit::Code(code) => ran.code = code,
            Exit::Failed(error) => ran.err = format!("{error:?}"),
        }
        ran
    }

    async fn sh(&self, app: &str, script: &str) -> Ran {
        self.run(app, "dev-server", &["/bin/sh", "-c", script], b"")
            .await
    }

    /// The development server of the project: source code on a claim, brought there before.
    async fn deploy(&self, replicas: u32) {
        self.create(
            "v1",
            "persistentvolumeclaims",
            claim("source", "ReadWriteMany"),
        )
        .await;
        self.run_deployment(deployment("web", replicas)).await;
    }

    /// Creates a deployment and sees its pods run.
    async fn run_deployment(&self, deployment: Value) {
        let app = deployment["metadata"]["name"].as_str().unwrap().to_owned();
        let wanted = deployment["spec"]["replicas"].as_u64();
        self.create("apps/v1", "deployments", deployment).await;
        self.pass().await;
        let query = format!("labelSelector=app%3D{app}");
        let pods = self.list("v1", "pods", &query).await;
        assert_eq!(Some(pods.len() as u64), wanted);
        for pod in &pods {
            assert_eq!(pod["status"]["phase"], "Running", "{:#}", pod["status"]);
        }
    }

    /// Lets the time pass that containers need to start or end.
    async fn pass(&self) {
        self.cluster.advance(Duration::from_mins(1)).await;
        self.cluster.settle().await;
    }

    async fn scale(&self, name: &str, replicas: u32) {
        let client = self.cluster.client();
        let target = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}/scale");
        let patch = json!({"spec": {"replicas": replicas}}).to_string();
        let headers = [("content-type", "application/merge-patch+json")];
        let reply = client.request("PATCH", &target, &headers, patch).await;
        assert_eq!(reply.code, 200);
        self.pass().await;
    }
}

fn claim(name: &str, mode: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "accessModes": [mode],
            "storageClassName": "project-storage",
            "resources": {"requests": {"storage": "5Gi"}},
        },
    })
}

fn deployment(name: &str, replicas: u32) -> Value {
    let mounts = json!([{"name": "source", "mountPath": "/app"}]);
    json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"type": "Recreate"},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "initContainers": [{
                        "name": "hydrate",
                        "image": "amazon/aws-cli",
                        "command": ["sh", "-c",
                            "[ -e /app/package.json ] || { mkdir -p /app/src; \
                             echo '{\"name\": \"demo\"}' > /app/package.json; }"],
                        "volumeMounts": mounts,
                    }],
                    "containers": [{
                        "name": "dev-server",
                        "image": "node:22",
                        "workingDir": "/app",
                        "env": [{"name": "PROJECT_ID", "value": "7c9e6679"}],
                        "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c",
                            "tar czf /app/.snapshot.tgz -C /app src package.json"]}}},
                        "readinessProbe": {"httpGet": {"path": "/", "port": 3000}},
                        "volumeMounts": mounts,
                    }, {
                        "name": "sidecar",
                        "image": "busybox",
                        "volumeMounts": [{"name": "source", "mountPath": "/shared"}],
                    }],
                    "volumes": [{
                        "name": "source",
                        "persistentVolumeClaim": {"claimName": "source"},
                    }],
                },
            },
        },
    })
}
