//! Forms in the bodies of requests, as the provider's logout tokens and authorization responses come.

/// The longest body that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// The fields of a form, encoded as a query is; `None` when the body is no form or too long.
#[must_use]
pub fn fields<'a>(content_type: Option<&str>, body: &'a [u8]) -> Option<&'a [u8]> {
    let kind = content_type.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let is_form = kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    (is_form && body.len() <= MAX_BYTES).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_form_of_limited_length_has_fields() {
        const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
        let (most, more) = ("x".repeat(MAX_BYTES), "x".repeat(MAX_BYTES + 1));
        for (kind, body, expected) in [
            (FORM, "a=1&b=%C3%BC", true),
            (Some("Application/X-WWW-Form-Urlencoded; charset=UTF-8"), "a=1", true),
            (FORM, "", true),
            (FORM, &most, true),
            (FORM, &more, false),
            (Some("multipart/form-data; boundary=x"), "a=1", false),
            (Some("text/plain"), "a=1", false),
            (Some(""), "a=1", false),
            (None, "a=1", false),
        ] {
            let found = fields(kind, body.as_bytes());
            assert_eq!(found, expected.then_some(body.as_bytes()), "{kind:?} {} bytes", body.len());
        }
    }
}
