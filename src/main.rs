//! The `sandgate` binary: parse, run, exit code.

use std::process::ExitCode;

/// A request allocates and frees some hundred small pieces; this allocator is a fifth quicker at it
/// than the system's. The library leaves the choice to its host.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sandgate::cli::run()
}
