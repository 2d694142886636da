//! Identity headers: what the application receives about the user, and which client headers never reach it.

mod additional;
mod assertion;
mod basic;
mod budget;
#[cfg(test)]
mod cost;
mod name;
mod plan;
mod sets;
mod source;
mod unnamed;
mod value;

pub use additional::{AdditionalHeaders, Dropped};
pub use assertion::{Assertion, REGISTERED_CLAIMS, Signer};
pub use basic::BasicAuth;
pub use budget::{Budget, OverBudget};
pub use name::{HeaderName, NameFault};
pub use plan::{HeaderPlan, HeaderSettings, OwnHeader, OwnValue};
pub use sets::HeaderSet;
pub use source::{ApplicationFacts, Facts, OutpostFacts, TokenKind, UserFacts};
pub use unnamed::{NoName, Unnamed};
pub use value::{BadSeparator, Separator, is_legal};
pub use values::IdentityHeaders;

/// Previews the headers of each request of a user: whether they fit, and what is left out.
#[must_use]
pub fn preview(plan: &HeaderPlan, facts: &Facts<'_>) -> HeaderPreview {
    let mut dropped = Vec::new();
    let headers = plan.headers_of(facts, &mut |name, why| dropped.push((name.to_owned(), why)));
    let unnamed = plan.unnamed(facts);
    let mut all = headers.planned;
    all.extend(headers.additional);
    HeaderPreview { dropped, unnamed, fits: plan.budget.check(&all) }
}

/// Findings about the headers of a user, for the operator.
#[derive(Debug)]
pub struct HeaderPreview {
    /// Headers that the claims contain but that are not set, and why.
    pub dropped: Vec<(String, Dropped)>,
    /// Headers with the user's name that are not set.
    pub unnamed: Vec<Unnamed>,
    /// Whether the headers that are set fit into the budget.
    pub fits: Result<(), OverBudget>,
}

mod reserved_names;
#[cfg(test)]
mod tests;
mod values;
