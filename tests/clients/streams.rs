//! Clients that enter pods: commands, ports, logs, by whatever protocol each of them speaks.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Server, has, here, is_asked, scratch, succeed};

/// Pods run here.
const LIVING: [&str; 4] = ["--controllers", "all", "--nodes", "1"];

const POD: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    mockernetes.dev/http.8080: hello
    mockernetes.dev/echo.9000: 'yes'
spec:
  containers:
  - {name: web, image: nginx}
  - {name: side, image: nginx}
";

#[test]
fn client_go_enters_pods() {
    if !is_asked() || !has("go", &["version"]) {
        return;
    }
    let server = Server::start("go-streams", &LIVING);
    let program = server.folder().join("streams");
    succeed(
        Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg("./streams")
            .current_dir(here("go")),
    );
    succeed(Command::new(program).env("KUBECONFIG", server.kubeconfig()));
}

#[test]
fn the_python_clients_enter_pods() {
    if !is_asked() || !has("python3", &["-m", "venv", "--help"]) {
        return;
    }
    let folder = scratch("python-streams-venv");
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let python = folder.join("bin/python");
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "-r"])
            .arg(here("python/requirements.txt")),
    );
    let server = Server::start("python-streams", &LIVING);
    succeed(
        Command::new(&python)
            .arg(here("python/streams.py"))
            .env("KUBECONFIG", server.kubeconfig()),
    );
}

#[test]
fn the_javascript_client_enters_pods() {
    if !is_asked() || !has("npm", &["--version"]) || !has("node", &["--version"]) {
        return;
    }
    let server = Server::start("javascript-streams", &LIVING);
    for file in ["package.json", "package-lock.json", "streams.js"] {
        let to = server.folder().join(file);
        std::fs::copy(here("javascript").join(file), to).expect("a copy");
    }
    succeed(
        Command::new("npm")
            .args(["ci", "--silent"])
            .current_dir(server.folder()),
    );
    succeed(
        Command::new("node")
            .arg("streams.js")
            .current_dir(server.folder())
            .env("KUBECONFIG", server.kubeconfig()),
    );
}

#[test]
fn kube_rs_enters_pods() {
    if !is_asked() || !has("cargo", &["--version"]) {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-build");
    succeed(
        Command::new("cargo")
            .args(["build", "--quiet", "--bin", "streams", "--target-dir"])
            .arg(&folder)
            .current_dir(here("rust")),
    );
    let server = Server::start("rust-streams", &LIVING);
    succeed(Command::new(folder.join("debug/streams")).env("KUBECONFIG", server.kubeconfig()));
}

/// The kubectls to try: that in `PATH`, and that of `KUBECTL`.
fn kubectls() -> Vec<String> {
    let named = std::env::var("KUBECTL").ok();
    let all = named.into_iter().chain(["kubectl".to_owned()]);
    all.filter(|one| has(one, &["version", "--client"]))
        .collect()
}

struct Kubectl<'a> {
    program: &'a str,
    server: &'a Server,
    /// Whether it is to speak as it did before it knew WebSockets.
    is_old: bool,
}

impl Kubectl<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        let speaks = if self.is_old { "false" } else { "true" };
        command
            .args(arguments)
            .env("KUBECONFIG", self.server.kubeconfig())
            .env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", speaks)
            .env("KUBECTL_PORT_FORWARD_WEBSOCKETS", speaks);
        command
    }

    /// Its code, and what it said.
    fn run(&self, arguments: &[&str], input: &[u8]) -> (i32, Vec<u8>, String) {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_vec();
        let typing = std::thread::spawn(move || {
            // Not every command reads.
            let _ = stdin.write_all(&input);
        });
        let done = child.wait_with_output().expect("an end");
        typing.join().expect("all was typed");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        (done.status.code().unwrap_or(-1), done.stdout, said)
    }

    fn says(&self, arguments: &[&str], expected: &str) {
        let (code, out, err) = self.run(arguments, b"");
        let out = String::from_utf8_lossy(&out);
        assert_eq!((code, &out[..]), (0, expected), "{arguments:?}: {err}");
    }
}

#[test]
fn kubectl_enters_pods() {
    if !is_asked() {
        return;
    }
    for program in kubectls() {
        for is_old in [false, true] {
            let server = Server::start("kubectl-streams", &LIVING);
            let kubectl = Kubectl {
                program: &program,
                server: &server,
                is_old,
            };
            let (code, _, err) = kubectl.run(&["apply", "-f", "-"], POD.as_bytes());
            assert_eq!(code, 0, "{err}");
            let ready = ["wait", "--for=condition=Ready", "pod/web"];
            assert_eq!(kubectl.run(&ready, b"").0, 0);
            commands(&kubectl);
            logs(&kubectl);
            ports(&kubectl);
            visitors(&kubectl);
        }
    }
}

