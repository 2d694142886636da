//! The header changes that every request of one user at one application has, whatever the request: computed once per
//! session.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use http::HeaderName;

use super::name;
use super::reserved_names::ReservedNames;
use crate::domain::http::Header;
use crate::domain::time::Timestamp;

/// The headers that are set on one user's requests; empty without an identity.
#[derive(Default)]
pub(super) struct HeaderValues {
    /// From the plan; each name is owned, or `authorization`.
    pub(super) planned: Vec<Header>,
    /// From this user's claims; no name is owned unless the operator named it.
    pub(super) additional: Vec<Header>,
}

/// The headers of one user, and the names that are removed because they have no value or resemble one of them.
#[derive(Default)]
pub struct IdentityHeaders {
    set: Vec<Header>,
    /// The index in `set` at which the headers from this user's claims begin.
    of_claims: usize,
    /// The names of the plan that made these headers.
    reserved: Arc<ReservedNames>,
    remove: Vec<HeaderName>,
    unset: Range<usize>,
    /// The time at which they have to be made anew, if there is one.
    sent_until: Option<Timestamp>,
    prepared: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl IdentityHeaders {
    /// Sets the headers that have a value and removes the others. Envoy would remove a name that is in both lists.
    pub(super) fn new(headers: HeaderValues, reserved: &Arc<ReservedNames>) -> Self {
        let HeaderValues { planned: mut set, additional } = headers;
        let unknown = additional.iter().filter(|(name, _)| !reserved.covers(name.as_str()));
        let mut remove: Vec<_> = unknown.flat_map(|(name, _)| name::look_alikes(name.as_str())).collect();
        let of_claims = set.len();
        set.extend(additional);
        set.shrink_to_fit();
        let first = remove.len();
        remove.extend(reserved.names().iter().filter(|name| !set.iter().any(|(set, _)| set == *name)).cloned());
        remove.shrink_to_fit();
        let unset = first..remove.len();
        let (reserved, prepared) = (Arc::clone(reserved), OnceLock::new());
        Self { set, of_claims, reserved, remove, unset, sent_until: None, prepared }
    }

    /// With the time at which they have to be made anew.
    pub(super) fn sent_until(self, sent_until: Option<Timestamp>) -> Self {
        Self { sent_until, ..self }
    }

    /// Whether they need not be made anew; without the time, those that depend on it do.
    pub(super) fn may_be_sent(&self, now: Option<Timestamp>) -> bool {
        self.sent_until.is_none_or(|until| now.is_some_and(|now| now < until))
    }

    /// Request headers to set.
    #[must_use]
    pub fn set(&self) -> &[Header] {
        &self.set
    }

    /// Request headers to remove; none of them is also set.
    pub fn remove(&self) -> impl Iterator<Item = &str> {
        self.reserved.look_alikes().iter().chain(&self.remove).map(HeaderName::as_str)
    }

    /// Whether the plan with these names made the headers.
    pub(super) fn is_made_with(&self, reserved: &Arc<ReservedNames>) -> bool {
        Arc::ptr_eq(&self.reserved, reserved)
    }

    /// Whether a header of this name is removed from every request of this user.
    pub(in crate::domain) fn removes(&self, name: &str) -> bool {
        self.remove().any(|removed| name::same(removed, name))
    }

    /// The removed headers that are identity headers of the application without a value.
    #[must_use]
    pub fn unset(&self) -> &[HeaderName] {
        self.remove.get(self.unset.clone()).unwrap_or_default()
    }

    /// A value that a protocol computes from these headers once for all requests of the user; its type is the
    /// protocol's own. `None` if another protocol computed its own first.
    pub fn prepared<T: Any + Send + Sync>(&self, prepare: impl FnOnce(&Self) -> T) -> Option<&T> {
        self.prepared.get_or_init(|| Box::new(prepare(self))).downcast_ref()
    }

    /// Whether a header of this name is set.
    pub(in crate::domain) fn sets(&self, name: &str) -> bool {
        self.set.iter().any(|(set, _)| name::same(set.as_str(), name))
    }

    /// Whether a name, once folded, equals one from the user's claims.
    pub(in crate::domain) fn resembles(&self, name: &str) -> bool {
        let of_claims = self.set.get(self.of_claims..).unwrap_or_default();
        of_claims.iter().any(|(set, _)| name::same_folded(set.as_str(), name))
    }
}

/// Lists names only: values may be tokens and passwords.
impl fmt::Debug for IdentityHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.set.iter().map(|(name, _)| name)).finish()
    }
}
