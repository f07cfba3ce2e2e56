//! Ports that a test suite has chosen for a program are answered before the program runs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Somebody who has chosen a port as envtest does, asked `etcd` for its flags, and waits.
struct Suite {
    folder: PathBuf,
    port: u16,
    shell: Child,
}

/// Holds the lock of the port, asks, says when it is answered, and waits for the end of its stdin.
const SCRIPT: &str = r#"exec 3>"$1"; "$2" --help | cat >/dev/null; echo asked; read -r _"#;

impl Suite {
    fn choose(name: &str, switch: &str) -> Self {
        let name = format!("mockernetes-keeper-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let locks = folder.join("kubebuilder-envtest");
        std::fs::create_dir_all(&locks).unwrap();
        let etcd = folder.join("etcd");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mockernetes"), &etcd).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(locks.join(format!("port-{port}")))
            .arg(&etcd)
            .env("MOCKERNETES_PORT_KEEPER", switch)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let printed = shell.stdout.take().unwrap();
        BufReader::new(printed).read_line(&mut line).unwrap();
        assert_eq!(line, "asked\n");
        Self {
            folder,
            port,
            shell,
        }
    }

    /// A connection that asks whether etcd is well.
    fn ask(&self) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        Ok(stream)
    }

    /// The program, as it is started once its flags are known.
    fn start(&self) -> Child {
        let url = format!("http://127.0.0.1:{}", self.port);
        Command::new(self.folder.join("etcd"))
            .arg(format!("--listen-client-urls={url}"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn end(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
    }
}

impl Drop for Suite {
    fn drop(&mut self) {
        self.end();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// All that comes, or how the connection broke.
fn read(mut stream: TcpStream) -> Result<String, std::io::ErrorKind> {
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Ok(_) => Ok(answer),
        Err(error) => Err(error.kind()),
    }
}

#[test]
fn who_asks_before_a_program_runs_is_answered_when_it_does() {
    let suite = Suite::choose("early", "");
    let early = suite.ask().unwrap();
    let mut program = suite.start();
    let answer = read(early).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let later = read(suite.ask().unwrap()).unwrap();
    assert!(later.starts_with("HTTP/1.1 200 "), "{later}");
    super::stop(&mut program, "-TERM");
}

#[test]
fn ports_that_no_program_comes_for_are_let_go() {
    let suite = Suite::choose("nobody", "");
    let waiting = suite.ask().unwrap();
    assert_eq!(read(waiting), Err(std::io::ErrorKind::ConnectionReset));
    TcpListener::bind((Ipv4Addr::LOCALHOST, suite.port)).unwrap();
}

#[test]
fn ports_are_let_go_with_whoever_chose_them() {
    let mut suite = Suite::choose("gone", "");
    let waiting = suite.ask().unwrap();
    suite.end();
    assert_eq!(read(waiting), Err(std::io::ErrorKind::ConnectionReset));
    TcpListener::bind((Ipv4Addr::LOCALHOST, suite.port)).unwrap();
}

#[test]
fn no_port_is_kept_where_the_environment_forbids_it() {
    let suite = Suite::choose("off", "off");
    let refused = suite.ask().unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}
