//! The command line, as a process.

#![allow(clippy::disallowed_methods, reason = "processes have files")]

mod envtest;
#[cfg(target_os = "linux")]
mod port_keeper;
mod steer;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mockernetes"));
    command.args(arguments);
    command
}

/// Exit code and stderr of a command that ends by itself.
fn fails(arguments: &[&str]) -> (i32, String) {
    let output = command(arguments).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text)
}

fn serve(arguments: &[&str]) -> (Child, String) {
    let mut child = command(&["serve", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    (child, line)
}

/// Ends a program: its exit code, or the signal that ended it.
fn stop(child: &mut Child, signal: &str) -> i32 {
    let id = child.id().to_string();
    Command::new("kill").args([signal, &id]).status().unwrap();
    let status = child.wait().unwrap();
    status.code().or(status.signal()).unwrap()
}

#[test]
fn serve_says_where_it_is_and_leaves_in_good_order() {
    for signal in ["-TERM", "-INT"] {
        let (mut child, line) = serve(&[]);
        assert!(
            line.starts_with("mockernetes is ready at https://127.0.0.1:"),
            "{line}"
        );
        let path = line.trim().rsplit(' ').next().unwrap().to_owned();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut text = String::new();
        std::fs::File::open(&path)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert!(text.contains("certificate-authority-data: ") && text.contains("token: "));
        assert_eq!(stop(&mut child, signal), 0);
        assert!(
            !std::path::Path::new(&path).exists(),
            "{path} is left behind"
        );
    }
}

#[test]
fn the_kubeconfig_goes_where_it_is_asked_for() {
    let path = std::env::temp_dir().join(format!("mockernetes-test-{}", std::process::id()));
    let (mut child, line) = serve(&["--plaintext", "--kubeconfig", path.to_str().unwrap()]);
    assert!(line.contains("http://127.0.0.1:"), "{line}");
    assert!(path.exists());
    assert_eq!(stop(&mut child, "-TERM"), 0);
    std::fs::remove_file(path).unwrap();
}

/// Files for flags to name, gone at the end.
struct Files(std::path::PathBuf);

impl Files {
    fn new(files: &[(&str, &[u8])]) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("mockernetes-files-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn wrong_usage_ends_with_2_and_a_way_out() {
    for (arguments, expected) in [
        ("--nope", "--nope"),
        ("--controllers nonesuch", "no controller has the name"),
        ("--etcd http://x", "in memory only"),
        ("--clock-start 2026-01-01T00:00:00Z", "add --clock virtual"),
        ("--clock virtual --clock-start soon", "expected a time"),
        ("--data-dir /tmp/x", "in memory only"),
        (
            "--service-cluster-ip-range 10.0.0.0",
            "for example 10.0.0.0/16",
        ),
        (
            "--service-cluster-ip-range 10.0.0.0/31",
            "at least 8 addresses",
        ),
        (
            "--service-cluster-ip-range fd00::/126",
            "at least 8 addresses",
        ),
        (
            "--service-cluster-ip-range 10.0.0.0/16,10.1.0.0/16",
            "of different families",
        ),
        ("--service-node-port-range 9-1", "for example 30000-32767"),
        (
            "--token-auth-file /does/not/exist --auth rbac",
            "--token-auth-file: cannot read /does/not/exist",
        ),
        ("--token-auth-file x", "add --auth rbac"),
        (
            "--disable-admission-plugins Nope",
            "--disable-admission-plugins: unknown admission plugin \"Nope\"; known are",
        ),
        (
            "--enable-admission-plugins LimitRanger --disable-admission-plugins LimitRanger",
            "both name LimitRanger",
        ),
        (
            "--manifest /does/not/exist",
            "--manifest: cannot read /does/not/exist",
        ),
        (
            "--crd /does/not/exist",
            "--crd: cannot read /does/not/exist",
        ),
        (
            "--crd tests/cases/watch",
            "--crd: no file in tests/cases/watch ends in .yaml, .yml or .json",
        ),
        ("--listen nowhere", "for example 127.0.0.1:6443"),
        ("--max-requests-inflight=-1", "from 0 (no limit) on"),
        ("--log =x=", "--log"),
    ] {
        let all: Vec<&str> = ["serve"].into_iter().chain(arguments.split(' ')).collect();
        let (code, text) = fails(&all);
        assert_eq!(code, 2, "{arguments}: {text}");
        assert!(text.contains(expected), "{arguments}: {text}");
    }
}

#[test]
fn a_file_that_is_not_what_a_flag_wants_is_named_with_what_would_be() {
    let files = Files::new(&[
        ("empty", b""),
        ("short", b"token,user\n"),
        ("binary.yaml", b"\xff\xfe"),
    ]);
    let of_tokens = ["serve", "--auth", "rbac", "--token-auth-file"];
    for (name, expected) in [
        ("empty", "holds no token; expected lines token,user,uid"),
        ("short", "line 1: expected token,user,uid"),
        ("", "expected a file"),
    ] {
        let path = files.path(name);
        let (code, text) = fails(&[&of_tokens[..], &[&path]].concat());
        assert_eq!(code, 2, "{name}: {text}");
        assert!(text.contains(&path) && text.contains(expected), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    let (code, text) = fails(&["serve", "--manifest", &files.path("")]);
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("binary.yaml") && text.contains("UTF-8"),
        "{text}"
    );
}

#[test]
fn a_document_that_is_no_object_is_named_with_its_place() {
    let files = Files::new(&[
        ("version.yaml", b"kind: ConfigMap\nmetadata: {name: a}\n"),
        (
            "kind.yaml",
            b"---\n---\napiVersion: v1\nmetadata: {name: a}\n",
        ),
        ("name.yaml", b"apiVersion: v1\nkind: ConfigMap\n"),
        (
            "number.yaml",
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 5}\n",
        ),
        (
            "item.yaml",
            b"apiVersion: v1\nkind: List\nitems: [{kind: ConfigMap}]\n",
        ),
        ("text.yaml", b"hello\n"),
        ("syntax.json", b"{\"a\":"),
        (
            "unknown.yaml",
            b"apiVersion: v1\nkind: Nope\nmetadata: {name: a}\n",
        ),
        (
            "refused.yaml",
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A_}\n",
        ),
    ]);
    for (name, expected) in [
        ("version.yaml", "document 1: no apiVersion"),
        ("kind.yaml", "no kind; for example ConfigMap"),
        ("name.yaml", "document 1: no metadata.name"),
        (
            "number.yaml",
            "document 1: no metadata.name; expected a text",
        ),
        ("item.yaml", "document 1: items[0]: no apiVersion"),
        ("text.yaml", "document 1: no object; expected a mapping"),
        ("syntax.json", "neither YAML nor JSON"),
        ("unknown.yaml", "v1 Nope is not served"),
        ("refused.yaml", "document 1: ConfigMap \"A_\" was refused"),
    ] {
        let path = files.path(name);
        let (code, text) = fails(&["serve", "--listen", "127.0.0.1:0", "--manifest", &path]);
        assert_eq!(code, 1, "{name}: {text}");
        assert!(text.contains(&format!("{path}: ")), "{name}: {text}");
        assert!(text.contains(expected), "{name}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn every_request_is_a_line_of_the_log_at_info() {
    let mut child = command(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--plaintext",
        "--log",
        "info",
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut ready)
        .unwrap();
    let address = ready
        .split("http://")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let request =
        b"GET /version HTTP/1.1\r\nhost: x\r\naudit-id: a-b-c\r\nconnection: close\r\n\r\n";
    std::io::Write::write_all(&mut socket, request).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert_eq!(stop(&mut child, "-TERM"), 0);
    let mut log = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    let line = log.lines().find(|line| line.contains("a-b-c")).unwrap();
    for part in ["/version", "GET", "200"] {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn an_address_in_use_is_explained() {
    let (mut child, line) = serve(&["--plaintext"]);
    let address = line
        .split("http://")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    let (code, text) = fails(&["serve", "--listen", address]);
    assert_eq!(code, 1);
    assert!(text.contains("--listen 127.0.0.1:0"), "{text}");
    assert_eq!(stop(&mut child, "-TERM"), 0);
}

/// Sends a request without TLS; the first line of the answer.
fn send(address: &str, method: &str, path: &str, body: &str) -> String {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

#[test]
fn a_log_of_the_audit_is_cut_off_and_only_so_many_are_kept() {
    let folder = std::env::temp_dir().join(format!("mockernetes-audit-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let policy = folder.join("policy.yaml");
    let text = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n\
                - level: Request\n  resources: [{group: '', resources: [configmaps]}]\n";
    std::fs::write(&policy, text).unwrap();
    let log = folder.join("audit.log");
    let (mut child, line) = serve(&[
        "--plaintext",
        &format!("--audit-policy-file={}", policy.display()),
        &format!("--audit-log-path={}", log.display()),
        "--audit-log-maxsize=1",
        "--audit-log-maxbackup=2",
    ]);
    let address = line.split("http://").nth(1).unwrap();
    let address = address.split(',').next().unwrap().to_owned();
    let long = "x".repeat(700_000);
    for name in ["a", "b", "c", "d", "e"] {
        let body = format!(r#"{{"metadata":{{"name":"{name}"}},"data":{{"k":"{long}"}}}}"#);
        let path = "/api/v1/namespaces/default/configmaps";
        let answer = send(&address, "POST", path, &body);
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
    assert_eq!(stop(&mut child, "-TERM"), 0);
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("audit"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(names[2], "audit.log");
    let last = std::fs::read_to_string(&log).unwrap();
    assert!(last.contains("\"name\":\"e\"") && last.lines().count() == 1);
    std::fs::remove_dir_all(&folder).unwrap();
}
