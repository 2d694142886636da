//! Decision to HTTP, total: whatever was decided becomes exactly one answer, and *allow* never a 2xx.

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http_body_util::Full;
use hyper::body::Bytes;

use crate::domain::decision::{COMMON_HEADERS, Page, Redirect, Verdict};
use crate::inbound::connections::{Answer, empty, refusal};

/// A value that cannot stand in a header. None of ours is one; if it were, nothing of the answer would be sent.
struct Unsendable;

/// What the browser gets to see.
pub(super) fn render(verdict: Verdict) -> Answer {
    let rendered = match verdict {
        Verdict::Allow(_) => return refusal(StatusCode::NOT_FOUND, COMMON_HEADERS),
        Verdict::Redirect(redirect) => render_redirect(redirect),
        Verdict::Page(page) => render_page(page, StatusCode::OK),
        Verdict::Deny(page) => render_page(page, StatusCode::BAD_REQUEST),
    };
    rendered.unwrap_or_else(|Unsendable| refusal(StatusCode::INTERNAL_SERVER_ERROR, COMMON_HEADERS))
}

fn render_redirect(redirect: Redirect) -> Result<Answer, Unsendable> {
    let status = StatusCode::from_u16(redirect.status).ok().filter(StatusCode::is_redirection).ok_or(Unsendable)?;
    let mut answer = empty(status, COMMON_HEADERS);
    answer.headers_mut().insert(LOCATION, value(redirect.location)?);
    add_cookies(&mut answer, redirect.cookies)?;
    Ok(answer)
}

fn render_page(page: Page, least: StatusCode) -> Result<Answer, Unsendable> {
    let status = StatusCode::from_u16(page.status).ok().filter(|status| *status >= least).ok_or(Unsendable)?;
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in page.common_headers() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    for (name, text) in page.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Unsendable)?;
        headers.append(name, value(text)?);
    }
    if !page.body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    }
    *answer.body_mut() = Full::new(Bytes::from(page.body));
    add_cookies(&mut answer, page.cookies)?;
    Ok(answer)
}

fn add_cookies(answer: &mut Answer, cookies: Vec<String>) -> Result<(), Unsendable> {
    for cookie in cookies {
        answer.headers_mut().append(SET_COOKIE, value(cookie)?);
    }
    Ok(())
}

fn value(text: String) -> Result<HeaderValue, Unsendable> {
    HeaderValue::try_from(text).map_err(|_| Unsendable)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn page(status: u16) -> Page {
        let headers = vec![(Cow::Borrowed("retry-after"), "5".to_owned())];
        let cookies = vec!["a=1".to_owned(), "b=2".to_owned()];
        Page {
            status,
            headers,
            content_type: "text/html; charset=utf-8",
            body: "<p>".into(),
            lines: Vec::new(),
            cookies,
            framed: false,
        }
    }

    fn redirect(location: &str) -> Verdict {
        Verdict::Redirect(Redirect { status: 302, location: location.into(), cookies: vec!["a=1".into()] })
    }

    #[test]
    fn a_page_keeps_all_that_was_decided() {
        let answer = render(Verdict::Deny(page(503)));
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "5");
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(answer.headers().get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    }

    #[test]
    fn bcp_9_every_answer_carries_the_common_headers() {
        let answers = [
            render(Verdict::Page(page(200))),
            render(Verdict::Deny(page(401))),
            render(redirect("https://a.example/")),
            render(redirect("https://a.example/\r\nx: y")),
            empty(StatusCode::NO_CONTENT, COMMON_HEADERS),
        ];
        for answer in answers {
            for (name, value) in COMMON_HEADERS {
                assert_eq!(answer.headers()[*name], *value, "{answer:?}");
            }
        }
    }

    #[test]
    fn gn_7_what_cannot_be_sent_is_no_success() {
        for verdict in [redirect("https://a.example/\nx"), Verdict::Deny(page(200)), Verdict::Page(page(7))] {
            let answer = render(verdict);
            assert_eq!(answer.status(), 500);
            assert!(!answer.headers().contains_key("set-cookie"));
        }
    }
}
