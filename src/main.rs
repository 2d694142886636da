//! Command line to exit code.

fn main() {}
