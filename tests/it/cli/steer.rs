//! `settle`, `advance` and `clock`, as somebody types them beside a server that runs.

use std::process::Child;

use serde_json::Value;

use super::{Files, command, fails, serve, stop};

/// A server and the flag that leads to it.
struct Living {
    child: Child,
    kubeconfig: String,
    url: String,
}

impl Living {
    fn start(arguments: &[&str]) -> Self {
        let (child, line) = serve(arguments);
        let mut words = line.split_whitespace().rev();
        let kubeconfig = words.next().unwrap().to_owned();
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http"));
        let url = url.unwrap().trim_end_matches(',').to_owned();
        Self {
            child,
            kubeconfig,
            url,
        }
    }

    /// What a command prints, and its exit code and what it complains of.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = command(arguments);
        let output = command
            .args(["--kubeconfig", &self.kubeconfig])
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        (code, text(output.stdout), text(output.stderr))
    }

    fn prints(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        out
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let out = self.prints(&[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&out).unwrap()
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        stop(&mut self.child, "-TERM");
    }
}

const JOB: &[u8] = b"apiVersion: batch/v1
kind: CronJob
metadata: {name: tick, namespace: default}
spec:
  schedule: '*/10 * * * *'
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: c, image: i}]}
";

#[test]
fn a_clock_is_printed_and_moved_from_the_command_line() {
    let files = Files::new(&[("job.yaml", JOB)]);
    let living = Living::start(&[
        "--controllers",
        "all",
        "--nodes",
        "1",
        "--clock",
        "virtual",
        "--clock-start",
        "2030-06-01T12:00:00Z",
        "--manifest",
        &files.path("job.yaml"),
    ]);
    let settled = living.prints(&["settle"]);
    let first = settled.lines().next().unwrap();
    assert!(
        first.starts_with(
            "2030-06-01T12:00:00Z (virtual clock, begun 2030-06-01T12:00:00Z), revision "
        ),
        "{settled}"
    );
    assert!(
        settled.contains(
            "until 2030-06-01T12:10:00.1Z  cronjobs.batch default/tick  (cronjob-controller)"
        ),
        "{settled}"
    );
    let moved = living.prints(&["advance", "25m"]);
    assert!(
        moved.starts_with("2030-06-01T12:25:00Z (virtual clock"),
        "{moved}"
    );
    assert!(
        moved.contains("until 2030-06-01T12:30:00.1Z  cronjobs.batch default/tick"),
        "{moved}"
    );
    let moved = living.json(&["advance", "--to", "2030-06-01T13:00:00Z"]);
    assert_eq!(moved["now"], "2030-06-01T13:00:00Z");
    let clock = living.json(&["clock"]);
    assert_eq!(clock["now"], moved["now"]);
    assert_eq!(clock["start"], "2030-06-01T12:00:00Z");
    let waiting = clock["waiting"].as_array().unwrap();
    assert_eq!(clock["waitingCount"], waiting.len());
    let (code, _, complaint) = living.run(&["advance", "-5m"]);
    assert_eq!(code, 1);
    assert!(complaint.contains("time does not go back"), "{complaint}");
    let (code, _, complaint) = living.run(&["advance"]);
    assert_eq!(code, 2);
    assert!(complaint.contains("<DURATION>"), "{complaint}");
}

#[test]
fn the_wall_is_not_moved() {
    let living = Living::start(&["--controllers", "all"]);
    let clock = living.json(&["clock"]);
    assert_eq!(
        (&clock["clock"], &clock["start"]),
        (&"wall".into(), &Value::Null)
    );
    assert!(
        living
            .prints(&["settle", "--timeout", "30s"])
            .contains("(wall clock)")
    );
    let (code, _, complaint) = living.run(&["advance", "1h"]);
    assert_eq!(code, 1);
    assert!(complaint.contains("--clock virtual"), "{complaint}");
}

#[test]
fn who_asks_says_which_cluster_and_who_they_are() {
    let living = Living::start(&[
        "--clock",
        "virtual",
        "--seed",
        "1",
        "--plaintext",
        "--auth",
        "rbac",
    ]);
    let clock = living.json(&["clock", "--server", &living.url]);
    assert_eq!(clock["start"], "2026-01-01T00:00:00Z");
    let (code, complaint) = fails(&["clock", "--server", &living.url, "--token", "nobody's"]);
    assert_eq!(code, 1);
    assert!(complaint.contains("Unauthorized"), "{complaint}");
    let (code, complaint) = fails(&["clock", "--kubeconfig", "/nonexistent"]);
    assert_eq!(code, 2);
    assert!(complaint.contains("/nonexistent"), "{complaint}");
}

#[test]
fn a_virtual_clock_begins_now_unless_somebody_says() {
    let before = jiff::Timestamp::now().as_second();
    let living = Living::start(&["--clock", "virtual"]);
    let clock = living.json(&["clock"]);
    let start: jiff::Timestamp = clock["start"].as_str().unwrap().parse().unwrap();
    assert!((before..=jiff::Timestamp::now().as_second()).contains(&start.as_second()));
    assert_eq!(clock["now"], clock["start"]);
}
