//! What became of each test of a compiled Go package.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// The tests of a package that ran, and for how long.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Whether a test passed, by its name.
    pub(super) tests: BTreeMap<String, bool>,
    pub(super) seconds: f64,
}

impl Outcome {
    /// How many failed.
    pub(super) fn failed(&self) -> usize {
        self.tests.values().filter(|passed| !**passed).count()
    }

    /// Those that do not pass here and pass there.
    pub(super) fn failing_beside<'a>(&'a self, real: &'a Self) -> impl Iterator<Item = &'a String> {
        let passed = real.tests.iter().filter(|(_, passed)| **passed);
        passed
            .map(|(name, _)| name)
            .filter(|name| self.tests.get(*name) != Some(&true))
    }
}

/// Runs compiled tests on the programs of a folder.
pub(super) fn run(program: &Path, folder: &Path, assets: &Path) -> Outcome {
    let report = program.with_extension("json");
    let _ = std::fs::remove_file(&report);
    let started = Instant::now();
    let output = Command::new(program)
        .args(["-test.timeout=10m", "-test.v", "-ginkgo.json-report"])
        .arg(&report)
        .current_dir(folder)
        .env("KUBEBUILDER_ASSETS", assets)
        .output()
        .expect("tests run");
    let seconds = started.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        eprintln!("{} on {}:\n{text}", folder.display(), assets.display());
    }
    let mut tests = BTreeMap::new();
    let specs = std::fs::read(&report).map_or_else(|_| Vec::new(), |bytes| specs(&bytes));
    for (name, passed) in functions(&text).chain(specs) {
        // Tables give the same name to several tests.
        *tests.entry(name).or_insert(true) &= passed;
    }
    if tests.is_empty() {
        tests.insert("all".to_owned(), output.status.success());
    }
    Outcome { tests, seconds }
}

/// The tests that `go test` knows. One that runs a suite is as good as the suite's tests, which
/// speak for themselves.
fn functions(text: &str) -> impl Iterator<Item = (String, bool)> {
    let lines = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let (line, passed) = match line.strip_prefix("--- PASS: ") {
            Some(line) => (line, true),
            None => (line.strip_prefix("--- FAIL: ")?, false),
        };
        let name = line.split(" (").next()?.to_owned();
        Some((name, passed))
    });
    lines.filter(|(name, passed)| *passed || name.contains('/'))
}

/// The tests of a Ginkgo suite that ran.
fn specs(report: &[u8]) -> Vec<(String, bool)> {
    let report: serde_json::Value = serde_json::from_slice(report).expect("JSON");
    let suites = report.as_array().into_iter().flatten();
    let specs = suites.flat_map(|suite| suite["SpecReports"].as_array().into_iter().flatten());
    let ran = specs.filter(|spec| {
        let state = spec["State"].as_str();
        !matches!(state, Some("pending" | "skipped"))
    });
    ran.map(|spec| {
        let texts = spec["ContainerHierarchyTexts"].as_array();
        let texts = texts.into_iter().flatten().chain([&spec["LeafNodeText"]]);
        let texts: Vec<&str> = texts.filter_map(serde_json::Value::as_str).collect();
        let kind = spec["LeafNodeType"].as_str().unwrap_or_default();
        let name = format!("{kind} {}", texts.join(" "));
        (name, spec["State"] == "passed")
    })
    .collect()
}
