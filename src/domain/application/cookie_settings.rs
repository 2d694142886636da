//! How an application's cookies are set, where the operator wants it otherwise than usual (RFC 6265bis section 4.1.2).

/// The attributes of an application's cookies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CookieSettings {
    /// `SameSite` of the session cookie.
    pub same_site: SameSite,
    /// Whether the cookies are `Partitioned`: a browser keeps them apart for each site that shows the application in a frame.
    pub partitioned: bool,
    /// `Path` of the session cookie, where it is not `/`.
    pub path: Option<String>,
}

/// From which pages a browser sends a cookie along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// From pages of the same site, and with page loads from everywhere.
    #[default]
    Lax,
    /// From pages of the same site only.
    Strict,
    /// From everywhere.
    None,
}

impl SameSite {
    /// The value of the attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}
