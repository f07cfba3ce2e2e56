//! controller-runtime's own tests.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::outcome::{Outcome, run};
use super::{CONTROLLER_RUNTIME, assets, copy_of_module, is_asked, reference};
use crate::support::{scratch, succeed};

/// Its packages that start an environment or test what starts one, and how many of their tests fail
/// on the real programs too.
const PACKAGES: [(&str, usize); 31] = [
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
    ("envtest/komega", 0),
    ("handler", 0),
    ("internal/controller", 0),
    ("internal/recorder", 0),
    ("internal/testing/addr", 0),
    ("internal/testing/certs", 0),
    ("internal/testing/controlplane", 3),
    ("internal/testing/process", 0),
    ("manager", 0),
    ("manager/internal/integration", 0),
    ("manager/signals", 0),
    ("metrics", 0),
    ("metrics/filters", 0),
    ("source", 0),
    ("webhook", 0),
    ("webhook/admission", 0),
    ("webhook/authentication", 0),
    ("webhook/conversion", 0),
];

#[test]
fn controller_runtime_passes_its_own_tests() {
    if !is_asked() {
        return;
    }
    let module = copy_of_module("suites-module", CONTROLLER_RUNTIME);
    let assets = assets(&scratch("suites-assets"));
    let programs = PACKAGES.map(|(package, _)| compile(&module, package));
    let mut table = String::from("package | tests | failed | s | failed, real | s, real\n");
    let mut surprises = Vec::new();
    let mut sums = [0.0; 2];
    for ((package, known), program) in PACKAGES.into_iter().zip(programs) {
        let folder = module.join("pkg").join(package);
        let own = run(&program, &folder, &assets);
        let real = reference().map(|assets| run(&program, &folder, &assets));
        for (sum, outcome) in sums.iter_mut().zip([Some(&own), real.as_ref()]) {
            *sum += outcome.map_or(0.0, |outcome| outcome.seconds);
        }
        table.push_str(&row(package, &own, real.as_ref()));
        match &real {
            Some(real) => surprises.extend(
                own.failing_beside(real)
                    .map(|test| format!("{package}: {test}")),
            ),
            None if own.failed() > known => surprises.push(package.to_owned()),
            None => {}
        }
    }
    let [own, real] = sums;
    writeln!(table, "all | | | {own:.1} | | {real:.1}").expect("memory");
    eprintln!("{table}");
    assert!(surprises.is_empty(), "fail here only: {surprises:#?}");
}

fn row(package: &str, own: &Outcome, real: Option<&Outcome>) -> String {
    let mut row = format!(
        "{package} | {} | {} | {:.1}",
        own.tests.len(),
        own.failed(),
        own.seconds
    );
    if let Some(real) = real {
        write!(row, " | {} | {:.1}", real.failed(), real.seconds).expect("memory");
    }
    row.push('\n');
    row
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
