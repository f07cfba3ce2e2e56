//! The `mockernetes` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    mockernetes::cli::run()
}
