//! Claims about a user, as the identity provider issued them (`OpenID` Connect Core section 5).

mod groups;
mod path;

use serde_json::{Map, Value};

use super::json;

pub use groups::GroupsClaim;
pub use path::{ClaimPath, ClaimPathFault};

/// Pairs of claims of which the second qualifies the first (`OpenID` Connect Core section 5.1). A pair is taken from
/// one source only: the mail address of one source and the verification flag of another would be a statement that no
/// source made. `address` is one claim.
const QUALIFIED: [(&str, &str); 2] = [("email", "email_verified"), ("phone_number", "phone_number_verified")];

/// A set of claims: a JSON object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Claims from a JSON object.
    #[must_use]
    pub const fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// The value of the claim `name`, of any type.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value of the claim `name`; `None` if it is `null` or an empty text, which counts as absent.
    #[must_use]
    pub fn present(&self, name: &str) -> Option<&Value> {
        json::optional(&self.0, name)
    }

    /// The claim `name` if it is a non-empty text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// The texts of the claim `name` if it is a list; other items of the list are left out.
    pub fn texts<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The claims except this one.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// Adds those claims of `others` that are missing here; a claim and its qualifier are taken together. If one source
    /// reports an address as unverified, that report is preserved where no other source qualifies the address: it can
    /// only remove rights.
    #[must_use]
    pub fn completed_by(mut self, mut others: Self) -> Self {
        let denials =
            QUALIFIED.map(|(claim, qualifier)| [self.denial(claim, qualifier), others.denial(claim, qualifier)]);
        for (claim, qualifier) in QUALIFIED {
            if self.yields(&others, claim, qualifier) {
                self.0.remove(claim);
                self.0.remove(qualifier);
            } else if self.present(claim).is_some() || self.present(qualifier).is_some() {
                others.0.remove(claim);
                others.0.remove(qualifier);
            }
        }
        for (name, value) in others.0 {
            let is_missing = self.0.get(&name).is_none_or(json::is_absent);
            if is_missing && !json::is_absent(&value) {
                self.0.insert(name, value);
            }
        }
        for ((claim, qualifier), denials) in QUALIFIED.into_iter().zip(denials) {
            let is_about = |of: &Value| of.is_null() || Some(of) == self.present(claim);
            let is_denied = denials.iter().flatten().any(is_about);
            let says_more = self.present(claim).is_some() && self.present(qualifier).is_some();
            if is_denied && !says_more && self.denial(claim, qualifier).is_none() {
                self.0.insert(qualifier.to_owned(), Value::Bool(false));
            }
        }
        self
    }

    /// The claim that `qualifier` negates; `null` if the claim is missing here. Some providers send the boolean as a
    /// text.
    fn denial(&self, claim: &str, qualifier: &str) -> Option<Value> {
        let said = self.present(qualifier)?;
        (*said == false || said == "false").then(|| self.present(claim).cloned().unwrap_or_default())
    }

    /// Whether the pair of `others` replaces the one here: if the claim is missing here, or has the same value without
    /// its qualifier.
    fn yields(&self, others: &Self, claim: &str, qualifier: &str) -> bool {
        let Some(theirs) = others.present(claim) else { return false };
        match self.present(claim) {
            None => true,
            Some(ours) => ours == theirs && self.present(qualifier).is_none(),
        }
    }

    /// The claims as a JSON object.
    #[must_use]
    pub const fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }
}

#[cfg(test)]
mod tests;
