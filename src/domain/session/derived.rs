//! A value that is derived from a session and cached with it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// A cached value of any type. A clone begins empty.
pub(super) struct Derived(ArcSwapOption<Arc<dyn Any + Send + Sync>>);

impl Derived {
    pub(super) const fn empty() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// The cached value if it is of type `T` and current; else the result of `derive`, which replaces it.
    pub(super) fn get_or_derive<T: Any + Send + Sync>(
        &self,
        is_current: impl FnOnce(&T) -> bool,
        derive: impl FnOnce() -> Arc<T>,
    ) -> Arc<T> {
        let cached = self.0.load().as_deref().and_then(|cached| Arc::downcast::<T>(Arc::clone(cached)).ok());
        if let Some(value) = cached.filter(|value| is_current(value)) {
            return value;
        }
        let value = derive();
        let erased: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(&value);
        self.0.store(Some(Arc::new(erased)));
        value
    }
}

impl Clone for Derived {
    fn clone(&self) -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_derived_once_for_as_long_as_it_is_current() {
        let derived = Derived::empty();
        let take = |current: u32, next: u32| *derived.get_or_derive(|value| *value == current, || Arc::new(next));
        assert_eq!(take(1, 1), 1);
        assert_eq!(take(1, 9), 1, "the value is cached");
        assert_eq!(take(2, 2), 2, "the settings changed");
        assert_eq!(take(2, 9), 2, "the new value is cached");
        assert_eq!(*derived.get_or_derive(|_: &String| true, || Arc::new("text".to_owned())), "text");
    }
}
