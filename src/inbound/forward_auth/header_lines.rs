//! The header lines of a forward-auth request: some are the front proxy's and describe the original request, all others are
//! the client's. A line of the front proxy's counts only if it occurs exactly once, in exactly its spelling.

use http::header::HeaderName;
use http::{HeaderMap, Request};

use super::fault::Fault;
use crate::domain::http::{CookieForm, HeaderLines, Reader, folds_to};

/// The value of the header `name`, which has to occur once.
pub(super) fn once<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Fault> {
    at_most_once(headers, name)?.ok_or(Fault::Missing(name))
}

/// The value of the header `name`, which may occur once.
pub(super) fn at_most_once<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Fault::Doubled(name));
    }
    std::str::from_utf8(value.as_bytes()).map(Some).map_err(|_| Fault::NotText(name))
}

/// N-1: a header in which another dialect names the original request may be present only with the same value.
pub(super) fn refuse_contradiction(headers: &HeaderMap, name: &'static str, said: &str) -> Result<(), Fault> {
    let agrees = headers.get_all(name).iter().all(|value| value.as_bytes() == said.as_bytes());
    if agrees { Ok(()) } else { Err(Fault::Contradiction(name)) }
}

/// The client's lines: all but those in `own`, which are read here.
///
/// # Errors
/// H-8: a line whose name becomes one of `own` for a reader that folds names. H-6: more than one `Authorization`.
pub(super) fn of_client(headers: &HeaderMap, own: &[&'static str]) -> Result<HeaderLines, Fault> {
    let mut lines = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let name = name.as_str();
        match own.iter().find(|own| folds_to(name, own)) {
            None => lines.push((name.to_owned(), value.as_bytes().to_vec())),
            Some(own) if *own == name => {}
            Some(own) => return Err(Fault::Alias(own)),
        }
    }
    let authorization = HeaderName::from_static("authorization");
    if headers.get_all(&authorization).iter().count() > 1 {
        return Err(Fault::Doubled("authorization"));
    }
    Ok(HeaderLines::new(lines, CookieForm::Lines))
}

/// The reader of the refusal of a forward-auth request that cannot be read: from the client's own lines, and the method where a
/// dialect names it. It decides only the form of the refusal.
pub(super) fn reader(request: &Request<()>) -> Reader {
    let headers = request.headers();
    let named =
        ["x-forwarded-method", "x-original-method"].into_iter().find_map(|name| headers.get(name)?.to_str().ok());
    let lines = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    Reader::of(named.unwrap_or(request.method().as_str()), &HeaderLines::new(lines, CookieForm::Lines))
}
