//! How much may be said about a user: what Envoy and the application take of headers.

use thiserror::Error;

use crate::domain::http::Header;

/// The most that all headers set on one request may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of names and values together.
    pub max_bytes: usize,
    /// Number of headers.
    pub max_count: usize,
}

impl Default for Budget {
    /// Half of what Envoy lets pass after changes (60 KiB, 100 headers), which leaves the browser its half.
    fn default() -> Self {
        Self { max_bytes: 32 * 1024, max_count: 60 }
    }
}

/// The headers of a user do not fit.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{count} identity headers of {bytes} bytes, the largest `{largest}` with {largest_bytes}")]
pub struct OverBudget {
    /// How many there are.
    pub count: usize,
    /// Bytes of their names and values.
    pub bytes: usize,
    /// The name of the largest.
    pub largest: String,
    /// Bytes of its name and value.
    pub largest_bytes: usize,
}

impl Budget {
    /// Whether these headers fit.
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
