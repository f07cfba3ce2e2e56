//! Shell sessions and file operations of agents inside of pods.

use serde_json::json;

use super::{NAMESPACE, Platform};

#[tokio::test]
async fn test_get_namespace_from_project_id() {
    let platform = Platform::start().await;
    let namespaces = platform.cluster.client().api("v1", "namespaces");
    let found = namespaces
        .list("labelSelector=project-id%3D7c9e6679")
        .await
        .unwrap();
    assert_eq!(found["items"][0]["metadata"]["name"], NAMESPACE);
}

#[tokio::test]
async fn test_find_pod_by_deployment_label() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let pod = platform.pod("web").await;
    assert_eq!(pod["metadata"]["labels"]["app"], "web");
    let name = pod["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("web-"), "{name}");
    let running = "labelSelector=app%3Dweb&fieldSelector=status.phase%3DRunning";
    let found = platform.list("v1", "pods", running).await;
    assert_eq!(found[0]["metadata"]["name"], name);
    assert!(
        platform
            .list("v1", "pods", "labelSelector=app%3Dapi")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn test_create_session_uses_correct_exec_command() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let ran = platform.sh("web", "pwd; echo $PROJECT_ID; hostname").await;
    let pod = platform.pod("web").await;
    let name = pod["metadata"]["name"].as_str().unwrap();
    assert_eq!(ran.out, format!("/app\n7c9e6679\n{name}\n"));
    let ran = platform.run("web", "dev-server", &["nosuch"], b"").await;
    let words = "exec: \\\"nosuch\\\": executable file not found in $PATH";
    assert!(ran.err.contains(words), "{}", ran.err);
}

#[tokio::test]
async fn test_output_reader_buffers_stdout() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let ran = platform
        .sh(
            "web",
            "seq 20000 | tee /tmp/n | wc -l; tail -1 /tmp/n; echo e >&2",
        )
        .await;
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str()),
        ("20000\n20000\n", "e\n")
    );
}

#[tokio::test]
async fn test_write_command_sends_to_stdin() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let typed = b"cd src\necho hi > a.txt\ncat a.txt\nexit 3\n";
    let ran = platform.run("web", "dev-server", &["/bin/sh"], typed).await;
    assert_eq!((ran.code, ran.out.as_str()), (3, "hi\n"));
}

#[tokio::test]
async fn test_read_file_executes_cat_command() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let ran = platform
        .run("web", "dev-server", &["cat", "/app/package.json"], b"")
        .await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "{\"name\": \"demo\"}\n"));
    let ran = platform
        .run("web", "dev-server", &["cat", "/app/none"], b"")
        .await;
    assert_eq!(ran.code, 1);
    assert_eq!(ran.err, "cat: /app/none: No such file or directory\n");
}

#[tokio::test]
async fn test_write_file_uses_heredoc() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let text = "const a = `$HOME ${b}`;\n// it's \"quoted\" \\ here\n";
    let script = format!("cat > /app/src/a.js <<'EOF'\n{text}EOF\n");
    let ran = platform.sh("web", &script).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(platform.sh("web", "cat src/a.js").await.out, text);
}

#[tokio::test]
async fn test_write_file_creates_parent_directories() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let script = "mkdir -p \"$(dirname src/x/y/z.ts)\" && echo ok > src/x/y/z.ts && ls -R src";
    let ran = platform.sh("web", script).await;
    assert_eq!(ran.out, "src:\nx\n\nsrc/x:\ny\n\nsrc/x/y:\nz.ts\n");
}

#[tokio::test]
async fn test_delete_file_and_list_and_glob_and_grep() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let script = "cd src; echo 'import x' > a.ts; echo 'export y' > b.ts; echo z > c.md; \
                  ls; ls *.ts; grep -rn import .; rm b.ts; find . -name '*.ts'";
    let ran = platform.sh("web", script).await;
    assert_eq!(
        ran.out,
        "a.ts\nb.ts\nc.md\na.ts\nb.ts\n./a.ts:1:import x\n./a.ts\n"
    );
}

