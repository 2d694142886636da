//! Which other sign-in would let a user pass: the requirements of the rules that hold apart from `acr` and `max_age`.

use super::AccessRules;
use super::authentication::AuthenticationRequirement;
use super::rule::Compared;
use crate::domain::http::RequestHead;
use crate::domain::oidc::claims::Claims;

/// Some of the requirements of an application's rules, one bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequirementSet(u64);

impl RequirementSet {
    /// As many different requirements the rules of an application may have.
    pub const MOST: usize = 64;

    /// The set with these bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    const fn with(self, index: usize) -> Self {
        if index < Self::MOST { Self(self.0 | 1 << index) } else { self }
    }

    const fn contains(self, index: usize) -> bool {
        index < Self::MOST && self.0 & 1 << index != 0
    }
}

impl AccessRules {
    /// Whether a rule asks how or when the user signed in.
    #[must_use]
    pub fn ask_for_sign_ins(&self) -> bool {
        self.different_sign_ins() > 0
    }

    /// How many different sign-ins the rules ask for; of more than [`RequirementSet::MOST`] the last are never asked for.
    #[must_use]
    pub fn different_sign_ins(&self) -> usize {
        self.0.as_ref().map_or(0, |compiled| compiled.requirements.len())
    }

    /// The requirements of the rules that would allow a user of the provider with these claims, were it not for the sign-in.
    #[must_use]
    pub fn sign_ins_asked(&self, claims: &Claims, head: &RequestHead, compared: Compared) -> RequirementSet {
        let Some(compiled) = &self.0 else { return RequirementSet::default() };
        let Ok(applicable) = compiled.applicable(&head.target) else { return RequirementSet::default() };
        let asks =
            applicable.filter(|rule| rule.rule.issuers.is_empty() && rule.fits_without_sign_in(claims, head, compared));
        let index = |requirement: &AuthenticationRequirement| {
            compiled.requirements.iter().position(|known| known == requirement)
        };
        let indexes = asks.filter_map(|asking| index(asking.rule.authentication.as_ref()?));
        indexes.fold(RequirementSet::default(), RequirementSet::with)
    }

    /// One sign-in for all requirements of a set: any of their `acr`, not older than the shortest `max_age`. `None` when the set
    /// holds no requirement of these rules.
    #[must_use]
    pub fn requirement(&self, set: RequirementSet) -> Option<AuthenticationRequirement> {
        let known = self.0.iter().flat_map(|compiled| compiled.requirements.iter().enumerate());
        let of_set = known.filter(|(index, _)| set.contains(*index)).map(|(_, requirement)| requirement);
        of_set.cloned().reduce(|mut all, next| {
            let more: Vec<String> = next.acr.into_iter().filter(|acr| !all.acr.contains(acr)).collect();
            all.acr.extend(more);
            all.max_age = all.max_age.into_iter().chain(next.max_age).min();
            all
        })
    }
}
