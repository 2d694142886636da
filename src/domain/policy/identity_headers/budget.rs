//! The limit on the size of identity headers: what Envoy and the application accept.

use thiserror::Error;

use crate::domain::http::Header;

/// The limit on all headers that are set on one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Total bytes of names and values.
    pub max_bytes: usize,
    /// Number of headers.
    pub max_count: usize,
}

impl Default for Budget {
    /// Half of what Envoy accepts after changes (60 KiB, 100 headers), which leaves the other half to the browser.
    fn default() -> Self {
        Self { max_bytes: 32 * 1024, max_count: 60 }
    }
}

/// The headers of a user exceed the budget.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{count} identity headers of {bytes} bytes, the largest `{largest}` with {largest_bytes}")]
pub struct OverBudget {
    /// The number of headers.
    pub count: usize,
    /// Bytes of their names and values.
    pub bytes: usize,
    /// The name of the largest header.
    pub largest: String,
    /// Bytes of the largest header's name and value.
    pub largest_bytes: usize,
}

impl Budget {
    /// Checks whether these headers fit.
    pub(super) fn check(&self, headers: &[Header]) -> Result<(), OverBudget> {
        let size = |(name, value): &Header| name.as_str().len() + value.len();
        let (bytes, count) = (headers.iter().map(size).sum(), headers.len());
        if bytes <= self.max_bytes && count <= self.max_count {
            return Ok(());
        }
        let largest = headers.iter().max_by_key(|header| size(header));
        let (name, largest_bytes) = largest.map(|header| (header.0.to_string(), size(header))).unwrap_or_default();
        Err(OverBudget { count, bytes, largest: name, largest_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use http::{HeaderName, HeaderValue};

    #[test]
    fn bytes_and_number_count() {
        let headers = [("a", "12"), ("bc", "345")]
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let over = OverBudget { count: 2, bytes: 8, largest: "bc".into(), largest_bytes: 5 };
        assert_eq!(Budget { max_bytes: 8, max_count: 2 }.check(&headers), Ok(()));
        assert_eq!(Budget { max_bytes: 7, max_count: 2 }.check(&headers).as_ref(), Err(&over));
        assert_eq!(Budget { max_bytes: 8, max_count: 1 }.check(&headers), Err(over));
    }
}
