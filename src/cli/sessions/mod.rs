//! `gatepost sessions`: lists and ends sessions of a running Gatepost, over its admin port. It handles no session ids and no
//! tokens: the protocol does not send any.

mod address;
mod arguments;
mod connection;
mod fault;
mod plain;
mod table;
mod target;
mod tls;

use std::io::{self, Write};

use tokio::runtime;
use tonic::transport::Channel;

use crate::admin_api::sessions_client::SessionsClient;
use crate::admin_api::{EndRequest, EndUserRequest, ListRequest, Session, end_user_request};
use crate::domain::time::Timestamp;
use connection::connect;
use plain::plain;
use table::Table;

pub use address::{AdminAddress, BadAdminAddress};
pub use arguments::{EndArgs, ListArgs, TlsFiles};
pub use fault::Fault;
pub use target::Target;

/// Prints the sessions that match every condition: as a table with ages at `now`, or as JSON with absolute times.
///
/// # Errors
/// See [`Fault`].
pub fn list(reach: &Target, args: ListArgs, now: Timestamp, out: &mut dyn Write) -> Result<(), Fault> {
    let ListArgs { user, app, issuer, older_than, idle_for, json } = args;
    let request = ListRequest {
        user,
        issuer,
        application: app,
        older_than: older_than.map(|span| span.as_secs()),
        idle_for: idle_for.map(|span| span.as_secs()),
    };
    let printed = in_runtime(async {
        let mut client = client(reach).await?;
        let answer = client.list(request).await.map_err(|status| Fault::of(&status, reach))?;
        let mut sessions = answer.into_inner();
        let mut table = (!json).then(|| Table::new(now));
        while let Some(session) = sessions.message().await.map_err(|status| Fault::of(&status, reach))? {
            match &mut table {
                Some(table) => table.add(&session, out)?,
                None => writeln!(out, "{}", table::as_json(&session))?,
            }
        }
        if let Some(table) = table {
            table.finish(out)?;
        }
        Ok(out.flush()?)
    });
    match printed {
        // A reader that closes the pipe early is not an error.
        Err(Fault::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Ends the sessions that the arguments name, and prints them.
///
/// # Errors
/// See [`Fault`].
pub fn end(reach: &Target, args: EndArgs, out: &mut dyn Write) -> Result<(), Fault> {
    let EndArgs { handles, user, subject, issuer } = args;
    let selector =
        user.map(end_user_request::Selector::User).or_else(|| subject.map(end_user_request::Selector::Subject));
    in_runtime(async {
        let mut client = client(reach).await?;
        match selector {
            Some(selector) => {
                end_user(&mut client, reach, EndUserRequest { selector: Some(selector), issuer }, out).await
            }
            None => end_each(&mut client, reach, handles, out).await,
        }
    })
}

/// A handle without a session does not keep the others from being ended.
async fn end_each(
    client: &mut SessionsClient<Channel>,
    reach: &Target,
    handles: Vec<String>,
    out: &mut dyn Write,
) -> Result<(), Fault> {
    let mut faults = Vec::new();
    for handle in handles {
        match client.end(EndRequest { handle: handle.clone() }).await {
            Ok(ended) => tell(&ended.into_inner().session.unwrap_or_default(), out)?,
            Err(status) => {
                faults.push(Fault::of_handle(&handle, &status, reach));
                // Without a connection the other calls would fail in the same way.
                if matches!(faults.last(), Some(Fault::Broken { .. })) {
                    break;
                }
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Fault::Several(faults)) }
}

fn tell(session: &Session, out: &mut dyn Write) -> io::Result<()> {
    let user = session.user.as_ref().map_or("", |user| &user.name);
    writeln!(out, "ended the session of {} at {}", plain(user), plain(&session.application))
}

async fn end_user(
    client: &mut SessionsClient<Channel>,
    reach: &Target,
    request: EndUserRequest,
    out: &mut dyn Write,
) -> Result<(), Fault> {
    let answer = client.end_user(request).await.map_err(|status| Fault::of(&status, reach))?.into_inner();
    match answer.users.as_slice() {
        [] => Err(Fault::NoSuchUser),
        [user] => {
            let sessions = if answer.ended == 1 { "session" } else { "sessions" };
            let (name, subject, issuer) = (plain(&user.name), plain(&user.subject), plain(&user.issuer));
            Ok(writeln!(out, "ended {} {sessions} of {name} (subject {subject}, issuer {issuer})", answer.ended)?)
        }
        _ => Err(Fault::Ambiguous(answer.users)),
    }
}

async fn client(reach: &Target) -> Result<SessionsClient<Channel>, Fault> {
    Ok(SessionsClient::new(connect(reach).await?))
}

fn in_runtime<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::System)?;
    runtime.block_on(work)
}
