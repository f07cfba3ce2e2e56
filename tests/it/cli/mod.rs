//! The command line, as a process.

#![allow(clippy::disallowed_methods, reason = "processes have files")]

mod envtest;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
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

fn stop(child: &mut Child, signal: &str) -> i32 {
    let id = child.id().to_string();
    Command::new("kill").args([signal, &id]).status().unwrap();
    child.wait().unwrap().code().unwrap()
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

#[test]
fn wrong_usage_ends_with_2_and_a_way_out() {
    for (arguments, expected) in [
        (&["serve", "--nope"][..], "--nope"),
        (
            &["serve", "--controllers", "all"],
            "no controller exists yet",
        ),
        (&["serve", "--nodes", "3"], "create Node objects yourself"),
        (&["serve", "--etcd", "http://x"], "in memory only"),
        (&["serve", "--data-dir", "/tmp/x"], "in memory only"),
        (
            &["serve", "--service-cluster-ip-range", "10.0.0.0"],
            "for example 10.0.0.0/16",
        ),
        (
            &["serve", "--service-node-port-range", "9-1"],
            "for example 30000-32767",
        ),
        (
            &["serve", "--token-auth-file", "/does/not/exist"],
            "cannot read /does/not/exist",
        ),
        (
            &["serve", "--disable-admission-plugins", "Nope"],
            "known are",
        ),
        (
            &["serve", "--manifest", "/does/not/exist"],
            "cannot read /does/not/exist",
        ),
    ] {
        let (code, text) = fails(arguments);
        assert_eq!(code, 2, "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
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
