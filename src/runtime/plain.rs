//! The plainest runtime: containers that have nothing in them but a handful of programs.
//!
//! `cat`, `echo`, `true`, `false`, and `sh -c` with `exit N` or one of the others. Whoever attaches
//! reads what is written into the container's log from then on.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::logs::Stream;
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
        let logs = Arc::clone(&self.surroundings.logs);
        Box::pin(async move {
            let instance = place.instance();
            let (mut stdout, mut stderr) = (streams.stdout, streams.stderr);
            let mut changed = logs.changed(&instance);
            let mut cursor = logs.end_of(&instance);
            loop {
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
                if lines.is_empty()
                    && (logs.has_ended(&instance) || changed.changed().await.is_err())
                {
                    return Exit::Code(0);
                }
            }
        })
    }

    fn connect(&self, pod: Arc<Object>, port: u16) -> BoxFuture<'static, Option<Connection>> {
        Box::pin(async move { ports::listener(&pod, port).map(Listener::connect) })
    }
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
