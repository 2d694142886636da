//! What `auth-url` asks the authentication service for. oauth2-proxy takes restrictions in its query.

use url::form_urlencoded;

use crate::cli::yaml::{Section, Value};

/// What the query restricts the users to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Restrictions {
    /// The service: the address without its query.
    service: String,
    groups: Vec<String>,
    emails: Vec<String>,
    email_domains: Vec<String>,
    /// Whether a parameter is not known, which could restrict more.
    pub(super) has_unknown: bool,
}

impl Restrictions {
    pub(super) fn of(auth_url: &str) -> Self {
        let (service, query) = auth_url.split_once('?').unwrap_or((auth_url, ""));
        let mut restrictions = Self { service: service.to_owned(), ..Self::default() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let list = || value.split(',').filter(|text| !text.is_empty()).map(str::to_owned);
            // A variable of nginx.
            let is_plain = !value.contains('$') && !value.is_empty();
            match &*name {
                "allowed_groups" if is_plain => restrictions.groups.extend(list()),
                "allowed_emails" if is_plain => {
                    restrictions.emails.extend(list().map(|text| text.to_ascii_lowercase()));
                }
                // `*.example.com` stands for all domains below.
                "allowed_email_domains" if is_plain && !value.contains('*') => {
                    restrictions.email_domains.extend(list().map(|text| text.to_ascii_lowercase()));
                }
                // The address to return to, which Authelia takes.
                "rd" | "rm" => {}
                _ => restrictions.has_unknown = true,
            }
        }
        restrictions
    }

    /// The rule that states them.
    pub(super) fn rule(&self) -> Section {
        let mut rule = Section::default();
        for (key, values) in
            [("groups", &self.groups), ("emails", &self.emails), ("email_domains", &self.email_domains)]
        {
            if !values.is_empty() {
                rule.set(key, values.iter().map(String::as_str).collect::<Value>());
            }
        }
        if rule.is_empty() { Section::of("anyone", true) } else { rule }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restrictions_are_those_of_the_query_and_all_have_to_be_known() {
        for (url, unknown, expected) in [
            ("https://$host/oauth2/auth", false, "anyone: true\n"),
            ("http://o.auth.svc/oauth2/auth?allowed_groups=a,b%20c", false, "groups: [a, \"b c\"]\n"),
            (
                "https://o/auth?allowed_groups=a&allowed_email_domains=Example.com",
                false,
                "groups: [a]\nemail_domains: [example.com]\n",
            ),
            ("https://o/auth?allowed_emails=A@example.com&rd=x", false, "emails: [a@example.com]\n"),
            ("https://o/auth?allowed_groups=$group", true, "anyone: true\n"),
            ("https://o/auth?allowed_groups=", true, "anyone: true\n"),
            ("https://o/auth?allowed_email_domains=*.example.com", true, "anyone: true\n"),
            ("https://o/auth?level=2", true, "anyone: true\n"),
        ] {
            let restrictions = Restrictions::of(url);
            assert_eq!(
                (restrictions.has_unknown, restrictions.rule().to_string().as_str()),
                (unknown, expected),
                "{url}"
            );
        }
    }
}
