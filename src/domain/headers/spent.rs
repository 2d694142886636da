//! The credential that vouched for a request: it has done its work, and the application could only misuse it.

use std::borrow::Cow;

use crate::domain::application::Application;
use crate::domain::decision::Allow;
use crate::domain::identity::Identity;
use crate::domain::request::RequestHead;

const NAME: &str = "authorization";

/// Takes a used credential from the request, unless the application is to see it or gets an `authorization` of ours. One
/// that was not used stays as it came.
pub(super) fn cut(allow: &mut Allow, identity: &Identity, application: &Application, head: &RequestHead) {
    let used = matches!(identity, Identity::Credential(_));
    let replaced = || allow.set().any(|(name, _)| name == NAME);
    if used && !application.credentials.pass_on(&head.headers) && !replaced() {
        allow.remove.push(Cow::Borrowed(NAME));
    }
}
