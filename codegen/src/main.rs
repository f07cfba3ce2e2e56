//! `cargo codegen`: brings facts in, checks the tables made of them, scaffolds what people add.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool of the developer: reads facts, writes tables"
)]

use std::path::Path;

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
usage: cargo codegen vendor v1.37.0     download a release's Go modules, write openapi/v1.37/
       cargo codegen check              facts match their checksums, tables can be made of them
       cargo codegen report             one line per resource
       cargo codegen new KIND NAME      KIND is controller, admission, resource or fault";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("no workspace folder")?;
    match arguments.as_slice() {
        ["vendor", release] => {
            let version = mockernetes_codegen::version::find(release)
                .with_context(|| format!("add a row for {release} to codegen/src/version.rs"))?;
            mockernetes_codegen::vendor::vendor(version, &root.join("openapi"))
        }
        _ => bail!("{USAGE}"),
    }
}
