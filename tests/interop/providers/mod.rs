//! The table of providers: one row for each product, one column for each capability.
//!
//! Gatepost runs behind the real Envoy, the product beside it, on loopback. A column has one function for every product
//! (`columns.rs`); what a product needs for it stands in the module of the product.

mod canaille;
mod columns;
mod form;
mod forwarder;
mod glewlwyd;
mod hydra;
mod hydra_login;
mod keycloak;
mod lemonldap;
mod oidc_provider;
mod stage;

use std::future::Future;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use url::Url;

use crate::options::Options;
use crate::support::browser::{Browser, Page};
use crate::support::tools;
use crate::table::{Cell, Row, Table};
use columns::Column;

/// The name of the one user, and the password with which products register the user.
const USER: &str = "alice";
const PASSWORD: &str = "Open-sesame-42";

/// How long access tokens last in the column about refreshes, in seconds.
const TOKEN_SECONDS: u64 = 10;

/// An OpenID Provider that others wrote, running, with the user alice, who is in the groups admins and staff.
pub(crate) trait Provider: Send + Sync + Sized + 'static {
    const NAME: &'static str;

    /// Why this product has no such capability, if it has none.
    fn lacks(column: Column) -> Option<&'static str>;

    /// What this product does not do of that which the column is about, where the rest can be tried.
    fn excepts(_column: Column) -> Option<&'static str> {
        None
    }

    /// Starts it without clients, with its files in this folder.
    fn start(folder: &Path) -> impl Future<Output = Self>;

    /// The version that is installed.
    fn version() -> String;

    fn issuer(&self) -> String;

    /// Further lines of an entry of `applications` for this column.
    fn settings(&self, _column: Column) -> String {
        String::new()
    }

    fn scopes(_column: Column) -> &'static str {
        "openid, profile, email, groups"
    }

    /// The context class that it gives for a second step; for the column about step-up.
    const ACR: &'static str = "mfa";

    /// Adds a client with these metadata (OpenID Connect Dynamic Client Registration section 2).
    fn register(&self, client: &Value) -> impl Future<Output = ()>;

    /// Signs alice in at the page to which this authorization request leads, and returns the answer that sends the browser back:
    /// a redirect, or the page with the form.
    fn sign_in(&self, browser: &Browser, authorization: &Url) -> impl Future<Output = Page> {
        form::sign_in(browser, authorization)
    }

    /// Does what the user does at the page to which RP-initiated logout leads.
    fn confirm_sign_out(&self, browser: &Browser, page: Page) -> impl Future<Output = Page> {
        form::confirm(browser, page)
    }

    /// Ends the user's session at the product itself, without Gatepost, and returns the last page.
    fn end_session(&self, browser: &Browser) -> impl Future<Output = Page>;

    /// The address of the frame that this page, the result of `end_session`, shows to tell Gatepost.
    fn frame(&self, page: &Page) -> String {
        form::frame(page)
    }

    /// How the frame's site relates to the application's (Fetch Metadata). A frame that names no session needs Gatepost's cookie,
    /// which browsers send on the application's own site only.
    const FRAME_SITE: &'static str = "cross-site";

    /// Signs with a new key from now on; the earlier one may stay published.
    fn rotate_keys(&self) -> impl Future<Output = ()>;

    /// Stops it and starts it again, on the same port and files.
    fn restart(&self) -> impl Future<Output = ()>;
}

/// The rows that run.
pub(crate) async fn table(options: &Options) -> Table {
    let mut rows = Vec::new();
    add::<oidc_provider::OidcProvider>(&mut rows, options).await;
    add::<keycloak::Keycloak>(&mut rows, options).await;
    add::<hydra::Hydra>(&mut rows, options).await;
    add::<glewlwyd::OfDebian>(&mut rows, options).await;
    add::<canaille::Canaille>(&mut rows, options).await;
    add::<lemonldap::LemonLdap>(&mut rows, options).await;
    Table { name: "providers", corner: "provider", columns: Column::NAMES, rows }
}

async fn add<P: Provider>(rows: &mut Vec<Row>, options: &Options) {
    if !options.runs_row(P::NAME) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let runtime = tokio::runtime::Handle::current();
    let started = tokio::task::spawn_blocking(move || Arc::new(runtime.block_on(P::start(&path)))).await;
    let mut cells = Vec::new();
    for column in Column::ALL {
        let cell = match (P::lacks(column), &started) {
            (Some(reason), _) => Cell::NotApplicable(reason),
            (None, Ok(provider)) => {
                let provider = Arc::clone(provider);
                Cell::of(on_a_thread_of_its_own(move || columns::check(provider, column)))
                    .await
                    .except(P::excepts(column))
            }
            (None, Err(_)) => Cell::Fails("it does not start: see above".to_owned()),
        };
        println!("{}, {}: {cell:?}", P::NAME, column.name());
        cells.push(cell);
    }
    rows.push(Row { program: P::NAME.to_owned(), version: P::version(), cells });
}

/// The version of a program that `tests/interop/install` built from a Go module.
fn go_version(program: &str) -> String {
    let stamp = tools::fetched(&format!("interop/bin/.{program}.installed"));
    let stamp = std::fs::read_to_string(stamp).expect("what was installed");
    stamp.rsplit_once("@v").expect("a version").1.trim().to_owned()
}

/// The version of an installed Debian package, without what Debian adds to it.
fn debian_version(package: &str) -> String {
    let query = Command::new("dpkg-query").args(["--show", "--showformat=${Version}", package]).output();
    let version = String::from_utf8(query.expect("dpkg-query").stdout).expect("text");
    version.split(['-', '+']).next().unwrap_or_default().to_owned()
}

/// Runs a check that may not change threads, and passes its panic on.
async fn on_a_thread_of_its_own<F: Future<Output = ()>>(check: impl FnOnce() -> F + Send + 'static) {
    let runtime = tokio::runtime::Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(check())).await;
    if let Err(fault) = done {
        std::panic::resume_unwind(fault.into_panic());
    }
}
