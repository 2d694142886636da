//! What the path of a forward-auth request says: the dialect, and the application for which the front proxy asks.

use super::dialect::Dialect;

/// A forward-auth request's path and query below our own prefix, `auth/{dialect}` or `auth/{dialect}/{application}`. Any other
/// spelling is not a forward-auth request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question<'a> {
    pub(super) dialect: Dialect,
    /// The slug of the application to which the front proxy gives the request. It stands in the path: the query may be the client's.
    pub(super) application: Option<&'a str>,
    /// For Envoy the path and query of the original request, which Envoy appends to its prefix.
    pub(super) original: &'a str,
}

impl<'a> Question<'a> {
    pub(super) fn parse(below: &'a str) -> Option<Self> {
        if let Some(original) = below.strip_prefix("auth/envoy") {
            return Some(Self { dialect: Dialect::Envoy, application: None, original });
        }
        let (path, query) = below.split_once('?').unwrap_or((below, ""));
        let (dialect, application) = match (path, query) {
            ("auth", "nginx") => (Dialect::Nginx, None),
            ("auth", "traefik") => (Dialect::Traefik, None),
            // Caddy appends the query of the original request.
            _ => named(path.strip_prefix("auth/")?)?,
        };
        Some(Self { dialect, application, original: "" })
    }
}

fn named(path: &str) -> Option<(Dialect, Option<&str>)> {
    let (dialect, application) = match path.split_once('/') {
        Some((_, slug)) if slug.is_empty() || slug.contains('/') => return None,
        Some((dialect, slug)) => (dialect, Some(slug)),
        None => (path, None),
    };
    let (dialect, _) = Dialect::ALL.into_iter().find(|(_, name)| *name == dialect)?;
    Some((dialect, application))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_paths_are_questions() {
        for (below, expected) in [
            ("auth/nginx", Some((Dialect::Nginx, None, ""))),
            ("auth/traefik", Some((Dialect::Traefik, None, ""))),
            ("auth/caddy", Some((Dialect::Caddy, None, ""))),
            ("auth/nginx/wiki", Some((Dialect::Nginx, Some("wiki"), ""))),
            ("auth/traefik/wiki?x", Some((Dialect::Traefik, Some("wiki"), ""))),
            ("auth/caddy/Team_wiki-2?x=1&application=board", Some((Dialect::Caddy, Some("Team_wiki-2"), ""))),
            ("auth/caddy?x=1&X-authentik-logout=true", Some((Dialect::Caddy, None, ""))),
            ("auth?nginx", Some((Dialect::Nginx, None, ""))),
            ("auth?traefik", Some((Dialect::Traefik, None, ""))),
            ("auth/envoy", Some((Dialect::Envoy, None, ""))),
            ("auth/envoy/x?y=1", Some((Dialect::Envoy, None, "/x?y=1"))),
            ("auth/envoyx", Some((Dialect::Envoy, None, "x"))),
            ("auth", None),
            ("auth?caddy", None),
            ("auth?nginx&traefik", None),
            ("auth?nginx=", None),
            ("auth/", None),
            ("auth/nginx/", None),
            ("auth/nginx//wiki", None),
            ("auth/nginx/wiki/", None),
            ("auth/nginx/wiki/x", None),
            ("auth/nginx/%77iki", Some((Dialect::Nginx, Some("%77iki"), ""))),
            ("auth/NGINX", None),
            ("auth/%6eginx", None),
            ("start", None),
            ("", None),
        ] {
            let found = Question::parse(below);
            let found = found.map(|question| (question.dialect, question.application, question.original));
            assert_eq!(found, expected, "{below}");
        }
    }
}
