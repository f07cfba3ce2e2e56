//! Streams, terminals, time and ends.

use std::time::Duration;

use futures_util::FutureExt;
use mockernetes::shell::{Size, Streams, Unstartable};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;

use super::{machine, sh};

fn argv(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Reads until a text has come.
async fn until(screen: &mut DuplexStream, text: &str) -> String {
    let mut seen = String::new();
    let mut chunk = [0; 256];
    while !seen.contains(text) {
        let count = screen.read(&mut chunk).await.unwrap();
        assert!(count > 0, "ended before {text:?}, after {seen:?}");
        seen.push_str(&String::from_utf8_lossy(&chunk[..count]));
    }
    seen
}

#[tokio::test]
async fn sleep_waits_for_the_clock_to_be_moved() {
    let machine = machine();
    let run = sh(&machine, "sleep 60; echo woke");
    tokio::pin!(run);
    assert!(run.as_mut().now_or_never().is_none());
    machine.clock.advance(Duration::from_secs(59));
    assert!(run.as_mut().now_or_never().is_none());
    machine.clock.advance(Duration::from_secs(1));
    assert_eq!(run.await.out, "woke\n");
}

#[tokio::test]
async fn a_time_limit_ends_what_takes_longer() {
    let machine = machine();
    let run = sh(&machine, "timeout 5 sleep 60; echo $?");
    tokio::pin!(run);
    assert!(run.as_mut().now_or_never().is_none());
    machine.clock.advance(Duration::from_secs(5));
    assert_eq!(run.await.out, "124\n");
}

#[tokio::test]
async fn a_writer_ends_when_its_reader_does() {
    let ended = sh(&machine(), "yes | head -2; yes | true; echo done").await;
    assert_eq!(ended.out, "y\ny\ndone\n");
}

#[tokio::test]
async fn who_is_killed_ends_with_the_signals_number() {
    let ended = sh(
        &machine(),
        "sleep 100 & kill $!; wait $!; echo $?; sh -c 'kill -9 $$'; echo $?",
    )
    .await;
    assert_eq!(ended.out, "143\n137\n");
}

#[tokio::test]
async fn dropping_a_run_ends_its_processes() {
    let machine = machine();
    {
        let run = sh(&machine, "sleep 100 & sleep 100 | cat");
        tokio::pin!(run);
        assert!(run.as_mut().now_or_never().is_none());
        assert!(machine.processes.count() > 2);
    }
    assert_eq!(machine.processes.count(), 0);
}

#[tokio::test]
async fn a_program_that_is_not_there_cannot_be_started() {
    let machine = machine();
    let start = |word: &str| machine.startable(&argv(&[word]));
    assert_eq!(start("nosuch"), Err(Unstartable::NotFound));
    assert_eq!(start("/bin/nosuch"), Err(Unstartable::NoFile));
    assert_eq!(start("/etc/passwd"), Err(Unstartable::Access));
    assert_eq!(start("ls"), Ok(()));
}

#[tokio::test]
async fn a_terminal_prompts_echoes_edits_and_interrupts() {
    let machine = machine();
    let (mut keys, typed) = tokio::io::duplex(4096);
    let (shown, mut screen) = tokio::io::duplex(4096);
    let (size, sizes) = watch::channel(Size {
        width: 80,
        height: 24,
    });
    let streams = Streams {
        stdin: Some(Box::new(typed)),
        stdout: Box::new(shown),
        stderr: Box::new(tokio::io::sink()),
        terminal: Some(sizes),
    };
    let words = argv(&["sh"]);
    let run = machine.run(&words, streams);
    let person = async {
        until(&mut screen, "/tmp # ").await;
        keys.write_all(b"echo hx\x7fi\r").await.unwrap();
        let seen = until(&mut screen, "/tmp # ").await;
        assert!(seen.contains("\r\nhi\r\n"), "{seen:?}");
        size.send_replace(Size {
            width: 100,
            height: 30,
        });
        keys.write_all(b"stty size\r").await.unwrap();
        assert!(until(&mut screen, "/tmp # ").await.contains("30 100\r\n"));
        keys.write_all(b"sleep 1000\r").await.unwrap();
        until(&mut screen, "sleep 1000\r\n").await;
        keys.write_all(b"\x03").await.unwrap();
        assert!(until(&mut screen, "/tmp # ").await.contains("^C"));
        keys.write_all(b"\x1b[A\x15cat\r").await.unwrap();
        until(&mut screen, "cat\r\n").await;
        keys.write_all(b"line\r").await.unwrap();
        until(&mut screen, "line\r\nline\r\n").await;
        keys.write_all(b"\x04").await.unwrap();
        until(&mut screen, "/tmp # ").await;
        keys.write_all(b"exit 7\r").await.unwrap();
        until(&mut screen, "exit 7\r\n").await;
    };
    let (code, ()) = tokio::join!(run, person);
    assert_eq!(code, Ok(7));
}

#[tokio::test]
async fn a_slow_reader_holds_up_nobody_else() {
    let machine = machine();
    let (stuck, held) = tokio::io::duplex(16);
    let streams = Streams {
        stdin: None,
        stdout: Box::new(held),
        stderr: Box::new(tokio::io::sink()),
        terminal: None,
    };
    let words = argv(&["yes"]);
    let slow = machine.run(&words, streams);
    tokio::pin!(slow);
    assert!(slow.as_mut().now_or_never().is_none());
    assert_eq!(sh(&machine, "echo free").await.out, "free\n");
    drop(stuck);
    assert_eq!(slow.await, Ok(141));
}
