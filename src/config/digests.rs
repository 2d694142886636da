//! What changed between two readings of the configuration. Settings are kept as digests only, because some are secrets.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};

use super::document::{Content, Node, Style};
use super::expansion::{Environment, expand};

/// The settings of one reading: a digest of each value, by the full path of its key. An application is named by its slug,
/// else by its name, not by its position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingDigests {
    digests: BTreeMap<String, [u8; 32]>,
    /// The path of each named list item, by its path with the position.
    names: BTreeMap<String, String>,
}

/// The keys of settings that changed between two readings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedSettings {
    /// Those that a reload applies.
    pub reloaded: Vec<String>,
    /// Those that apply after a restart only.
    pub need_restart: Vec<String>,
}

/// The settings that a reload applies: these keys, and all keys below them.
const RELOADED: [&str; 21] = [
    "applications",
    "authentik.applications",
    "authentik.host_browser",
    "authentik.insecure",
    "authentik.token",
    "authentik.token_file",
    "provider",
    "tls",
    "admin",
    "pages",
    "session.refresh",
    "session.redis.username",
    "session.redis.password",
    "session.redis.password_file",
    "session.redis.sentinel_username",
    "session.redis.sentinel_password",
    "session.redis.sentinel_password_file",
    "session.redis.ca_file",
    "session.redis.client_certificate_file",
    "session.redis.client_key_file",
    "limits.identity_headers",
];

impl SettingDigests {
    /// The settings below `root`, with their variables expanded.
    pub(super) fn of(root: &Node, environment: Environment<'_>) -> Self {
        let mut digests = Self::default();
        digests.add("", "", root, environment);
        digests
    }

    /// Adds the content of a file that the setting at `location` names.
    pub(super) fn add_file(&mut self, location: &str, content: &[u8]) {
        let named =
            self.names.iter().find_map(|(position, name)| Some((name, location.strip_prefix(position.as_str())?)));
        let key = named.map_or_else(|| location.to_owned(), |(name, rest)| format!("{name}{rest}"));
        self.digests.insert(format!("{key} (content)"), sha256(content));
    }

    /// Adds the digests of another reading under this key.
    pub(super) fn add_below(&mut self, key: &str, others: Self) {
        self.digests.extend(others.digests.into_iter().map(|(other, digest)| (format!("{key}.{other}"), digest)));
    }

    /// `location` is the path with positions of list items instead of their names.
    fn add(&mut self, key: &str, location: &str, node: &Node, environment: Environment<'_>) {
        match &node.content {
            Content::One { text, style } => {
                // `1` and `"1"` are different values.
                let style = match style {
                    Style::Plain => "plain ",
                    Style::Lines => "lines ",
                    Style::Text => "text ",
                };
                let value = expand(text, environment).unwrap_or_else(|_| text.to_string());
                self.digests.insert(key.to_owned(), sha256(&[style.as_bytes(), value.as_bytes()].concat()));
            }
            // `basic: {}` enables what is disabled without the key.
            Content::Section(entries) if entries.is_empty() => _ = self.digests.insert(key.to_owned(), sha256(b"{}")),
            Content::List(items) if items.is_empty() => _ = self.digests.insert(key.to_owned(), sha256(b"[]")),
            Content::Section(entries) => {
                for (name, node) in entries {
                    let name = name.text.as_deref().unwrap_or_default();
                    let below = |path: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                    self.add(&below(key), &below(location), node, environment);
                }
            }
            Content::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let label = label(item, environment).unwrap_or_else(|| index.to_string());
                    let (named, location) = (format!("{key}[{label}]"), format!("{location}[{index}]"));
                    self.names.insert(location.clone(), named.clone());
                    self.add(&named, &location, item, environment);
                }
            }
            Content::Unusable(_) => {}
        }
    }

    /// The settings that differ from those of an earlier reading: changed, added, or removed.
    #[must_use]
    pub fn changed_since(&self, earlier: &Self) -> ChangedSettings {
        let (now, then) = (&self.digests, &earlier.digests);
        let of_both = now.keys().chain(then.keys().filter(|key| !now.contains_key(*key)));
        let mut changed: Vec<String> = of_both.filter(|key| now.get(*key) != then.get(*key)).cloned().collect();
        changed.sort_unstable();
        // What belongs to another authentik must not be used with the present one.
        let is_other_authentik = changed.iter().any(|key| key == "authentik.host");
        let (reloaded, need_restart) = changed
            .into_iter()
            .partition(|key| is_reloaded(key) && !(is_other_authentik && key.starts_with("authentik.")));
        ChangedSettings { reloaded, need_restart }
    }
}

