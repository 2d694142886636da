//! The response to a browser: the decision as it is, except that *allow* is never a 2xx.

use http::StatusCode;

use crate::domain::decision::Verdict;
use crate::inbound::connections::Answer;
use crate::inbound::http_response::{self, PageKind, Recipient};

/// A denial is never sent with a status below 400.
const BROWSER: Recipient = Recipient {
    status: |said, status| {
        let least = match said {
            PageKind::Page => StatusCode::OK,
            PageKind::Denial => StatusCode::BAD_REQUEST,
        };
        (status >= least).then_some(status)
    },
    passes_on: true,
};

/// Renders the response to a browser. Applications are not served here, so an allow is a 404.
pub(super) fn render(verdict: Verdict) -> Answer {
    http_response::render(verdict, &BROWSER, |_| Err(StatusCode::NOT_FOUND))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::RETRY_AFTER;

    use super::*;
    use crate::domain::decision::{COMMON_HEADERS, Page, Redirect};
    use crate::inbound::connections::empty;

    fn page(status: u16) -> Page {
        Page {
            headers: vec![(RETRY_AFTER, HeaderValue::from_static("5"))],
            content_type: "text/html; charset=utf-8",
            body: "<p>".into(),
            cookies: vec!["a=1".to_owned(), "b=2".to_owned()],
            ..Page::empty(StatusCode::from_u16(status).expect("is a status"))
        }
    }

    fn redirect(location: &str) -> Verdict {
        let status = StatusCode::FOUND;
        Verdict::Redirect(Redirect { status, location: location.into(), cookies: vec!["a=1".into()] })
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
            empty(StatusCode::NO_CONTENT, &COMMON_HEADERS),
        ];
        for answer in answers {
            for (name, value) in &COMMON_HEADERS {
                assert_eq!(answer.headers()[name], value, "{answer:?}");
            }
        }
    }

    #[test]
    fn gn_7_what_cannot_be_sent_is_no_success() {
        for verdict in [redirect("https://a.example/\nx"), Verdict::Deny(page(200)), Verdict::Page(page(100))] {
            let answer = render(verdict);
            assert_eq!(answer.status(), 500);
            assert!(!answer.headers().contains_key("set-cookie"));
        }
    }
}
