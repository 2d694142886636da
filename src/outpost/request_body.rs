//! The body of a request, as far as the protocol provides it.

/// The part of a request's body that the protocol provided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody<'a> {
    /// The protocol provides no body: the front proxy does not send it.
    Withheld,
    /// The whole body.
    Whole(&'a [u8]),
    /// The body exceeds the limit or did not arrive in full.
    Cut,
}
