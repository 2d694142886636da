//! Many users who are already signed in: their sessions are saved through the library, as Gatepost itself saves them.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::try_join_all;
use gatepost::domain::oidc::user::User;
use gatepost::domain::session::{Session, SessionId, SessionRecord};
use gatepost::domain::slug::Slug;
use gatepost::domain::time::Timestamp;
use gatepost::outbound::store::{self, StoreSettings};
use gatepost::ports::{Clock, Entropy, EntropyFault, SessionStore};
use gatepost::server::{Config, Sealing};
use gatepost::testing::{SystemEntropy, session_record};
use secrecy::SecretString;
use serde_json::json;

use crate::machine::now;
use crate::op::CLIENT_ID;

/// Concurrent saves.
const AT_ONCE: usize = 2000;
const TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "Gatepost, which is another process, goes by the system's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }
}

/// The name of the user with this number.
pub(crate) fn user_name(number: usize) -> String {
    format!("user-{number:06}")
}

/// A new sealing key as written in the configuration.
pub(crate) fn sealing_key() -> Result<String, EntropyFault> {
    Ok(STANDARD.encode(random()?))
}

/// Fills the store that `config` names with `count` sessions of this application, and closes it; returns their cookie values, in the order of
/// the users' numbers.
///
/// # Errors
/// Errors of the store.
pub(crate) async fn fill(
    mut config: Config,
    count: usize,
    issuer: &str,
    application: &str,
) -> Result<Arc<[String]>, Box<dyn Error>> {
    let Sealing::Given(keys) = config.sealing else { return Err("no sealing key in the configuration".into()) };
    if let StoreSettings::Redis(settings) = &mut config.store {
        // Many concurrent saves take longer than a Check may.
        settings.command_timeout = TIMEOUT;
    }
    let store =
        store::open(&config.store, keys, config.lifetimes, Arc::new(SystemEntropy), Arc::new(SystemClock))?.store;
    wait_for(store.as_ref()).await?;
    let (now, application) = (SystemClock.now(), Slug::parse(application)?);
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        let from = ids.len();
        let mut saves = Vec::with_capacity(AT_ONCE);
        for number in from..count.min(from + AT_ONCE) {
            let id = SessionId::new(random()?);
            let (key, session) = (id.key(), session(number, issuer, &application, now));
            ids.push(id.to_cookie_value());
            let store = &store;
            saves.push(async move { store.save(&key, session).await });
        }
        try_join_all(saves).await?;
    }
    Ok(ids.into())
}

/// Waits until the store is available.
async fn wait_for(store: &dyn SessionStore) -> Result<(), Box<dyn Error>> {
    let (key, began) = (SessionId::new([0; 32]).key(), now());
    while let Err(fault) = store.load(&key).await {
        if began.elapsed() > TIMEOUT {
            return Err(fault.into());
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Writes the ids, one per line, for the scripts of `wrk`.
pub(crate) fn write_ids(ids: &[String], file: &Path) -> Result<(), Box<dyn Error>> {
    Ok(fs::write(file, ids.join("\n") + "\n")?)
}

fn random() -> Result<[u8; 32], EntropyFault> {
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes)?;
    Ok(bytes)
}

fn session(number: usize, issuer: &str, application: &Slug, now: Timestamp) -> Session {
    let name = user_name(number);
    let claims = json!({
        "sub": name, "preferred_username": name, "name": format!("User {number:06}"),
        "email": format!("{name}@example.com"), "email_verified": true,
        "groups": ["staff", "wiki-editors", "on-call"], "entitlements": ["editor"],
    });
    // As long as an RSA-signed token with these claims.
    let id_token = format!("eyJhbGciOiJSUzI1NiJ9.{}.{}", STANDARD.encode(claims.to_string()), "s".repeat(342));
    Session::restore(SessionRecord {
        user: User { issuer: issuer.to_owned(), subject: name.clone() },
        application: application.clone(),
        client_id: CLIENT_ID.to_owned(),
        id_token: Some(SecretString::from(id_token)),
        ends: now.plus(LIFETIME),
        ..session_record(&name, &claims, now.as_unix())
    })
}
