//! The plainest runtime: containers that have nothing in them but a handful of programs.
//!
//! `cat`, `echo`, `true`, `false`, and `sh -c` with `exit N` or one of the others. Whoever attaches
//! reads what is written into the container's log from then on; where the container reads from its
//! standard input, its own command runs for whoever attaches, and the container ends with it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::logs::{Stream, Tee};
use super::{Connection, Exit, Invocation, Listener, Place, Runtime, Streams, Surroundings, ports};
use crate::object::Object;
use crate::object::quote::quoted;

/// How much is read at a time.
const PIECE_BYTES: usize = 32 * 1024;

/// See the module.
#[derive(Debug)]
pub struct Plain {
    surroundings: Surroundings,
}

impl Plain {
    /// A runtime of a cluster.
    pub fn new(surroundings: Surroundings) -> Self {
        Self { surroundings }
    }
}

impl Runtime for Plain {
    fn exec(&self, invocation: Invocation, streams: Streams) -> BoxFuture<'static, Exit> {
        Box::pin(async move {
            let argv: Vec<&str> = invocation.argv.iter().map(String::as_str).collect();
            // Who has gone reads no complaint about it.
            run(&argv, streams).await.unwrap_or(Exit::Code(141))
        })
    }

    fn attach(&self, place: Place, _tty: bool, streams: Streams) -> BoxFuture<'static, Exit> {
        let surroundings = self.surroundings.clone();
        Box::pin(async move {
            let argv = interactive(&place);
            if !argv.is_empty() {
                return main(&surroundings, &place, &argv, streams).await;
            }
            let logs = surroundings.logs;
            let instance = place.instance();
            let (mut stdout, mut stderr) = (streams.stdout, streams.stderr);
            let mut changed = logs.changed(&instance);
            let mut cursor = logs.end_of(&instance);
            loop {
                // Asked before the lines are read: the last come before the end.
                let has_ended = logs.has_ended(&instance);
                let (lines, next) = logs.lines(&instance, cursor, PIECE_BYTES);
                cursor = next;
                for line in &lines {
                    let out = match line.stream {
                        Stream::Stdout => &mut stdout,
                        Stream::Stderr => &mut stderr,
                    };
                    let text = [line.text.as_ref(), if line.is_whole { b"\n" } else { b"" }];
                    if out.write_all(&text.concat()).await.is_err() || out.flush().await.is_err() {
                        return Exit::Code(0);
                    }
                }
                if lines.is_empty() && (has_ended || changed.changed().await.is_err()) {
                    return Exit::Code(0);
                }
            }
        })
    }

    fn connect(&self, pod: Arc<Object>, port: u16) -> BoxFuture<'static, Option<Connection>> {
        Box::pin(async move { ports::listener(&pod, port).map(Listener::connect) })
    }
}

/// What a container runs, where it reads from its standard input.
fn interactive(place: &Place) -> Vec<String> {
    let spec = place.spec();
    let words = |field: &str| spec[field].as_array().into_iter().flatten();
    let all = words("command").chain(words("args"));
    let all = all.filter_map(|word| word.as_str().map(str::to_owned));
    if spec["stdin"] == true {
        all.collect()
    } else {
        Vec::new()
    }
}

/// Runs what a container runs, and ends the container with it.
async fn main(
    surroundings: &Surroundings,
    place: &Place,
    argv: &[String],
    mut streams: Streams,
) -> Exit {
    let (logs, instance) = (&surroundings.logs, place.instance());
    logs.begin(&instance);
    let log = |stream| logs.writer(instance.clone(), stream);
    streams.stdout = Box::new(Tee::new(streams.stdout, log(Stream::Stdout)));
    streams.stderr = Box::new(Tee::new(streams.stderr, log(Stream::Stderr)));
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let exit = run(&argv, streams).await.unwrap_or(Exit::Code(141));
    let code = match &exit {
        Exit::Code(code) => *code,
        Exit::Failed(_) => 127,
    };
    logs.end(&instance);
    let now = surroundings.clock.now();
    super::ended(&surroundings.client, place, code, now).await;
    exit
}

/// Runs a program.
async fn run(argv: &[&str], mut streams: Streams) -> std::io::Result<Exit> {
    let exit = match argv {
        ["sh" | "/bin/sh" | "bash" | "/bin/bash", "-c", line] => {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["exit", code] = words[..] {
                return Ok(Exit::Code(code.parse().unwrap_or(2)));
            }
            return Box::pin(run(&words, streams)).await;
        }
        ["true" | "/bin/true"] => Exit::Code(0),
        ["false" | "/bin/false"] => Exit::Code(1),
        ["echo" | "/bin/echo", words @ ..] => {
            let line = format!("{}\n", words.join(" "));
            streams.stdout.write_all(line.as_bytes()).await?;
            Exit::Code(0)
        }
        ["cat" | "/bin/cat"] => {
            let mut piece = vec![0; PIECE_BYTES];
            while let Some(stdin) = &mut streams.stdin {
                let length = stdin.read(&mut piece).await?;
                if length == 0 {
                    break;
                }
                streams.stdout.write_all(&piece[..length]).await?;
                streams.stdout.flush().await?;
            }
            Exit::Code(0)
        }
        [program, ..] => Exit::not_started(&format!(
            "exec: {}: executable file not found in $PATH",
            quoted(program)
        )),
        [] => Exit::Code(0),
    };
    streams.stdout.shutdown().await?;
    streams.stderr.shutdown().await?;
    Ok(exit)
}
