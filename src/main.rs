//! The program: the allocator, and the command line.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// jemalloc reuses the memory of ended sessions sooner than glibc's allocator, and returns more of it to the operating system.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    gatepost::cli::run()
}
