//! A page as HTML, and the same text without markup.

use std::fmt::Write as _;

use super::design::Design;
use super::message::{Action, Message, Phrase};
use super::texts::{Text, fill};
use crate::domain::http::Language;

/// The words of a page: in a language, with the operator's texts.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) design: &'a Design,
    pub(super) language: Language,
}

impl<'a> Words<'a> {
    pub(super) fn get(self, text: Text) -> &'a str {
        self.design.text(self.language, text)
    }

    pub(super) fn with(self, text: Text, values: &[(&'static str, &str)]) -> String {
        fill(self.get(text), values)
    }

    pub(super) fn phrase(self, phrase: &Phrase<'_>) -> String {
        joined(self.with(phrase.text, phrase.values), phrase.next.map(|next| self.get(next)))
    }
}

/// The phrase as programs read it: in English, whatever the design.
pub(super) fn in_english(phrase: &Phrase<'_>) -> String {
    let english = |text: Text| text.in_language(Language::English);
    joined(fill(english(phrase.text), phrase.values), phrase.next.map(english))
}

fn joined(first: String, next: Option<&str>) -> String {
    match next {
        Some(next) => format!("{first} {next}"),
        None => first,
    }
}

/// A document with this title and heading. `head` and `body` are HTML.
pub(super) fn document(words: Words<'_>, title: &str, head: &str, body: &str) -> String {
    let Words { design, language } = words;
    let (name, logo) = (design.name().map(escape), design.logo().map(escape));
    let logo = logo.map(|logo| format!("<img src=\"{logo}\" alt=\"\">")).unwrap_or_default();
    let brand = match (&name, logo.as_str()) {
        (None, "") => String::new(),
        (name, logo) => format!("<p class=\"brand\">{logo}{}</p>", name.as_deref().unwrap_or_default()),
    };
    let title = escape(title);
    let full_title = name.map_or_else(|| title.clone(), |name| format!("{title} – {name}"));
    let (tag, style) = (language.tag(), design.style());
    format!(
        "<!doctype html><html lang=\"{tag}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\">{head}<title>{full_title}</title><style>{style}</style></head>\
         <body>{brand}<h1>{title}</h1>{body}</body></html>\n"
    )
}

pub(super) fn message(words: Words<'_>, message: &Message<'_>, framed: bool) -> String {
    let text = escape(&words.phrase(&message.text));
    let action = message.action.as_ref().map(|action| action_html(words, action, framed)).unwrap_or_default();
    let id = match message.id {
        "" => String::new(),
        id => format!("<p><small>{}</small></p>", escape(&words.with(Text::Reference, &[("id", id)]))),
    };
    let onward = match &message.action {
        Some(Action::Onward { address, .. }) => {
            format!("<meta http-equiv=\"refresh\" content=\"0; url={}\">", escape(address))
        }
        Some(Action::Again(_) | Action::Link { .. } | Action::Links(_) | Action::Form { .. }) | None => String::new(),
    };
    document(words, words.get(message.title), &onward, &format!("<p>{text}</p>{action}{id}"))
}

/// The text of [`message`], in the same order.
pub(super) fn lines(words: Words<'_>, message: &Message<'_>) -> Vec<String> {
    let action = message.action.as_ref().map(|action| match action {
        Action::Again(address) if address.is_empty() => words.get(Text::TryAgain).to_owned(),
        Action::Again(address) => format!("{address} ← {}", words.get(Text::TryAgain)),
        Action::Link { address, label } | Action::Onward { address, label } => {
            format!("{address} ← {}", words.get(*label))
        }
        Action::Form { address, label, .. } => format!("{address} ← {} (a form)", words.get(*label)),
        Action::Links([(address, label), _]) => format!("{address} ← {}", words.get(*label)),
    });
    let other = match &message.action {
        Some(Action::Links([_, (address, label)])) => Some(format!("{address} ← {}", words.get(*label))),
        _ => None,
    };
    let id = (!message.id.is_empty()).then(|| words.with(Text::Reference, &[("id", message.id)]));
    let title = words.get(message.title).to_owned();
    [title, words.phrase(&message.text)].into_iter().chain(action).chain(other).chain(id).collect()
}

/// Links in a frame open outside it: no provider shows its sign-in page in a frame.
fn action_html(words: Words<'_>, action: &Action, framed: bool) -> String {
    match action {
        Action::Again(address) => link(address, words.get(Text::TryAgain), ""),
        Action::Link { address, label } | Action::Onward { address, label } => {
            link(address, words.get(*label), if framed { " target=\"_top\"" } else { "" })
        }
        Action::Links([usual, other]) => {
            let target = if framed { " target=\"_top\"" } else { "" };
            let mild = format!("{target} class=\"mild\"");
            let anchor = |(address, label): &(String, Text), attributes: &str| {
                format!("<a href=\"{}\"{attributes}>{}</a>", escape(address), escape(words.get(*label)))
            };
            format!("<p>{} {}</p>", anchor(usual, target), anchor(other, &mild))
        }
        Action::Form { address, label, fields } => {
            let mut form = format!("<form method=\"post\" action=\"{}\">", escape(address));
            for (name, value) in fields {
                let _ = write!(form, "<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value));
            }
            let _ = write!(form, "<p><button>{}</button></p></form>", escape(words.get(*label)));
            form
        }
    }
}

pub(super) fn link(address: &str, label: &str, target: &str) -> String {
    format!("<p><a href=\"{}\"{target}>{}</a></p>", escape(address), escape(label))
}

/// Escapes text for element content and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
