//! Converts a decision to an HTTP response. Total: every decision becomes exactly one response, for all protocols over HTTP. They
//! differ only in their [`Recipient`].

use http::header::{CONTENT_TYPE, HeaderValue, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};

use super::connections::{Answer, empty, refusal};
use crate::domain::decision::{Allow, COMMON_HEADERS, Page, Redirect, Verdict};

/// The kind of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// The page that was requested.
    Page,
    /// A page that refuses the request.
    Denial,
}

/// The reader of a response, and how it treats responses.
pub struct Recipient {
    /// The status to send instead of that of a page or a denial; `None` where the page must not be sent.
    pub status: fn(PageKind, StatusCode) -> Option<StatusCode>,
    /// Whether redirects, bodies and cookies reach the browser.
    pub passes_on: bool,
}

/// The response for `reader`. `allow` returns the headers of an allow, or the status of a refusal where an allow must not be
/// sent. A verdict that cannot be sent becomes a bare 500.
pub fn render(
    verdict: Verdict,
    reader: &Recipient,
    allow: impl FnOnce(&Allow) -> Result<HeaderMap, StatusCode>,
) -> Answer {
    let rendered = match verdict {
        Verdict::Allow(allowed) => match allow(&allowed) {
            Ok(headers) => Some(let_pass(headers)),
            Err(status) => Some(refusal(status, &COMMON_HEADERS)),
        },
        Verdict::Redirect(redirect) => moved(redirect, reader),
        Verdict::Page(page) => shown(PageKind::Page, page, reader),
        Verdict::Deny(page) => shown(PageKind::Denial, page, reader),
    };
    rendered.unwrap_or_else(|| refusal(StatusCode::INTERNAL_SERVER_ERROR, &COMMON_HEADERS))
}

fn let_pass(headers: HeaderMap) -> Answer {
    let mut answer = empty(StatusCode::OK, &COMMON_HEADERS);
    answer.headers_mut().extend(headers);
    answer
}

/// A recipient that does not pass redirects on receives 401.
fn moved(redirect: Redirect, reader: &Recipient) -> Option<Answer> {
    if !reader.passes_on {
        return Some(empty(StatusCode::UNAUTHORIZED, &COMMON_HEADERS));
    }
    let mut answer = empty(Some(redirect.status).filter(StatusCode::is_redirection)?, &COMMON_HEADERS);
    answer.headers_mut().insert(LOCATION, HeaderValue::try_from(redirect.location).ok()?);
    set_cookies(answer.headers_mut(), redirect.cookies)?;
    Some(answer)
}

fn shown(said: PageKind, page: Page, reader: &Recipient) -> Option<Answer> {
    let mut answer = Answer::default();
    *answer.status_mut() = (reader.status)(said, page.status)?;
    let headers = answer.headers_mut();
    headers.extend(page.common_headers().cloned());
    for (name, value) in page.headers {
        headers.append(name, value);
    }
    if reader.passes_on {
        if !page.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
        }
        set_cookies(headers, page.cookies)?;
        *answer.body_mut() = page.body.into();
    }
    Some(answer)
}

/// Appends every cookie.
fn set_cookies(headers: &mut HeaderMap, cookies: Vec<String>) -> Option<()> {
    cookies.into_iter().try_for_each(|cookie| {
        headers.append(SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
        Some(())
    })
}
