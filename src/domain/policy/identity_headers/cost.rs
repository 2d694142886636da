//! Counts name comparisons in tests: they bound the cost of a request, and counting needs no clock.

use std::cell::Cell;

thread_local! {
    static COMPARED: Cell<u64> = const { Cell::new(0) };
}

/// Counts one comparison.
pub(super) fn count() {
    COMPARED.with(|compared| compared.set(compared.get() + 1));
}

/// The number of comparisons that `work` makes.
pub(super) fn of<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = COMPARED.with(Cell::get);
    let result = work();
    (result, COMPARED.with(Cell::get) - before)
}
