//! Programs written with client libraries; each ends with an error at its first surprise.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mockernetes::schema::{Catalog, protobuf};

use crate::full;
use crate::support::{Server, has, here, is_asked, scratch, succeed};

#[test]
fn client_go_finds_its_way() {
    if !is_asked() || !has("go", &["version"]) {
        return;
    }
    let server = Server::start("go", &[]);
    let program = server.folder().join("check");
    succeed(
        Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(here("go")),
    );
    succeed(Command::new(program).env("KUBECONFIG", server.kubeconfig()));
}

#[test]
fn client_go_reads_every_kind_in_protobuf() {
    if !is_asked() || !has("go", &["version"]) {
        return;
    }
    let file = scratch("go-protobuf").join("bodies");
    let state = Catalog::built_in().state();
    let resources = state.versions.values().flat_map(|version| version.values());
    let lines = resources.map(|resource| {
        let object = full::object(resource);
        let body = protobuf::from_json(&object).expect("a message");
        format!("{}\t{object}\n", STANDARD.encode(body))
    });
    std::fs::write(&file, lines.collect::<String>()).expect("a file");
    succeed(
        Command::new("go")
            .args(["run", "./protobuf"])
            .arg(file)
            .current_dir(here("go")),
    );
}

#[test]
fn the_python_client_finds_its_way() {
    if !is_asked() || !has("python3", &["-m", "venv", "--help"]) {
        return;
    }
    let folder = scratch("python-venv");
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let python = folder.join("bin/python");
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "-r"])
            .arg(here("python/requirements.txt")),
    );
    let server = Server::start("python", &[]);
    succeed(
        Command::new(&python)
            .arg(here("python/check.py"))
            .env("KUBECONFIG", server.kubeconfig()),
    );
}

#[test]
fn kube_rs_finds_its_way() {
    if !is_asked() || !has("cargo", &["--version"]) {
        return;
    }
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-build");
    succeed(
        Command::new("cargo")
            .args(["build", "--quiet", "--target-dir"])
            .arg(&folder)
            .current_dir(here("rust")),
    );
    let server = Server::start("rust", &[]);
    succeed(
        Command::new(folder.join("debug/mockernetes-client-check"))
            .env("KUBECONFIG", server.kubeconfig()),
    );
}
