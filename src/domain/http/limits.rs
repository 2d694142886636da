//! The limits on the size of a request.

use super::RequestHead;

/// The limits on the head of a request, whatever its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Bytes of path and query.
    pub target_bytes: usize,
    /// Header lines.
    pub header_lines: usize,
}

/// The limit that a request exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// Path and query are too long.
    Target {
        /// The actual number of bytes.
        bytes: usize,
        /// The permitted number of bytes.
        most: usize,
    },
    /// There are more header lines than permitted.
    HeaderLines {
        /// The actual number of lines.
        count: usize,
        /// The permitted number of lines.
        most: usize,
    },
}

impl RequestLimits {
    /// The limit that a request exceeds, if any.
    #[must_use]
    pub fn exceeded_by(self, head: &RequestHead) -> Option<Excess> {
        let (bytes, count) = (head.target.raw().len(), head.headers.len());
        if bytes > self.target_bytes {
            return Some(Excess::Target { bytes, most: self.target_bytes });
        }
        (count > self.header_lines).then_some(Excess::HeaderLines { count, most: self.header_lines })
    }
}

/// By default, Envoy accepts 60 KiB of headers and 100 header lines, and adds some of its own.
impl Default for RequestLimits {
    fn default() -> Self {
        Self { target_bytes: 32 * 1024, header_lines: 1000 }
    }
}
