//! Pages for one reader: HTML for a person, one line for gRPC, JSON for everything else.

use std::sync::Arc;

use http::StatusCode;
use http::header::{CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, X_FRAME_OPTIONS};

use super::design::Design;
use super::html::{self, Words};
use super::message::{Action, Message};
use super::texts::Text;
use crate::domain::decision::Page;
use crate::domain::http::{ClientKind, Language, Reader};

/// The source list of `frame-ancestors` when no origin may show the page in a frame.
const NONE: &str = "'none'";

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Makes the pages for one reader.
#[derive(Clone, Debug)]
pub struct Pages {
    reader: Reader,
    design: Arc<Design>,
}

impl Pages {
    /// The pages for `reader` in this design.
    #[must_use]
    pub fn new(reader: impl Into<Reader>, design: Arc<Design>) -> Self {
        Self { reader: reader.into(), design }
    }

    /// The kind of client that receives the pages.
    #[must_use]
    pub const fn kind(&self) -> ClientKind {
        self.reader.kind
    }

    pub(super) fn words(&self) -> Words<'_> {
        Words { design: &self.design, language: self.reader.language }
    }

    /// A text that is a value in another one.
    pub(super) fn value(&self, text: Text) -> &str {
        if self.kind().reads_html() { self.words().get(text) } else { text.in_language(Language::English) }
    }

    /// Renders a message for the reader.
    #[must_use]
    pub fn render(&self, message: &Message<'_>) -> Page {
        let words = self.words();
        let (title, text) = (message.title.in_language(Language::English), html::in_english(&message.text));
        match self.kind() {
            ClientKind::Navigation | ClientKind::Html | ClientKind::Frame => {
                // A form in a frame is open to clickjacking, so a page with a form is not shown in one.
                let framed = self.kind() == ClientKind::Frame && !matches!(message.action, Some(Action::Form { .. }));
                let page = self.page(message.status, html::message(words, message, framed));
                let mut page = Page { lines: html::lines(words, message), ..page };
                if framed {
                    self.show_in_frames_of(&mut page, "'self'");
                    // For browsers that do not support the policy's `frame-ancestors`.
                    page.add(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
                }
                page
            }
            ClientKind::Grpc => Page { body: format!("{title}: {text}"), ..Page::empty(message.status) },
            ClientKind::Script | ClientKind::WebSocket | ClientKind::Preflight => {
                let body = serde_json::json!({ "error": title, "message": text, "decision_id": message.id });
                Page { content_type: "application/json", body: body.to_string(), ..Page::empty(message.status) }
            }
        }
    }

    /// A page that only these origins may show in a frame.
    #[must_use]
    pub fn framed(&self, message: &Message<'_>, ancestors: &[String]) -> Page {
        let reader = Reader { kind: ClientKind::Navigation, ..self.reader };
        let mut page = Self::new(reader, Arc::clone(&self.design)).render(message);
        let ancestors = if ancestors.is_empty() { NONE.to_owned() } else { ancestors.join(" ") };
        self.show_in_frames_of(&mut page, &ancestors);
        page
    }

    /// A page with this document, which is not shown in a frame.
    pub(super) fn page(&self, status: StatusCode, document: String) -> Page {
        let mut page = Page { content_type: "text/html; charset=utf-8", body: document, ..Page::empty(status) };
        page.add(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
        page.add(CONTENT_LANGUAGE, HeaderValue::from_static(self.reader.language.tag()));
        page.add(CONTENT_SECURITY_POLICY, format!("{} {NONE}", self.design.policy()));
        page
    }

    fn show_in_frames_of(&self, page: &mut Page, ancestors: &str) {
        page.framed = true;
        page.headers.retain(|(name, _)| *name != CONTENT_SECURITY_POLICY);
        page.add(CONTENT_SECURITY_POLICY, format!("{} {ancestors}", self.design.policy()));
    }
}

#[cfg(test)]
mod tests;
