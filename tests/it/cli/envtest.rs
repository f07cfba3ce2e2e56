//! The binary as envtest starts it: under other programs' names.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::{command, stop};

/// A folder as `KUBEBUILDER_ASSETS` names it; goes with the value.
struct Assets(PathBuf);

impl Assets {
    fn lay_out(name: &str) -> Self {
        let name = format!("mockernetes-assets-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let asked = ["envtest", "--dir", folder.to_str().unwrap()];
        let output = command(&asked).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(Path::new(printed.trim()), folder.canonicalize().unwrap());
        Self(folder)
    }

    fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.0.join(name));
        command.args(arguments);
        command
    }

    /// What a program prints, and its exit code.
    fn output(&self, name: &str, arguments: &[&str]) -> (String, Option<i32>) {
        let output = self.program(name, arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (String::from_utf8(text).unwrap(), output.status.code())
    }
}

impl Drop for Assets {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Starts a program and reads its log up to where it says that it serves: the address.
fn serving(mut command: Command) -> (Child, BufReader<ChildStderr>, String) {
    let mut child = command
        .env("NO_COLOR", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    let mut seen = String::new();
    while !line.contains("serving") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "ended after: {seen}");
        seen.push_str(&line);
    }
    let address = line.trim().rsplit("//").next().unwrap().to_owned();
    (child, log, address)
}

/// What is answered to a GET without TLS.
fn get(address: &str, path: &str) -> String {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What is answered at `/healthz` to who believes one certificate alone.
async fn healthz(address: &str, believed: CertificateDer<'static>) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(believed).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[test]
fn a_folder_for_envtest_holds_its_three_programs() {
    let assets = Assets::lay_out("names");
    let found: BTreeSet<String> = std::fs::read_dir(&assets.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        found,
        BTreeSet::from(["etcd", "kube-apiserver", "kubectl"].map(String::from))
    );
}

#[test]
fn the_help_of_a_program_names_its_flags_and_no_others() {
    let assets = Assets::lay_out("help");
    let (help, code) = assets.output("kube-apiserver", &["--help"]);
    assert_eq!(code, Some(0));
    assert!(help.contains("\n      --client-ca-file string\n"), "{help}");
    assert!(!help.contains("--insecure-port"), "{help}");
    let (help, code) = assets.output("etcd", &["--help"]);
    assert_eq!(code, Some(0));
    assert!(help.contains("\n      --unsafe-no-fsync\n"), "{help}");
    let (version, _) = assets.output("kube-apiserver", &["--version"]);
    assert_eq!(version, "Kubernetes v1.37.0\n");
}

#[test]
fn flags_that_a_program_does_not_have_are_refused_in_its_words() {
    let assets = Assets::lay_out("refused");
    for (arguments, expected) in [
        (&["--insecure-port=0"][..], "unknown flag: --insecure-port"),
        (&["--secure-port"], "flag needs an argument: --secure-port"),
        (&["what"], "unexpected argument \"what\""),
        (&["--secure-port=x"], "127.0.0.1:x"),
        (
            &["--secure-port=0", "--egress-selector-config-file=x"],
            "--egress-selector-config-file is not supported: calls out of the cluster go straight",
        ),
        (
            &["--secure-port=0", "--service-account-lookup=false"],
            "--service-account-lookup is not supported: accounts of tokens are always looked up",
        ),
        (&["-v"], "flag needs an argument: 'v' in -v"),
        (
            &["-v", "4", "-v4", "-v=4", "-x"],
            "unexpected argument \"-x\"",
        ),
    ] {
        let (text, code) = assets.output("kube-apiserver", arguments);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn controllers_are_off_unless_the_environment_asks_for_them() {
    let assets = Assets::lay_out("controllers");
    let mut command = assets.program("kube-apiserver", &["--secure-port=0"]);
    let output = command
        .env("MOCKERNETES_CONTROLLERS", "nonesuch")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("no controller has the name \"nonesuch\""),
        "{text}"
    );
}

#[test]
fn etcd_is_healthy_and_keeps_nothing() {
    let assets = Assets::lay_out("etcd");
    let arguments = [
        "--listen-client-urls=http://127.0.0.1:0",
        "--listen-peer-urls=http://127.0.0.1:0",
        // Go's own flags have one dash or two.
        "-data-dir",
        "/does/not/exist",
        "--unsafe-no-fsync=true",
    ];
    let (mut child, _log, address) = serving(assets.program("etcd", &arguments));
    let answer = get(&address, "/health");
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(r#""reason":""}"#),
        "{answer}"
    );
    let answer = get(&address, "/v3/kv/put");
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
    // Who says nothing is not waited for without end.
    let silent = std::net::TcpStream::connect(&address).unwrap();
    let answer = get(&address, "/readyz?verbose");
    assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
    drop(silent);
    // As etcd itself ends.
    assert_eq!(stop(&mut child, "-TERM"), 15);
}

#[test]
fn an_api_server_serves_with_the_certificate_of_its_folder() {
    let assets = Assets::lay_out("certificate");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(assets.0.join("apiserver.crt"), made.cert.pem()).unwrap();
    std::fs::write(
        assets.0.join("apiserver.key"),
        made.signing_key.serialize_pem(),
    )
    .unwrap();
    let folder = format!("--cert-dir={}", assets.0.display());
    let arguments = [
        "--bind-address=127.0.0.1",
        "--secure-port=0",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://one",
        "--service-account-issuer=https://two",
        "--service-cluster-ip-range=not taken",
        "--disable-admission-plugins=ServiceAccount",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--allow-privileged=true",
        "--etcd-servers=http://127.0.0.1:1",
        &folder,
    ];
    let (mut child, _log, address) = serving(assets.program("kube-apiserver", &arguments));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let answer = runtime.block_on(healthz(&address, made.cert.der().clone()));
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
    assert_eq!(stop(&mut child, "-TERM"), 0);
}

#[test]
fn an_api_server_ends_at_once_whatever_its_clients_are_at() {
    use std::io::Write;
    let assets = Assets::lay_out("ends");
    let (mut child, _log, address) =
        serving(assets.program("kube-apiserver", &["--secure-port=0"]));
    // One says nothing, one stops amid its handshake.
    let silent = std::net::TcpStream::connect(&address).unwrap();
    let mut halfway = std::net::TcpStream::connect(&address).unwrap();
    halfway.write_all(&[0x16, 3, 1]).unwrap();
    let began = std::time::Instant::now();
    assert_eq!(stop(&mut child, "-TERM"), 0);
    // Generous: other tests run beside this one, and the default is to wait for five seconds.
    assert!(began.elapsed() < std::time::Duration::from_secs(3));
    drop((silent, halfway));
}

#[test]
fn programs_end_with_whoever_started_them() {
    let assets = Assets::lay_out("orphans");
    for (name, port) in [
        ("etcd", "--listen-client-urls=http://127.0.0.1:0"),
        ("kube-apiserver", "--secure-port=0"),
    ] {
        let line = format!("{} {port} & wait", assets.0.join(name).display());
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]);
        let (mut shell, mut log, _) = serving(shell);
        shell.kill().unwrap();
        shell.wait().unwrap();
        // The pipe closes when its last writer is gone.
        let mut rest = String::new();
        log.read_to_string(&mut rest).unwrap();
    }
}
