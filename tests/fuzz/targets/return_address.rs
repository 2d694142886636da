//! Any return address, for each application of the harness.

use gatepost::domain::application::return_address::ReturnAddress;
use url::Url;

use super::oracle::is_ours;
use super::test_outpost::applications;

/// Validates it; an accepted address has to be ours according to a second parser, and stay unchanged.
pub fn run(input: &[u8]) {
    let raw = String::from_utf8_lossy(input);
    for application in applications() {
        let base = Url::parse(&application.external.join("/orig?x=1")).expect("is a URL");
        let Ok(accepted) = ReturnAddress::check(&raw, &application, &base) else { continue };
        let address = accepted.as_str();
        assert!(is_ours(address), "{raw:?} became {address}");
        assert!(address.starts_with(application.external.scheme().as_str()), "{address}");
        assert!(address.len() <= 3 * raw.len() + 64, "bounded: {address}");
        let below = address.splitn(4, '/').nth(3).unwrap_or_default();
        assert!(!below.starts_with(['/', '\\']), "a path that reads as a host: {address}");
        assert_eq!(ReturnAddress::check(address, &application, &base), Ok(accepted.clone()), "{raw:?}");
    }
}
