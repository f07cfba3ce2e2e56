//! The inside of a container: its shell, its tools and its files.

mod files;
mod language;
mod streams;
mod tools;

use jiff::Timestamp;
use mockernetes::shell::fs::{Limits, Volume};
use mockernetes::shell::{Machine, Streams};
use mockernetes::sim::Clock;
use tokio::io::AsyncReadExt;

/// What a command wrote and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

fn clock() -> Clock {
    Clock::virtual_at("2026-01-02T03:04:05Z".parse::<Timestamp>().unwrap())
}

fn machine() -> Machine {
    let mut machine = Machine::new(clock(), Limits::default()).unwrap();
    "/tmp".clone_into(&mut machine.cwd);
    machine
}

fn volume() -> Volume {
    Volume::new(Limits::default(), clock().now())
}

async fn drained(mut from: tokio::io::DuplexStream) -> Vec<u8> {
    let mut all = Vec::new();
    from.read_to_end(&mut all).await.unwrap();
    all
}

async fn fed(machine: &Machine, argv: &[&str], input: &[u8]) -> Ended {
    let (out_reader, out) = tokio::io::duplex(4096);
    let (err_reader, err) = tokio::io::duplex(4096);
    let streams = Streams {
        stdin: Some(Box::new(std::io::Cursor::new(input.to_vec()))),
        stdout: Box::new(out),
        stderr: Box::new(err),
        terminal: None,
    };
    let argv: Vec<String> = argv.iter().map(|arg| (*arg).to_owned()).collect();
    let run = async {
        // What holds the writing ends goes away with the run.
        let run = machine.run(&argv, streams);
        run.await.unwrap()
    };
    let (code, out, err) = tokio::join!(run, drained(out_reader), drained(err_reader));
    Ended {
        code,
        out: String::from_utf8_lossy(&out).into_owned(),
        err: String::from_utf8_lossy(&err).into_owned(),
    }
}

async fn sh(machine: &Machine, script: &str) -> Ended {
    fed(machine, &["sh", "-c", script], b"").await
}

/// Runs each script in a fresh container and compares all that it says.
async fn says(rows: &[(&str, &str)]) {
    for (script, expected) in rows {
        let ended = sh(&machine(), script).await;
        let all = format!("{}{}", ended.out, ended.err);
        assert_eq!(all, *expected, "of: {script}");
    }
}
