//! kubectl: sessions written down as a user would see them, and what a session cannot show.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Server, has, here, is_asked, run, succeed};

/// The Gateway API, whose definitions come as a Go module.
const GATEWAY_API: &str = "sigs.k8s.io/gateway-api@v1.7.0";

/// The kubectls to try: the one that `KUBECTL` names and the one in `PATH`.
fn kubectls() -> Vec<String> {
    let named = std::env::var("KUBECTL").ok();
    let all = named.into_iter().chain(["kubectl".to_owned()]);
    all.filter(|kubectl| has(kubectl, &["version", "--client"]))
        .collect()
}

#[test]
fn a_small_application_is_run_by_hand() {
    if !is_asked() {
        return;
    }
    for kubectl in kubectls() {
        let server = Server::start("kubectl-shop", &[]);
        play(&server, &kubectl, include_str!("shop.session"));
    }
}

#[test]
fn workloads_live_as_people_know_them() {
    if !is_asked() {
        return;
    }
    for kubectl in kubectls() {
        let living = ["--controllers", "all", "--nodes", "3"];
        let server = Server::start("kubectl-living", &living);
        play(&server, &kubectl, include_str!("living.session"));
    }
}

#[test]
fn the_gateway_api_is_served_from_its_definitions() {
    if !is_asked() || !has("go", &["version"]) {
        return;
    }
    // Too old a `go` complains of the module and has it in its cache all the same.
    run(Command::new("go").args(["mod", "download", GATEWAY_API]));
    let cache = succeed(Command::new("go").args(["env", "GOMODCACHE"]));
    let folder = Path::new(cache.trim())
        .join(GATEWAY_API)
        .join("config/crd/standard");
    assert!(folder.is_dir(), "{} is not there", folder.display());
    let folder = folder.to_str().expect("a path");
    for kubectl in kubectls() {
        let server = Server::start("kubectl-gateway", &["--crd", folder]);
        play(&server, &kubectl, include_str!("gateway.session"));
    }
}

#[test]
fn get_shows_changes_as_they_come() {
    if !is_asked() {
        return;
    }
    for kubectl in kubectls() {
        let server = Server::start("kubectl-watch", &[]);
        let ask = |arguments: &[&str]| succeed(command(&server, &kubectl).args(arguments));
        ask(&["create", "-f", "settings.yaml"]);
        let mut watch = command(&server, &kubectl)
            .args([
                "get",
                "configmaps",
                "settings",
                "-w",
                "--output-watch-events",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        let output = watch.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(output).lines();
        let mut next = || squeezed(&lines.next().expect("a line").expect("text"));
        assert_eq!(next(), "EVENT NAME DATA AGE");
        assert!(next().starts_with("ADDED settings 1 "));
        ask(&[
            "patch",
            "configmap",
            "settings",
            "-p",
            r#"{"data":{"b":"2"}}"#,
        ]);
        assert!(next().starts_with("MODIFIED settings 2 "));
        ask(&["delete", "configmap", "settings"]);
        assert!(next().starts_with("DELETED settings 2 "));
        let _ = watch.kill();
        let _ = watch.wait();
    }
}

fn command(server: &Server, kubectl: &str) -> Command {
    let mut command = Command::new(kubectl);
    command
        .env("KUBECONFIG", server.kubeconfig())
        .env("HOME", server.folder())
        .env("KUBE_EDITOR", here("kubectl/editor.sh"))
        .current_dir(here("kubectl"));
    command
}

/// Plays a session: after each `$ command` come fragments of its output, in order, and `[1]` where
/// it has to fail. Blanks count as one.
fn play(server: &Server, kubectl: &str, session: &str) {
    let steps = session.split("\n$ ").skip(1);
    for step in steps {
        let (line, rest) = step.split_once('\n').unwrap_or((step, ""));
        let arguments = words(line.strip_prefix("kubectl ").expect("a kubectl command"));
        let (code, output) = run(command(server, kubectl).args(arguments));
        let mut left = squeezed(&output);
        let mut expected_code = 0;
        for fragment in rest.lines().map(squeezed) {
            if let Some(number) = fragment
                .strip_prefix('[')
                .and_then(|text| text.strip_suffix(']'))
                && let Ok(number) = number.parse()
            {
                expected_code = number;
            } else if !fragment.is_empty() && !fragment.starts_with('#') {
                let at = left.find(&fragment);
                let at = at.unwrap_or_else(|| panic!("{line}\nlacks: {fragment}\nin: {output}"));
                left = left.split_off(at + fragment.len());
            }
        }
        assert_eq!(code, expected_code, "{line}\n{output}");
    }
}

/// Words as a shell splits them; single quotes keep blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (place, part) in line.split('\'').enumerate() {
        if place % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
