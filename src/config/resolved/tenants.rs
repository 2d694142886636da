//! The tenants of a provider with one issuer for each of them.

use crate::config::raw::Application;
use crate::config::reader::{Reader, Setting, Spanned};
use crate::domain::oidc::issuer::TENANT;

/// Names that Microsoft Entra uses in addresses for several tenants; no token names one of them.
const NO_TENANTS: [&str; 3] = ["common", "organizations", "consumers"];

/// The tenants whose users may sign in; none where the provider has a single issuer. On `None` diagnostics have been recorded.
pub(super) fn allowed_tenants(written: &Application, reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let issuer = written.issuer.given();
    let occurrences = issuer.map_or(0, |issuer| issuer.value.matches(TENANT).count());
    match (&written.allowed_tenants, issuer) {
        (Setting::Faulty, _) => None,
        (Setting::Absent, Some(issuer)) if occurrences > 0 => {
            let problem = "without `allowed_tenants`, users of every tenant could sign in";
            reader.fault(&issuer.location, problem, "list the tenants in `allowed_tenants`, as `tid` names them");
            None
        }
        (Setting::Absent, _) => Some(Vec::new()),
        (Setting::Given(list), Some(_)) if occurrences == 0 => {
            let problem = "it has no effect, because `issuer` is that of one tenant";
            reader.fault(&list.location, problem, "remove it, or write {tenantid} in `issuer`");
            None
        }
        (Setting::Given(_), Some(issuer)) if occurrences > 1 => {
            reader.fault(
                &issuer.location,
                "{tenantid} occurs twice",
                "copy `issuer` from the provider's discovery document",
            );
            None
        }
        (Setting::Given(_), Some(issuer)) if !is_segment(&issuer.value) => {
            let problem = "{tenantid} is not a segment of the path";
            reader.fault(&issuer.location, problem, "copy `issuer` from the provider's discovery document");
            None
        }
        (Setting::Given(list), _) if list.value.is_empty() => {
            reader.fault(&list.location, "the list has no items", "add a tenant");
            None
        }
        (Setting::Given(list), _) => {
            let tenants = list.value.iter().map(|tenant| self::tenant(tenant, reader));
            tenants.collect::<Vec<_>>().into_iter().collect()
        }
    }
}

/// Elsewhere, for example in the host, a tenant would lead to other servers.
fn is_segment(issuer: &str) -> bool {
    let path = issuer.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    path.is_some_and(|(_, path)| path.split('/').any(|segment| segment == TENANT))
}

/// An identifier that keeps its meaning inside a path.
fn tenant(written: &Spanned<String>, reader: &mut Reader<'_>) -> Option<String> {
    let Spanned { location, value } = written;
    let is_plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let (problem, help) = if NO_TENANTS.contains(&value.as_str()) {
        ("it stands for several tenants, and no token names it", "list each tenant by its identifier")
    } else if !is_plain {
        (
            "it is not the identifier of a tenant",
            "write it as `tid` names it, like 72f988bf-86f1-41af-91ab-2d7cd011db47",
        )
    } else {
        return Some(value.clone());
    };
    reader.fault(location, problem, help);
    None
}
