//! A cluster in a process of its own, and the tools that ask it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running `mockernetes serve`; ends with the value.
pub(crate) struct Server {
    process: Child,
    folder: PathBuf,
}

impl Server {
    /// Starts one on a free port.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        let folder = scratch(name);
        let mut process = Command::new(binary())
            .args(["serve", "--listen", "127.0.0.1:0", "--kubeconfig"])
            .arg(folder.join("kubeconfig"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("text");
        assert!(line.contains("is ready"), "not ready but: {line}");
        Self { process, folder }
    }

    /// The path of the administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// A folder that is the server's own.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program to ask: the one of this build, unless `MOCKERNETES_BINARY` names another.
pub(crate) fn binary() -> PathBuf {
    let named = std::env::var_os("MOCKERNETES_BINARY").map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_mockernetes")))
}

/// A new folder below the build's.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A folder of this test.
pub(crate) fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

/// Whether slow tests were asked for.
pub(crate) fn is_asked() -> bool {
    let is_asked = std::env::var("MOCKERNETES_SLOW").is_ok_and(|value| value == "1");
    if !is_asked {
        eprintln!("skipped: slow tests run where MOCKERNETES_SLOW=1");
    }
    is_asked
}

/// Whether a tool answers when it is asked for its version.
pub(crate) fn has(tool: &str, arguments: &[&str]) -> bool {
    let status = Command::new(tool)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let has = status.is_ok_and(|status| status.success());
    if !has {
        eprintln!("skipped: `{tool}` is not installed");
    }
    has
}

/// Runs a command to its end: its exit code, and what it wrote to both streams.
pub(crate) fn run(command: &mut Command) -> (i32, String) {
    let output = command.output().expect("the command starts");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output.status.code().unwrap_or(-1), text)
}

/// Runs a command that has to succeed; what it wrote.
pub(crate) fn succeed(command: &mut Command) -> String {
    let (code, text) = run(command);
    assert_eq!(code, 0, "{command:?}:\n{text}");
    text
}
