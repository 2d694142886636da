//! HTML forms as a user fills them in: name, password, and the button.

use http::Method;
use regex::Regex;
use url::Url;

use super::{PASSWORD, USER};
use crate::support::browser::{Ask, Browser, Page};

/// One form of a page.
#[derive(Debug)]
pub(crate) struct Form {
    action: Url,
    method: Method,
    /// Names, types and values of its fields and of its first button.
    fields: Vec<(String, String, String)>,
}

impl Form {
    /// The first form of the page that `is_wanted`.
    pub(crate) fn of(page: &Page, is_wanted: impl Fn(&Self) -> bool) -> Option<Self> {
        let form = Regex::new(r"(?is)<form\b([^>]*)>(.*?)</form>").expect("a pattern");
        form.captures_iter(&page.body).map(|found| Self::read(page, &found[1], &found[2])).find(is_wanted)
    }

    fn read(page: &Page, head: &str, body: &str) -> Self {
        let action = attribute(head, "action").filter(|action| !action.is_empty() && action != "#");
        let action = action.map_or_else(|| page.url.clone(), |action| page.url.join(&action).expect("an address"));
        let is_post = attribute(head, "method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
        let field = Regex::new(r"(?is)<(input|button)\b([^>]*)>").expect("a pattern");
        let (mut fields, mut has_button) = (Vec::new(), false);
        // A button may stand outside of its form and name it.
        let id = attribute(head, "id");
        let outside =
            field.captures_iter(&page.body).filter(|found| id.is_some() && attribute(&found[2], "form") == id);
        for found in field.captures_iter(body).chain(outside) {
            let of = |name| attribute(&found[2], name);
            let is_button = found[1].eq_ignore_ascii_case("button");
            let kind = of("type").unwrap_or_else(|| if is_button { "submit" } else { "text" }.to_owned());
            let Some(name) = of("name") else { continue };
            // A browser sends the button that was pressed, and boxes that are ticked; the user presses the first and ticks none.
            let is_sent = match kind.to_lowercase().as_str() {
                "submit" => !std::mem::replace(&mut has_button, true),
                "checkbox" | "radio" | "button" | "reset" => false,
                _ => true,
            };
            if !is_sent {
                continue;
            }
            fields.push((name, kind, of("value").unwrap_or_default()));
        }
        Self { action, method: if is_post { Method::POST } else { Method::GET }, fields }
    }

    fn has_kind(&self, kind: &str) -> bool {
        self.fields.iter().any(|(_, found, _)| found == kind)
    }

    fn asks_who(&self) -> bool {
        self.has_kind("password") || self.fields.iter().any(|(name, ..)| is_login(name))
    }

    /// Fills the user's name and password in.
    fn filled_in(mut self) -> Self {
        for (name, kind, value) in &mut self.fields {
            if kind == "password" {
                PASSWORD.clone_into(value);
            } else if is_login(name) {
                USER.clone_into(value);
            }
        }
        self
    }

    pub(crate) async fn send(&self, browser: &Browser) -> Page {
        let pairs: Vec<_> = self.fields.iter().map(|(name, _, value)| (name.as_str(), value.as_str())).collect();
        if self.method == Method::POST {
            let origin = self.action.origin().ascii_serialization();
            return browser.ask(Ask::navigation(self.action.as_str()).form(&pairs).header("origin", &origin)).await;
        }
        let mut address = self.action.clone();
        address.query_pairs_mut().clear().extend_pairs(pairs);
        browser.open(address.as_str()).await
    }
}

fn is_login(name: &str) -> bool {
    ["username", "login", "user", "email"].contains(&name)
}

/// The value of an attribute, of which names and quotes have several spellings.
fn attribute(head: &str, name: &str) -> Option<String> {
    let pattern = format!(r#"(?is)(?:^|\s){name}\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))"#);
    let found = Regex::new(&pattern).expect("a pattern").captures(head)?;
    let value = found.iter().skip(1).flatten().next()?.as_str();
    let signs = [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#43;", "+"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    Some(signs.iter().fold(value.to_owned(), |text, (written, sign)| text.replace(written, sign)))
}

/// Whether the address is an application's in this table.
pub(crate) fn is_ours(address: &Url) -> bool {
    address.domain().is_some_and(|host| host.ends_with(".demo.localhost") || host.ends_with(".example.com"))
}

/// Opens the authorization request, fills each form of the provider in, and returns the answer that leads to Gatepost.
pub(crate) async fn sign_in(browser: &Browser, authorization: &Url) -> Page {
    let page = browser.open(authorization.as_str()).await;
    go_on(browser, page).await
}

/// Fills each form of the provider in, and returns the answer that leads to Gatepost.
pub(crate) async fn go_on(browser: &Browser, mut page: Page) -> Page {
    for _ in 0..20 {
        if page.status.is_redirection() {
            let next = page.location();
            if is_ours(&next) {
                return page;
            }
            page = browser.open(next.as_str()).await;
        } else if Form::of(&page, |form| is_ours(&form.action)).is_some() {
            return page;
        } else {
            let form = Form::of(&page, Form::asks_who).or_else(|| Form::of(&page, |form| form.method == Method::POST));
            let form = form.unwrap_or_else(|| panic!("no form here: {page:#?}"));
            page = form.filled_in().send(browser).await;
        }
    }
    panic!("the sign-in does not end: {page:#?}");
}

/// Sends the form that the provider's page is for, as its script does.
pub(crate) async fn send_from_elsewhere(browser: &Browser, page: &Page) -> Page {
    let form =
        Form::of(page, |form| is_ours(&form.action)).unwrap_or_else(|| panic!("no form for Gatepost: {page:#?}"));
    let fields: Vec<_> = form.fields.iter().map(|(name, _, value)| (name.as_str(), value.as_str())).collect();
    browser.post_from_elsewhere(&form.action, &fields).await
}

/// Follows redirects; presses the first button of the provider's page that asks whether to sign out.
pub(crate) async fn confirm(browser: &Browser, page: Page) -> Page {
    let page = browser.follow(page).await;
    match Form::of(&page, |form| form.method == Method::POST && !is_ours(&form.action)) {
        Some(form) => {
            let answer = form.send(browser).await;
            browser.follow(answer).await
        }
        None => page,
    }
}

/// The address of the frame with which the page tells Gatepost that the session has ended.
pub(crate) fn frame(page: &Page) -> String {
    let frame = Regex::new(r"(?is)<iframe\b([^>]*)>").expect("a pattern");
    let addresses = frame.captures_iter(&page.body).filter_map(|found| attribute(&found[1], "src"));
    let found = addresses.into_iter().find(|address| address.contains("/frontchannel_logout"));
    found.unwrap_or_else(|| panic!("no frame for Gatepost: {page:#?}"))
}
