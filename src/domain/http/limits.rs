//! How large a request may be that is looked at at all.

use super::RequestHead;

/// How large the head of a request may be, whoever asks about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Bytes of path and query.
    pub target_bytes: usize,
    /// Header lines.
    pub header_lines: usize,
}

/// A limit that a request exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// Path and query are too long.
    Target {
        /// How many bytes they have.
        bytes: usize,
        /// How many they may have.
        most: usize,
    },
    /// There are too many header lines.
    HeaderLines {
        /// How many there are.
        count: usize,
        /// How many there may be.
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

/// Envoy takes 60 KiB of headers and 100 lines of them, unless it is told otherwise, and adds some of its own.
impl Default for RequestLimits {
    fn default() -> Self {
        Self { target_bytes: 32 * 1024, header_lines: 1000 }
    }
}
