//! The issuers that an application trusts: one, or one for each of several tenants of a provider, whose metadata names them all by
//! a template (Microsoft Entra: `https://login.microsoftonline.com/{tenantid}/v2.0`).

use serde_json::{Map, Value};

use super::jwt::{TokenFault, check_issuer};
use super::operands::{Operands, Shown};
use super::relying_party::RelyingParty;

/// The part of a template that stands for the tenant.
pub const TENANT: &str = "{tenantid}";

/// The claim that names the tenant.
const CLAIM: &str = "tid";

/// The trusted issuers.
#[derive(Clone, Copy, Debug)]
pub struct TrustedIssuer<'a> {
    /// The identifier, or the template.
    identifier: &'a str,
    /// The allowed tenants; without any, the identifier is compared as it is.
    tenants: &'a [String],
}

impl<'a> TrustedIssuer<'a> {
    /// Checks that `iss` is trusted, byte for byte (OC-2), and returns it. Of several tenants, it must be the issuer of the token's
    /// own tenant: the keys are common to all tenants, so the signature does not tell them apart.
    ///
    /// # Errors
    /// [`TokenFault::Issuer`] or [`TokenFault::Tenant`].
    pub fn check(self, claims: &Map<String, Value>) -> Result<String, TokenFault> {
        if self.tenants.is_empty() {
            check_issuer(claims, self.identifier)?;
            return Ok(self.identifier.to_owned());
        }
        let named = claims.get(CLAIM);
        let tenant = named.and_then(Value::as_str).and_then(|named| self.tenants.iter().find(|it| *it == named));
        let tenant = tenant.ok_or_else(|| {
            TokenFault::Tenant(Operands::new(format_args!(
                "it is {}, `allowed_tenants` are {:?}",
                Shown(named),
                self.tenants
            )))
        })?;
        let issuer = self.of_tenant(tenant);
        check_issuer(claims, &issuer)?;
        Ok(issuer)
    }

    /// Whether this is a trusted issuer.
    #[must_use]
    pub fn includes(self, issuer: &str) -> bool {
        if self.tenants.is_empty() {
            return issuer == self.identifier;
        }
        self.tenants.iter().any(|tenant| self.of_tenant(tenant) == issuer)
    }

    /// The trusted issuer, where it is a single one.
    #[must_use]
    pub fn sole(self) -> Option<&'a str> {
        self.tenants.is_empty().then_some(self.identifier)
    }

    /// All trusted issuers.
    pub fn all(self) -> impl Iterator<Item = String> + 'a {
        let sole = self.tenants.is_empty().then(|| self.identifier.to_owned());
        sole.into_iter().chain(self.tenants.iter().map(move |tenant| self.of_tenant(tenant)))
    }

    fn of_tenant(self, tenant: &str) -> String {
        self.identifier.replace(TENANT, tenant)
    }
}

/// One issuer.
impl<'a> From<&'a str> for TrustedIssuer<'a> {
    fn from(identifier: &'a str) -> Self {
        Self { identifier, tenants: &[] }
    }
}

impl<'a> From<&'a RelyingParty> for TrustedIssuer<'a> {
    fn from(RelyingParty { issuer, allowed_tenants, .. }: &'a RelyingParty) -> Self {
        Self { identifier: issuer, tenants: allowed_tenants }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEMPLATE: &str = "https://login.example/{tenantid}/v2.0";

    fn check(tenants: &[String], claims: Value) -> Result<String, TokenFault> {
        let Value::Object(claims) = claims else { unreachable!("is an object") };
        TrustedIssuer { identifier: TEMPLATE, tenants }.check(&claims)
    }

    #[test]
    fn oc_02_of_several_tenants_the_issuer_is_that_of_the_tokens_own() {
        let tenants = ["one", "two"].map(str::to_owned);
        let tenant = || Err(TokenFault::Tenant(Operands::NONE));
        let issuer = || Err(TokenFault::ISSUER);
        for (claims, expected) in [
            (
                json!({ "iss": "https://login.example/one/v2.0", "tid": "one" }),
                Ok("https://login.example/one/v2.0".to_owned()),
            ),
            (json!({ "iss": "https://login.example/two/v2.0", "tid": "one" }), issuer()),
            (json!({ "iss": "https://login.example/three/v2.0", "tid": "three" }), tenant()),
            (json!({ "iss": "https://login.example/one/v2.0", "tid": "three" }), tenant()),
            (json!({ "iss": "https://login.example/three/v2.0", "tid": "one" }), issuer()),
            (json!({ "iss": TEMPLATE, "tid": "{tenantid}" }), tenant()),
            (json!({ "iss": TEMPLATE, "tid": "one" }), issuer()),
            (json!({ "iss": "https://login.example/one/v2.0" }), tenant()),
            (json!({ "iss": "https://login.example/one/v2.0", "tid": ["one"] }), tenant()),
            (json!({ "iss": "https://login.example/one/v2.0", "tid": "ONE" }), tenant()),
            (json!({ "iss": "https://login.example/one/v2.0/", "tid": "one" }), issuer()),
            (json!({ "tid": "one" }), issuer()),
        ] {
            assert_eq!(check(&tenants, claims.clone()), expected, "{claims}");
        }
    }

    #[test]
    fn a_template_without_tenants_matches_no_tenant() {
        assert!(check(&[], json!({ "iss": "https://login.example/one/v2.0", "tid": "one" })).is_err());
        let tenants = ["one", "two"].map(str::to_owned);
        let trusted = TrustedIssuer { identifier: TEMPLATE, tenants: &tenants };
        assert!(trusted.all().eq(["https://login.example/one/v2.0", "https://login.example/two/v2.0"]));
        for (issuer, expected) in
            [("https://login.example/two/v2.0", true), ("https://login.example/three/v2.0", false), (TEMPLATE, false)]
        {
            assert_eq!(trusted.includes(issuer), expected, "{issuer}");
        }
        assert!(TrustedIssuer::from("https://op.example").includes("https://op.example"));
    }
}