#[tokio::test]
async fn test_read_file_prevents_directory_traversal() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let ran = platform
        .sh(
            "web",
            "realpath -m /app/../../../etc/passwd; cd ../../..; pwd",
        )
        .await;
    assert_eq!(ran.out, "/etc/passwd\n/\n");
}

#[tokio::test]
async fn test_agent_tool_integration() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    // Two containers of a pod see the same claim; what one writes the other reads.
    platform.sh("web", "echo shared > /app/note").await;
    let ran = platform
        .run("web", "sidecar", &["cat", "/shared/note"], b"")
        .await;
    assert_eq!(ran.out, "shared\n");
    // What is outside of volumes is a container's own.
    platform.sh("web", "echo own > /tmp/own").await;
    let ran = platform.run("web", "sidecar", &["ls", "/tmp"], b"").await;
    assert_eq!(ran.out, "");
}

#[tokio::test]
async fn test_commands_are_answered_by_rules() {
    let platform = Platform::start().await;
    let rules = json!([
        {"argv": ["aws", "s3"], "stdout": "uploaded\n"},
        {"argv": "^npm (test|run)", "match": "regex", "stderr": "no tests\n", "exitCode": 2},
    ]);
    let pod = json!({
        "metadata": {"name": "ruled", "labels": {"app": "ruled"}, "annotations": {
            "mockernetes.dev/exec-rules": rules.to_string(),
        }},
        "spec": {"containers": [{"name": "dev-server", "image": "node"}]},
    });
    platform.create("v1", "pods", pod).await;
    let ran = platform
        .sh("ruled", "aws s3 cp a b && npm test; echo $?")
        .await;
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str()),
        ("uploaded\n2\n", "no tests\n")
    );
}

#[tokio::test]
async fn test_configuration_appears_in_files_and_variables() {
    let platform = Platform::start().await;
    let config = json!({"metadata": {"name": "settings"}, "data": {"mode": "dev"}});
    platform.create("v1", "configmaps", config).await;
    let secret = json!({"metadata": {"name": "keys"}, "stringData": {"token": "s3cret"}});
    platform.create("v1", "secrets", secret).await;
    let pod = json!({
        "metadata": {"name": "configured", "labels": {"app": "configured"}},
        "spec": {
            "containers": [{
                "name": "dev-server",
                "image": "node",
                "env": [
                    {"name": "MODE", "valueFrom": {
                        "configMapKeyRef": {"name": "settings", "key": "mode"}}},
                    {"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "BOTH", "value": "$(WHO)-$(MODE)"},
                ],
                "envFrom": [{"secretRef": {"name": "keys"}, "prefix": "K_"}],
                "volumeMounts": [
                    {"name": "settings", "mountPath": "/etc/settings"},
                    {"name": "keys", "mountPath": "/etc/keys"},
                ],
            }],
            "volumes": [
                {"name": "settings", "configMap": {"name": "settings"}},
                {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 256}},
            ],
        },
    });
    platform.create("v1", "pods", pod).await;
    let account = "/var/run/secrets/kubernetes.io/serviceaccount";
    let script = format!(
        "echo $BOTH $K_token; cat /etc/settings/mode; echo; stat -c %a /etc/keys/token; \
         echo x > /etc/settings/mode; cat {account}/namespace; echo; ls {account}; \
         [ -n \"$KUBERNETES_SERVICE_HOST\" ] && echo found"
    );
    let ran = platform.sh("configured", &script).await;
    assert_eq!(
        ran.out,
        format!("configured-dev s3cret\ndev\n400\n{NAMESPACE}\nca.crt\nnamespace\ntoken\nfound\n")
    );
    assert!(ran.err.contains("Read-only file system"), "{}", ran.err);
    let client = platform.cluster.client();
    let configs = client.api("v1", "configmaps").namespace(NAMESPACE);
    let mut config = configs.get("settings").await.unwrap();
    config["data"]["mode"] = "live".into();
    configs.update(&config).await.unwrap();
    assert_eq!(
        platform
            .sh("configured", "cat /etc/settings/mode")
            .await
            .out,
        "live"
    );
}
