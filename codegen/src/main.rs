//! `cargo codegen`: brings facts in, checks the tables made of them, scaffolds what people add.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool of the developer: reads facts, writes tables"
)]

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use mockernetes_codegen::report;

const USAGE: &str = "\
usage: cargo codegen vendor v1.37.0     download a release's Go modules, write openapi/v1.37/
       cargo codegen crds               download operators' Go modules, write tests/cases/crds/
       cargo codegen check              facts match their checksums, tables can be made of them
       cargo codegen report             one line per resource; writes openapi/COVERAGE.md
       cargo codegen bootstrap FILE...  lists of a new kube-apiserver, as codegen/src/bootstrap.rs
                                        names them; writes src/cluster/bootstrap/objects.txt
       cargo codegen new KIND NAME      KIND is controller, admission, resource or fault";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("no workspace folder")?;
    let openapi = root.join("openapi");
    match arguments.as_slice() {
        ["vendor", release] => {
            let version = mockernetes_codegen::version::find(release)
                .with_context(|| format!("add a row for {release} to codegen/src/version.rs"))?;
            mockernetes_codegen::vendor::vendor(version, &openapi)
        }
        ["crds"] => mockernetes_codegen::vendor::crds::vendor(&root.join("tests/cases/crds")),
        ["check"] => mockernetes_codegen::check::check(&openapi),
        ["report"] => report(&openapi),
        ["bootstrap", files @ ..] => {
            let files: Vec<&Path> = files.iter().map(Path::new).collect();
            let lines = mockernetes_codegen::bootstrap::lines(&files)?;
            let file = root.join("src/cluster/bootstrap/objects.txt");
            std::fs::write(file, lines).context("cannot write objects.txt")
        }
        ["new", kind, name] => {
            let (file, rest) = mockernetes_codegen::scaffold::new(root, kind, name)?;
            say(&format!("wrote {}\nleft to do: {rest}\n", file.display()))
        }
        _ => bail!("{USAGE}"),
    }
}

/// Prints the newest version's report and writes the coverage page.
fn report(openapi: &Path) -> Result<()> {
    let version = mockernetes_codegen::version::VERSIONS
        .last()
        .context("no versions")?;
    let model = mockernetes_codegen::model(openapi, version.folder)?;
    let coverage = report::coverage(&model, version.folder.trim_start_matches('v'));
    std::fs::write(openapi.join("COVERAGE.md"), coverage)?;
    say(&report::report(&model))
}

fn say(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
