//! The page of a user's sessions.

use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;

use super::html::{self, Words, escape};
use super::render::Pages;
use super::texts::Text;
use crate::domain::decision::Page;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// One session on the page.
#[derive(Debug)]
pub struct SessionEntry<'a> {
    /// The display name of its application.
    pub application: &'a str,
    /// The time since the user signed in.
    pub age: Duration,
    /// The time since the last use; `None` where that is as exact as the store records it.
    pub unused: Option<Duration>,
    /// The token that ends it; `None` for the session that is shown the page, and where a sign-in is needed first.
    pub end_token: Option<String>,
    /// Whether it is the session that is shown the page.
    pub is_this: bool,
}

/// The sessions of a user.
#[derive(Debug)]
pub struct SessionList<'a> {
    /// The user's name.
    pub user: &'a str,
    /// The sessions to be shown.
    pub shown: Vec<SessionEntry<'a>>,
    /// How many there are in all.
    pub count: usize,
    /// The token that ends all but this one; `None` if there are none, or if a sign-in is needed first.
    pub end_others: Option<String>,
    /// The sign-in that is needed before a session can be ended.
    pub needed: Option<NeededSignIn>,
    /// The address that signs the user out.
    pub sign_out: String,
}

/// A sign-in that is needed before a session can be ended.
#[derive(Debug)]
pub struct NeededSignIn {
    /// How old the sign-in may be.
    pub limit: Duration,
    /// Whether the provider was asked for it, in vain.
    pub in_vain: bool,
    /// The address that begins it.
    pub address: String,
}

impl Pages {
    /// The page of a user's sessions. Its forms post to the page's own address, with a token in the query: no front proxy has to
    /// pass a body on. `names` are the query parameters for the token of one session, and of all others.
    #[must_use]
    pub fn sessions(&self, list: &SessionList<'_>, names: [&str; 2]) -> Page {
        let words = self.words();
        let [end, end_others] = names;
        let introduction = introduction(words, list);
        let mut body = format!("<p>{}</p>", escape(&introduction));
        let mut lines = vec![words.get(Text::YourSessions).to_owned(), introduction];
        if let Some(needed) = &list.needed {
            let text = needed_text(words, needed);
            let _ = write!(
                body,
                "<p>{}</p>{}",
                escape(&text),
                html::link(&needed.address, words.get(Text::SignInAgain), "")
            );
            lines.push(text);
        }
        body.push_str("<ul class=\"sessions\">");
        for entry in &list.shown {
            body.push_str(&item(words, entry, end));
            lines.push(format!("{}: {}", entry.application, times(words, entry)));
        }
        body.push_str("</ul>");
        if let Some(token) = &list.end_others {
            body.push_str(&form(end_others, token, words.get(Text::EndOtherSessions), ""));
        }
        body.push_str(&html::link(&list.sign_out, words.get(Text::SignOutEverywhere), " class=\"mild\""));
        let document = html::document(words, words.get(Text::YourSessions), "", &body);
        Page { lines, ..self.page(StatusCode::OK, document) }
    }
}

fn introduction(words: Words<'_>, list: &SessionList<'_>) -> String {
    let (count, shown) = (list.count.to_string(), list.shown.len().to_string());
    let values = [("user", list.user), ("count", count.as_str()), ("shown", shown.as_str())];
    if list.count <= 1 {
        return words.with(Text::SessionsOnlyThis, &values);
    }
    let all = words.with(Text::SessionsIntroduction, &values);
    if list.shown.len() < list.count { format!("{all} {}", words.with(Text::SessionsNewest, &values)) } else { all }
}

fn needed_text(words: Words<'_>, needed: &NeededSignIn) -> String {
    let age = format!("{} min", needed.limit.as_secs() / MINUTE);
    let text = words.with(Text::RecentSignInNeeded, &[("age", &age)]);
    if needed.in_vain { format!("{} {text}", words.get(Text::RecentSignInInVain)) } else { text }
}

fn item(words: Words<'_>, entry: &SessionEntry<'_>, end: &str) -> String {
    let times = escape(&times(words, entry));
    let action = match &entry.end_token {
        _ if entry.is_this => format!("<span class=\"here\">{}</span>", escape(words.get(Text::ThisSession))),
        Some(token) => {
            let ago = ago(words, entry.age);
            let values = [("application", entry.application), ("ago", ago.as_str())];
            let label = escape(&words.with(Text::EndSessionOf, &values));
            form(end, token, words.get(Text::EndSession), &format!(" class=\"mild\" aria-label=\"{label}\""))
        }
        None => String::new(),
    };
    format!("<li><div>{}<small>{times}</small></div>{action}</li>", escape(entry.application))
}

