//! Where the parameters of an authorization response are: in the query, or in the form of a POST (OAuth 2.0 Form Post
//! Response Mode).

use thiserror::Error;

use crate::domain::application::Application;
use crate::domain::oidc::form;
use crate::outpost::request::{Request, RequestBody};

/// Why a request contains no parameters of an authorization response.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum ResponseUnreadable {
    #[error("the method is not one of: {0}")]
    Method(&'static str),
    #[error("the front proxy did not send the body of the request")]
    NoBody,
    #[error("the body is not a form of at most 64 KiB")]
    NoForm,
}

/// The parameters, form-encoded. Only an application that asks for a form takes one, and then from the body alone: a
/// parameter of the query does not count beside it. A provider that ignores `response_mode` may still redirect.
pub(super) fn response_parameters<'a>(
    request: &'a Request,
    application: &Application,
) -> Result<&'a [u8], ResponseUnreadable> {
    match (request.head.method.as_str(), application.takes_form_posts()) {
        ("GET", _) => Ok(request.head.target.query().unwrap_or_default().as_bytes()),
        ("POST", true) => match &request.body {
            RequestBody::Whole(body) => {
                form::fields(request.head.headers.text("content-type"), body).ok_or(ResponseUnreadable::NoForm)
            }
            RequestBody::Withheld => Err(ResponseUnreadable::NoBody),
            RequestBody::Cut => Err(ResponseUnreadable::NoForm),
        },
        (_, true) => Err(ResponseUnreadable::Method("GET, POST")),
        (_, false) => Err(ResponseUnreadable::Method("GET")),
    }
}
