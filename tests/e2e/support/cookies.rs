//! A cookie jar with a browser's rules (RFC 6265bis): it stores what a browser would store, and a cookie that a browser
//! would refuse fails the test.

use url::Url;

#[derive(Clone, Debug)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) path: String,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: String,
    /// The host or parent domain to which it is sent.
    pub(crate) domain: String,
    /// Whether it is sent to that host only.
    pub(crate) host_only: bool,
    life: Life,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Durability,
    Over,
}

impl Cookie {
    /// Parses one `Set-Cookie` line of an answer from this address.
    fn parse(line: &str, from: &Url) -> Self {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("name=value");
        let host = from.host_str().expect("a host").to_owned();
        let mut cookie = Self {
            name: name.to_owned(),
            value: value.to_owned(),
            path: default_path(from),
            secure: false,
            http_only: false,
            same_site: String::new(),
            domain: host,
            host_only: true,
            life: Life::Durability,
        };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            cookie.set(&name.to_ascii_lowercase(), value);
        }
        cookie
    }

    fn set(&mut self, attribute: &str, value: &str) {
        match attribute {
            "path" => self.path = value.into(),
            "domain" => {
                self.domain = value.trim_start_matches('.').into();
                self.host_only = false;
            }
            "secure" => self.secure = true,
            "httponly" => self.http_only = true,
            "samesite" => self.same_site = value.to_ascii_lowercase(),
            "max-age" if value.parse::<i64>().expect("a number of seconds") <= 0 => self.life = Life::Over,
            "expires" if value.contains(" 1970 ") => self.life = Life::Over,
            _ => {}
        }
    }

    /// Why a browser would refuse this cookie from this address.
    fn refusal(&self, from: &Url) -> Option<&'static str> {
        let host = from.host_str().unwrap_or_default();
        let host_prefixed = self.name.starts_with("__Host-");
        if self.secure && !is_trustworthy(from) {
            return Some("Secure from an insecure place");
        }
        if (host_prefixed || self.name.starts_with("__Secure-")) && !self.secure {
            return Some("a prefix without Secure");
        }
        if host_prefixed && (!self.host_only || self.path != "/") {
            return Some("__Host- with Domain or another Path");
        }
        if !self.host_only && (!is_under(host, &self.domain) || !self.domain.contains('.')) {
            return Some("a Domain that is not a parent of the host");
        }
        None
    }

    fn goes_to(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let host_fits = if self.host_only { host == self.domain } else { is_under(host, &self.domain) };
        host_fits && path_fits(url.path(), &self.path) && (!self.secure || is_trustworthy(url))
    }

    fn is_same_as(&self, other: &Self) -> bool {
        (&self.name, &self.domain, &self.path, self.host_only)
            == (&other.name, &other.domain, &other.path, other.host_only)
    }
}

/// Whether browsers accept and send `Secure` cookies there: https, and this machine itself.
fn is_trustworthy(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "https" || host == "127.0.0.1" || is_under(host, "localhost")
}

fn is_under(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

fn path_fits(path: &str, cookie_path: &str) -> bool {
    let rest = path.strip_prefix(cookie_path);
    rest.is_some_and(|rest| rest.is_empty() || cookie_path.ends_with('/') || rest.starts_with('/'))
}

fn default_path(url: &Url) -> String {
    url.path().rsplit_once('/').map(|(folder, _)| folder).filter(|folder| !folder.is_empty()).unwrap_or("/").to_owned()
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Jar {
    kept: Vec<Cookie>,
    /// All cookies, including those that were replaced or deleted.
    ever: Vec<Cookie>,
}

impl Jar {
    /// Processes one `Set-Cookie` line of an answer from this address.
    pub(crate) fn take(&mut self, line: &str, from: &Url) {
        let cookie = Cookie::parse(line, from);
        if let Some(reason) = cookie.refusal(from) {
            panic!("a browser would refuse this cookie of {from} ({reason}): {line}");
        }
        self.kept.retain(|kept| !kept.is_same_as(&cookie));
        if cookie.life == Life::Durability {
            self.kept.push(cookie.clone());
            self.ever.push(cookie);
        }
    }

    /// The cookies that a browser sends to this address.
    pub(crate) fn for_url(&self, url: &Url) -> Vec<Cookie> {
        self.kept.iter().filter(|cookie| cookie.goes_to(url)).cloned().collect()
    }

    pub(crate) fn forget(&mut self, which: impl Fn(&Cookie) -> bool) {
        self.kept.retain(|cookie| !which(cookie));
    }

    /// The values of all of Gatepost's cookies that were ever set.
    pub(crate) fn values_ever_taken(&self) -> Vec<String> {
        let ours = self.ever.iter().filter(|cookie| cookie.name.contains("gatepost"));
        ours.map(|cookie| cookie.value.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cookies that a jar which received this line from `from` sends to `to`.
    fn sent(line: &str, from: &str, to: &str) -> Vec<String> {
        let mut jar = Jar::default();
        jar.take(line, &Url::parse(from).expect("an address"));
        jar.for_url(&Url::parse(to).expect("an address")).into_iter().map(|cookie| cookie.name).collect()
    }

    #[test]
    fn cookies_go_where_a_browser_sends_them() {
        let wiki = "http://wiki.demo.localhost:1/a/b";
        for (line, to, goes) in [
            ("a=1", wiki, true),
            ("a=1", "http://wiki.demo.localhost:1/", false),
            ("a=1; Path=/", "http://wiki.demo.localhost:2/", true),
            ("a=1; Path=/", "http://board.demo.localhost:1/", false),
            ("a=1; Path=/; Domain=demo.localhost", "http://board.demo.localhost:1/", true),
            ("a=1; Path=/; Domain=demo.localhost", "http://evildemo.localhost:1/", false),
            ("a=1; Path=/ab", "http://wiki.demo.localhost:1/abc", false),
            ("a=1; Path=/; Max-Age=0", wiki, false),
            ("a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", wiki, false),
            ("__Host-a=1; Path=/; Secure", wiki, true),
        ] {
            assert_eq!(!sent(line, wiki, to).is_empty(), goes, "{line} to {to}");
        }
    }

    #[test]
    fn cookies_that_a_browser_refuses_are_refused() {
        for (line, from) in [
            ("a=1; Secure", "http://wiki.example.com/"),
            ("__Host-a=1; Path=/", "https://wiki.example.com/"),
            ("__Host-a=1; Path=/x; Secure", "https://wiki.example.com/"),
            ("__Host-a=1; Path=/; Secure; Domain=example.com", "https://wiki.example.com/"),
            ("__Secure-a=1; Path=/", "https://wiki.example.com/"),
            ("a=1; Domain=other.example.com", "https://wiki.example.com/"),
            ("a=1; Domain=localhost", "http://wiki.demo.localhost/"),
        ] {
            let from = Url::parse(from).expect("an address");
            assert!(Cookie::parse(line, &from).refusal(&from).is_some(), "{line} from {from}");
        }
    }
}
