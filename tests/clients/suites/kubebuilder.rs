//! A memcached-style operator in kubebuilder's own layout, written by its scaffolding.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{assets, is_asked};
use crate::support::{here, scratch, succeed};

const KUBEBUILDER: &str = "sigs.k8s.io/kubebuilder/v4";
const VERSION: &str = "v4.10.1";

/// What an operator's author types.
const COMMANDS: [&[&str]; 4] = [
    &[
        "init",
        "--plugins=go/v4",
        "--domain=example.com",
        "--repo=example.com/memcached-operator",
        "--skip-go-version-check",
    ],
    &[
        "create",
        "api",
        "--group=cache",
        "--version=v1alpha1",
        "--kind=Memcached",
        "--image=memcached:1.6.26-alpine3.19",
        "--image-container-command=memcached,--memory-limit=64,-o,modern,-v",
        "--image-container-port=11211",
        "--run-as-user=1001",
        "--plugins=deploy-image/v1-alpha",
        "--make=false",
    ],
    &[
        "create",
        "api",
        "--group=cache",
        "--version=v1alpha1",
        "--kind=Busybox",
        "--resource",
        "--controller",
        "--make=false",
    ],
    &[
        "create",
        "webhook",
        "--group=cache",
        "--version=v1alpha1",
        "--kind=Memcached",
        "--defaulting",
        "--programmatic-validation",
        "--make=false",
    ],
];

#[test]
fn an_operator_of_kubebuilders_layout_passes_its_tests() {
    if !is_asked() {
        return;
    }
    let folder = scratch("kubebuilder");
    let kubebuilder = kubebuilder(&folder);
    let project = folder.join("operator");
    std::fs::create_dir_all(&project).expect("a folder");
    for arguments in COMMANDS {
        let mut command = Command::new(&kubebuilder);
        succeed(command.args(arguments).current_dir(&project));
    }
    // As scaffolded no test sends anything through the webhooks that the suite installs.
    let package = project.join("internal/webhook/v1alpha1");
    let test = package.join("called_test.go");
    std::fs::copy(here("suites/called_test.go.txt"), test).expect("a file");
    make(&project, &["manifests", "generate", "fmt", "vet"]);
    let assets = assets(&folder.join("assets"));
    let packages = ["./api/...", "./cmd/...", "./internal/..."];
    let mut test = Command::new("go");
    let test = test.args(["test", "-count=1", "-v"]).args(packages);
    let text = succeed(test.current_dir(&project).env("KUBEBUILDER_ASSETS", assets));
    for expected in ["Ran 2 of 2 Specs", "Ran 1 of 1 Specs"] {
        assert!(text.contains(expected), "{text}");
    }
}

/// The `kubebuilder` command, built from its module.
fn kubebuilder(folder: &Path) -> PathBuf {
    let module = folder.join("module");
    std::fs::create_dir_all(&module).expect("a folder");
    let tools = format!("//go:build tools\npackage tools\n\nimport _ \"{KUBEBUILDER}\"\n");
    std::fs::write(module.join("tools.go"), tools).expect("a file");
    let program = folder.join("kubebuilder-command");
    let version = format!("{KUBEBUILDER}@{VERSION}");
    for arguments in [
        &["mod", "init", "scratch"][..],
        &["get", &version],
        &["build", "-o", program.to_str().expect("UTF-8"), KUBEBUILDER],
    ] {
        succeed(Command::new("go").args(arguments).current_dir(&module));
    }
    program
}

fn make(project: &Path, targets: &[&str]) {
    succeed(Command::new("make").args(targets).current_dir(project));
}
