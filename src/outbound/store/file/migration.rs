//! Files of earlier formats, brought up to the present one at the first start: in one transaction, so that a start that is
//! cut short leaves the file as it was.

use super::tables::{Rests, Tables};
use crate::outbound::store::vault::Vault;

/// From format 1, which knew nothing of renewals and of the provider's sessions. Both stand in the sealed records; one that
/// does not open is nobody's session and rests on nothing. How many sessions there are.
pub(super) fn from_first_format(tables: &mut Tables<'_>, vault: &Vault) -> Result<u64, redb::Error> {
    tables.complete(|key, sealed| {
        let session = vault.open(key, sealed).ok()?;
        Some(Rests {
            generation: session.record().generation,
            provider_session: session.provider_session().map(|session| vault.mark_provider_session(&session)),
        })
    })
}