fn form(name: &str, token: &str, label: &str, attributes: &str) -> String {
    let (name, token, label) = (escape(name), escape(token), escape(label));
    format!("<form method=\"post\" action=\"?{name}={token}\"><button{attributes}>{label}</button></form>")
}

fn times(words: Words<'_>, entry: &SessionEntry<'_>) -> String {
    let since = words.with(Text::SessionSince, &[("ago", &ago(words, entry.age))]);
    let used = entry.unused.map_or_else(|| words.get(Text::JustNow).to_owned(), |unused| ago(words, unused));
    format!("{since}, {}", words.with(Text::SessionLastUse, &[("ago", &used)]))
}

/// A time in the past in its largest unit, rounded down. Times of day would need the user's time zone.
fn ago(words: Words<'_>, passed: Duration) -> String {
    let seconds = passed.as_secs();
    let (text, count) = match seconds {
        0..MINUTE => return words.get(Text::JustNow).to_owned(),
        MINUTE..HOUR => (Text::MinutesAgo, seconds / MINUTE),
        HOUR..DAY => (Text::HoursAgo, seconds / HOUR),
        DAY.. => (Text::DaysAgo, seconds / DAY),
    };
    words.with(text, &[("count", &count.to_string())])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::http::{ClientKind, Language, Reader};

    fn entry<'a>(application: &'a str, seconds: u64, token: Option<&str>) -> SessionEntry<'a> {
        let age = Duration::from_secs(seconds);
        SessionEntry { application, age, unused: None, end_token: token.map(str::to_owned), is_this: token.is_none() }
    }

    fn list<'a>(user: &'a str, shown: Vec<SessionEntry<'a>>) -> SessionList<'a> {
        let sign_out = "https://wiki.example.com/outpost.goauthentik.io/sign_out".to_owned();
        SessionList { user, count: shown.len(), shown, end_others: None, needed: None, sign_out }
    }

    fn page(list: &SessionList<'_>, language: Language) -> Page {
        let reader = Reader { kind: ClientKind::Navigation, language };
        Pages::new(reader, Arc::default()).sessions(list, ["end", "end_others"])
    }

    #[test]
    fn names_from_outside_are_escaped() {
        let evil = "<script>'\"&";
        let mut list = list(evil, vec![entry(evil, 0, None), entry(evil, 0, Some(evil))]);
        list.end_others = Some(evil.to_owned());
        list.sign_out = evil.to_owned();
        list.needed = Some(NeededSignIn { limit: Duration::from_mins(10), in_vain: true, address: evil.to_owned() });
        for language in Language::ALL {
            let page = page(&list, language);
            assert!(!page.body.contains("<script") && !page.body.contains("'\""), "{}", page.body);
            // The user, two applications, one of them in a label too, two tokens, two addresses.
            assert_eq!(page.body.matches("&lt;script&gt;&#39;&quot;&amp;").count(), 8, "{}", page.body);
        }
    }

    #[test]
    fn each_session_but_this_one_has_a_button() {
        let mut list = list("alice", vec![entry("Wiki", 30, None), entry("Board", 7200, Some("t-1"))]);
        list.end_others = Some("t-2".to_owned());
        let page = page(&list, Language::English);
        assert_eq!(page.body.matches("<form method=\"post\"").count(), 2);
        for part in [
            "You are signed in as alice in 2 places.",
            "Wiki<small>Signed in just now, last used just now</small></div><span class=\"here\">This session</span>",
            "action=\"?end=t-1\"",
            "aria-label=\"End the session of Board, signed in 2 h ago\"",
            "action=\"?end_others=t-2\"",
            "Sign out everywhere",
        ] {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        assert!(!page.framed, "a form in a frame is open to clickjacking");
    }

    #[test]
    fn a_long_list_says_how_many_there_are() {
        let mut list = list("alice", vec![entry("Wiki", 0, None)]);
        assert!(page(&list, Language::German).body.contains("und zwar nur hier."));
        list.count = 1234;
        let page = page(&list, Language::German);
        assert!(page.body.contains("Als alice sind Sie 1234-mal angemeldet. Die neuesten 1 werden angezeigt."));
    }

    #[test]
    fn a_time_has_its_largest_unit() {
        for (seconds, expected) in [
            (59, "Signed in just now"),
            (60, "Signed in 1 min ago"),
            (3599, "Signed in 59 min ago"),
            (3600, "Signed in 1 h ago"),
            (86_399, "Signed in 23 h ago"),
            (86_400, "Signed in 1 d ago"),
            (864_000, "Signed in 10 d ago"),
        ] {
            let list = list("alice", vec![entry("Wiki", seconds, None)]);
            assert!(page(&list, Language::English).body.contains(expected), "{expected}");
        }
    }
}
