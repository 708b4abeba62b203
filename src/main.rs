//! The `sandgate` binary: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    sandgate::cli::run()
}
