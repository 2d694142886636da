//! Counts in tests how many names are compared: what a request costs is bounded by that, and no clock has to be asked.

use std::cell::Cell;

thread_local! {
    static COMPARED: Cell<u64> = const { Cell::new(0) };
}

/// Notes one comparison.
pub(super) fn count() {
    COMPARED.with(|compared| compared.set(compared.get() + 1));
}

/// How many names `work` compares.
pub(super) fn of<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = COMPARED.with(Cell::get);
    let result = work();
    (result, COMPARED.with(Cell::get) - before)
}
