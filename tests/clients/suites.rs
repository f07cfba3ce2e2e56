//! controller-runtime's own tests, unmodified, against the binary under envtest's names.
//!
//! They take minutes, so only where `MOCKERNETES_SUITES=1`. Where `MOCKERNETES_REFERENCE_ASSETS`
//! names a folder with the real `kube-apiserver` and `etcd`, they run on those as well, and the
//! table shows both times.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::support::{has, scratch, succeed};

const MODULE: &str = "sigs.k8s.io/controller-runtime@v0.25.1";

/// Its packages that start an environment or test what starts one, and how many of their tests fail
/// on the real binaries too.
const PACKAGES: [(&str, usize); 27] = [
    ("builder", 0),
    ("cache", 0),
    ("cache/internal", 0),
    ("client", 0),
    ("client/apiutil", 2),
    ("client/config", 0),
    ("client/fake", 0),
    ("client/interceptor", 0),
    ("cluster", 0),
    ("controller", 0),
    ("controller/controllerutil", 0),
    ("controller/priorityqueue", 0),
    ("envtest", 0),
    ("handler", 0),
    ("internal/controller", 0),
    ("internal/recorder", 0),
    ("internal/testing/addr", 0),
    ("internal/testing/controlplane", 3),
    ("internal/testing/process", 0),
    ("manager", 0),
    ("manager/signals", 0),
    ("metrics", 0),
    ("source", 0),
    ("webhook", 0),
    ("webhook/admission", 0),
    ("webhook/authentication", 0),
    ("webhook/conversion", 0),
];

#[test]
fn controller_runtime_passes_its_own_tests() {
    let is_asked = std::env::var("MOCKERNETES_SUITES").is_ok_and(|value| value == "1");
    if !is_asked || !has("go", &["version"]) {
        eprintln!("skipped: suites run where MOCKERNETES_SUITES=1");
        return;
    }
    let module = copy_of_module();
    let assets = scratch("suites-assets");
    succeed(
        Command::new(env!("CARGO_BIN_EXE_mockernetes"))
            .args(["envtest", "--dir"])
            .arg(&assets),
    );
    let reference = std::env::var_os("MOCKERNETES_REFERENCE_ASSETS").map(PathBuf::from);
    let mut table = String::from("package | failed | seconds | on the real binaries\n");
    let mut surprises = Vec::new();
    for (package, known) in PACKAGES {
        let program = compile(&module, package);
        let own = run(&module, package, &program, &assets);
        let theirs = reference
            .as_ref()
            .map(|assets| run(&module, package, &program, assets))
            .map_or_else(String::new, |(failed, seconds)| {
                format!("{failed}, {seconds:.1} s")
            });
        let (failed, seconds) = own;
        writeln!(table, "{package} | {failed} | {seconds:.1} | {theirs}").expect("memory");
        if failed > known {
            surprises.push(package);
        }
    }
    eprintln!("{table}");
    assert!(
        surprises.is_empty(),
        "fail here only: {surprises:?}\n{table}"
    );
}

/// The module's source in a folder that can be written to.
fn copy_of_module() -> PathBuf {
    let folder = scratch("suites-module");
    let mut init = Command::new("go");
    succeed(init.args(["mod", "init", "scratch"]).current_dir(&folder));
    let mut download = Command::new("go");
    let download = download.args(["mod", "download", "-json", MODULE]);
    let output = download.current_dir(&folder).output().expect("go runs");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let source = answer["Dir"].as_str().expect("a folder").to_owned();
    let copy = folder.join("controller-runtime");
    succeed(Command::new("cp").args(["-r", &source]).arg(&copy));
    succeed(Command::new("chmod").args(["-R", "u+w"]).arg(&copy));
    copy
}

/// The compiled tests of a package.
fn compile(module: &Path, package: &str) -> PathBuf {
    let program = module.join(format!("{}.test", package.replace('/', "-")));
    succeed(
        Command::new("go")
            .args(["test", "-c", "-o"])
            .arg(&program)
            .arg(format!("./pkg/{package}"))
            .current_dir(module),
    );
    program
}

/// Runs compiled tests: how many failed, and how long they took.
fn run(module: &Path, package: &str, program: &Path, assets: &Path) -> (usize, f64) {
    let started = Instant::now();
    let output = Command::new(program)
        .arg("-test.timeout=10m")
        .current_dir(module.join("pkg").join(package))
        .env("KUBEBUILDER_ASSETS", assets)
        .output()
        .expect("tests run");
    let seconds = started.elapsed().as_secs_f64();
    if output.status.success() {
        return (0, seconds);
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let failed = text.matches("[FAIL]").count().max(
        text.lines()
            .filter(|line| line.trim_start().starts_with("--- FAIL") && line.starts_with(' '))
            .count(),
    );
    eprintln!("{package}:\n{text}");
    (failed.max(1), seconds)
}