fn commands(kubectl: &Kubectl<'_>) {
    let exec = |flags: &[&'static str], argv: &[&'static str]| {
        [&["exec", "web", "-c", "web"], flags, &["--"], argv].concat()
    };
    kubectl.says(&exec(&[], &["echo", "hi"]), "hi\n");
    let blob: Vec<u8> = (0..3_000_000_u32)
        .map(|n| (n.wrapping_mul(n) >> 7) as u8)
        .collect();
    let (code, out, err) = kubectl.run(&exec(&["-i"], &["cat"]), &blob);
    assert_eq!(code, 0, "{err}");
    assert!(out == blob, "{} of {} bytes", out.len(), blob.len());
    let (code, _, err) = kubectl.run(&exec(&[], &["sh", "-c", "exit 3"]), b"");
    assert_eq!(
        (code, &err[..]),
        (3, "command terminated with exit code 3\n")
    );
    let (code, _, err) = kubectl.run(&exec(&[], &["nosuch"]), b"");
    assert_eq!(code, 1);
    assert!(
        err.contains(r#"exec: "nosuch": executable file not found in $PATH"#),
        "{err}"
    );
    if has("python3", &["--version"]) {
        // A terminal of its own, as a person at a keyboard has.
        let argv = exec(&["-i", "-t"], &["echo", "hi"]);
        let mut spawned = Command::new("python3");
        spawned.args([
            "-c",
            "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)",
        ]);
        spawned.arg(kubectl.program).args(argv);
        let done = spawned
            .env("KUBECONFIG", kubectl.server.kubeconfig())
            .stdin(Stdio::null())
            .output()
            .expect("a terminal");
        let out = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && out.contains("hi"), "{out}");
    }
}

fn logs(kubectl: &Kubectl<'_>) {
    let line = |container: &str| format!("Mock logs for pod web in container {container}\n");
    kubectl.says(&["logs", "web", "-c", "side"], &line("side"));
    kubectl.says(
        &["logs", "web", "-c", "web", "--tail=1", "--since=1h"],
        &line("web"),
    );
    let (_, out, _) = kubectl.run(&["logs", "web", "--all-containers", "--prefix"], b"");
    let out = String::from_utf8_lossy(&out);
    assert!(
        out.contains("[pod/web/web] Mock") && out.contains("[pod/web/side] Mock"),
        "{out}"
    );
    let (code, _, err) = kubectl.run(&["logs", "web", "-c", "web", "--previous"], b"");
    assert_eq!(code, 1);
    let why = r#"previous terminated container "web" in pod "web" not found"#;
    assert!(err.contains(why), "{err}");
}

/// A forward that ends with the value.
struct Forward(Child);

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ports(kubectl: &Kubectl<'_>) {
    let mut child = kubectl
        .command(&["port-forward", "web", "--address=127.0.0.1", ":8080"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    let mut said = [0; 64];
    let output = child.stdout.as_mut().expect("a pipe");
    let length = output.read(&mut said).expect("a line");
    let _forward = Forward(child);
    let said = String::from_utf8_lossy(&said[..length]).into_owned();
    let address = said.split_whitespace().nth(2).expect("an address");
    let address: SocketAddr = address.parse().expect("an address");
    let begun = Instant::now();
    let mut socket = loop {
        match TcpStream::connect(address) {
            Ok(socket) => break socket,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(5), "{error}"),
        }
    };
    let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    socket.write_all(request).expect("a request");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
}

/// Containers that are there for whoever looks in.
fn visitors(kubectl: &Kubectl<'_>) {
    let debug = ["debug", "web", "-i", "--image=busybox", "--", "cat"];
    let (code, out, err) = kubectl.run(&debug, b"looked in\n");
    assert_eq!(code, 0, "{err}");
    assert!(String::from_utf8_lossy(&out).contains("looked in"), "{err}");
    let run = [
        "run",
        "once",
        "--rm",
        "-i",
        "--restart=Never",
        "--image=busybox",
        "--",
        "cat",
    ];
    let (code, out, err) = kubectl.run(&run, b"to and fro\n");
    assert_eq!(code, 0, "{err}");
    assert!(
        String::from_utf8_lossy(&out).contains("to and fro"),
        "{err}"
    );
}
