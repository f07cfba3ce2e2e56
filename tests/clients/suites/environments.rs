//! Environments as `envtest.Environment` starts and stops them: how long that takes, and what ten
//! at once weigh.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{CONTROLLER_RUNTIME, assets, copy_of_module, is_asked, reference};
use crate::support::{has, here, scratch, succeed};

/// What the ten may weigh together, in MiB.
const TEN_MIB_MAX: f64 = 250.0;

#[test]
fn an_environment_does_what_suites_ask_of_theirs() {
    if !is_asked() {
        return;
    }
    let program = program("environment-module");
    let own = assets(&scratch("environment-assets"));
    for assets in [Some(own), reference()].into_iter().flatten() {
        ask(&program, &assets, "uses", 2);
    }
}

#[test]
fn ten_environments_fit_into_a_quarter_of_a_gibibyte() {
    if !is_asked() {
        return;
    }
    let program = program("environments-module");
    let own = assets(&scratch("environments-assets"));
    let together = ask(&program, &own, "together", 10);
    let mut lines = vec![ask(&program, &own, "start", 50), together.clone()];
    if let Some(real) = reference() {
        lines.push(ask(&program, &real, "start", 5));
        lines.push(ask(&program, &real, "together", 2));
    }
    let table = lines.concat();
    eprintln!("here, then on the real programs:\n{table}");
    let (_, rss) = together.split_once("rss ").expect("a sum");
    let mib = rss.split(' ').next().expect("a word");
    let mib: f64 = mib.parse().expect("MiB");
    assert!(mib <= TEN_MIB_MAX, "{table}");
}

fn ask(program: &Path, assets: &Path, what: &str, count: usize) -> String {
    let mut command = Command::new(program);
    let command = command.args([what, &count.to_string()]);
    if has("kubectl", &["version", "--client"]) {
        command.env("WITH_KUBECTL", "1");
    }
    succeed(command.env("KUBEBUILDER_ASSETS", assets))
}

/// The program beside this file, built against controller-runtime.
fn program(name: &str) -> PathBuf {
    let module = copy_of_module(name, CONTROLLER_RUNTIME);
    let folder = module.join("cmd_environments");
    std::fs::create_dir_all(&folder).expect("a folder");
    let source = here("suites/environments.go");
    std::fs::copy(source, folder.join("main.go")).expect("a file");
    let program = module.join("environments");
    succeed(
        Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg("./cmd_environments")
            .current_dir(&module),
    );
    program
}
