//! The body of a request, as far as a protocol hands it over.

/// What a door brought of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody<'a> {
    /// This door brings none: the front proxy does not hand it over.
    Withheld,
    /// All of it.
    Whole(&'a [u8]),
    /// It is longer than anybody reads, or did not arrive in full.
    Cut,
}
