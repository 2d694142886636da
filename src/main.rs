//! The program: the allocator, and the command line.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// With glibc's, the memory of sessions that went is found again slowly, and little of it is given back.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    gatepost::cli::run()
}
