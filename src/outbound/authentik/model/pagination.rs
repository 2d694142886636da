//! One page of a list.

use serde::Deserialize;
use serde_json::Value;

use super::fields::{whole, whole_or_zero};

/// One page of a list, whose items are not read yet: one that is wrong must not take the others with it.
#[derive(Deserialize)]
pub(in crate::outbound::authentik) struct Page {
    pub(in crate::outbound::authentik) pagination: Pagination,
    pub(in crate::outbound::authentik) results: Vec<Value>,
}

#[derive(Deserialize)]
pub(in crate::outbound::authentik) struct Pagination {
    /// The number of the next page; 0 on the last one.
    #[serde(deserialize_with = "whole")]
    pub(in crate::outbound::authentik) next: i64,
    /// The number of items on all pages; 0 from servers that do not say it.
    #[serde(default, deserialize_with = "whole_or_zero")]
    pub(in crate::outbound::authentik) count: i64,
}
