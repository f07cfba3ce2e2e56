//! The `mockernetes` command.

use std::process::ExitCode;

/// A server makes and drops many small objects on several threads; the system's allocator is slower
/// at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mockernetes::cli::run()
}