/// Whether a reload applies the setting with this key.
fn is_reloaded(key: &str) -> bool {
    let is_below = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[', ' ']);
    RELOADED.iter().any(|reloaded| key.strip_prefix(reloaded).is_some_and(is_below))
}

/// The name by which a list item is known: an application's.
fn label(item: &Node, environment: Environment<'_>) -> Option<String> {
    let Content::Section(entries) = &item.content else { return None };
    let value = |wanted: &str| {
        let (_, node) = entries.iter().find(|(key, _)| key.text.as_deref() == Some(wanted))?;
        let Content::One { text, .. } = &node.content else { return None };
        expand(text, environment).ok()
    };
    value("slug").or_else(|| value("name"))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest_of = [0; 32];
    digest_of.copy_from_slice(digest(&SHA256, bytes).as_ref());
    digest_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::parse;

    fn digests(text: &str, secret: &str) -> SettingDigests {
        let environment = |name: &str| (name == "SECRET").then(|| secret.to_owned());
        SettingDigests::of(&parse(text).expect("is YAML"), &environment)
    }

    #[test]
    fn changes_are_named_by_key_and_sorted_by_when_they_apply() {
        let before = "\
applications:
  - { name: Wiki, client_secret: '${SECRET}', scopes: [openid, email] }
  - { name: Board, slug: forum }
listen: { grpc: 9001 }
limits: { identity_headers: 8 KiB, header_bytes: 1 }
";
        for (change, reloaded, need_restart) in [
            (("", ""), vec![], vec![]),
            (("email]", "profile]"), vec!["applications[Wiki].scopes[1]"], vec![]),
            (("name: Board", "name: Forum"), vec!["applications[forum].name"], vec![]),
            (("9001", "9002"), vec![], vec!["listen.grpc"]),
            (
                ("listen:", "session: { refresh: false, store: memory }\nlisten:"),
                vec!["session.refresh"],
                vec!["session.store"],
            ),
            (
                ("listen:", "authentik: { token: a, insecure: true }\nlisten:"),
                vec!["authentik.insecure", "authentik.token"],
                vec![],
            ),
            // Nothing of it may be used with the present one.
            (
                ("listen:", "authentik: { host: h, token: a }\nlisten:"),
                vec![],
                vec!["authentik.host", "authentik.token"],
            ),
            (
                ("8 KiB, header_bytes: 1", "9 KiB, header_bytes: 2"),
                vec!["limits.identity_headers"],
                vec!["limits.header_bytes"],
            ),
            (
                ("  - { name: Board, slug: forum }\n", ""),
                vec!["applications[forum].name", "applications[forum].slug"],
                vec![],
            ),
        ] {
            let after = before.replace(change.0, change.1);
            let changed =
                digests(if change.0.is_empty() { before } else { &after }, "1").changed_since(&digests(before, "1"));
            assert_eq!(
                (changed.reloaded, changed.need_restart),
                (owned(&reloaded), owned(&need_restart)),
                "{change:?}"
            );
        }
        let rotated = digests(before, "2").changed_since(&digests(before, "1"));
        assert_eq!(rotated.reloaded, ["applications[Wiki].client_secret"]);
    }

    #[test]
    fn an_empty_section_and_the_type_of_a_value_count() {
        for (before, after) in [
            ("applications: [{ name: Wiki }]", "applications: [{ name: Wiki, basic: {} }]"),
            ("applications: [{ name: Wiki }]", "applications: [{ name: Wiki, basic: [] }]"),
            ("applications: [{ name: Wiki, basic: 1 }]", "applications: [{ name: Wiki, basic: '1' }]"),
            ("applications: [{ name: Wiki, basic: a }]", "applications: [{ name: Wiki, basic: 'a' }]"),
            ("applications: [{ name: Wiki, basic: {} }]", "applications: [{ name: Wiki, basic: [] }]"),
        ] {
            for (before, after) in [(before, after), (after, before)] {
                let changed = digests(after, "").changed_since(&digests(before, ""));
                assert_eq!(changed.reloaded, ["applications[Wiki].basic"], "{before} → {after}");
            }
        }
    }

    #[test]
    fn the_content_of_files_counts() {
        let of = |content: &[u8]| {
            let mut digests = digests("provider: { ca_file: ca.pem }", "");
            digests.add_file("provider.ca_file", content);
            digests
        };
        assert_eq!(of(b"one").changed_since(&of(b"one")), ChangedSettings::default());
        assert_eq!(of(b"two").changed_since(&of(b"one")).reloaded, ["provider.ca_file (content)"]);
        // An application is named by its slug here, too: its position may change.
        let of = |text: &str, location: &str| {
            let mut digests = digests(text, "");
            digests.add_file(location, b"hush");
            digests
        };
        let (wiki, board) = ("  - { slug: wiki, client_secret_file: hush }\n", "  - { slug: board }\n");
        let first = of(&format!("applications:\n{wiki}{board}"), "applications[0].client_secret_file");
        let second = of(&format!("applications:\n{board}{wiki}"), "applications[1].client_secret_file");
        assert_eq!(second.changed_since(&first), ChangedSettings::default());
    }

    fn owned(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }
}
