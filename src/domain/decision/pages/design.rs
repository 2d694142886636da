//! The operator's design of the pages: name, logo, style and texts.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::texts::{Text, placeholders};
use crate::domain::http::Language;

const STYLE: &str = ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:0 auto;\
padding:15vh 1.5rem 2rem;color:#1c2024;background:#fbfcfd;overflow-wrap:anywhere}h1{font-size:1.4rem}a,button{display:inline-block;\
font:inherit;padding:.5rem 1rem;border:0;border-radius:.4rem;background:#1f5fbf;color:#fff;text-decoration:none;cursor:pointer}\
small{color:#60646c}.brand{font-weight:600}.brand img{display:block;max-width:100%;max-height:4rem}.sessions{list-style:none;\
padding:0}.sessions li{display:flex;align-items:center;justify-content:space-between;gap:1rem;padding:.75rem 0;border-top:1px solid \
#d9dce1}.sessions small{display:block}.sessions form{flex:none}.here{color:#60646c;flex:none;font-size:.875rem}.mild{background:#e4e8ee;color:#1c2024}\
@media(prefers-color-scheme:dark){body{color:#edeef0;background:#111113}small,.here{color:#b0b4ba}.sessions li{border-color:#2f3237}\
.mild{background:#2a2d33;color:#edeef0}}";

/// The longest logo and the longest style sheet, in bytes: each page contains both.
const LONGEST: usize = 32 * 1024;
/// The longest text of the operator's, in bytes.
const LONGEST_TEXT: usize = 1024;
/// The signature with which a PNG file begins (RFC 2083 section 3.1).
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Name, logo, style and texts of the pages; without the operator's own, those that Gatepost has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Design {
    name: Option<String>,
    /// The logo as a `data:` address (RFC 2397).
    logo: Option<String>,
    style: String,
    /// SHA-256 of the style sheet as base64, computed once.
    style_hash: String,
    texts: BTreeMap<(Language, Text), String>,
}

/// The format of a logo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoType {
    /// Portable Network Graphics.
    Png,
    /// Scalable Vector Graphics. A browser runs no script of a picture, and loads nothing for it.
    Svg,
}

/// Why a part of a design cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DesignFault {
    /// Logo or style sheet exceed the limit.
    #[error("it has {0} bytes; each page contains it, so {LONGEST} are the limit")]
    TooLong(usize),
    /// A logo of another format than its name says.
    #[error("it is not {0}")]
    NotOfFormat(&'static str),
    /// The style sheet cannot stand in a page.
    #[error("it contains `<`, which could end the style sheet inside the page")]
    Markup,
    /// The file is not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// No page shows a text with this key.
    #[error("no page has a text `{0}`")]
    UnknownText(String),
    /// A placeholder that the text does not have.
    #[error("the text `{key}` has no value for `{{{placeholder}}}`; it has {known}")]
    UnknownPlaceholder {
        /// The key of the text.
        key: &'static str,
        /// The placeholder.
        placeholder: String,
        /// The placeholders that the text has.
        known: String,
    },
    /// A text is empty or too long.
    #[error("the text `{0}` is empty or longer than {LONGEST_TEXT} bytes")]
    TextLength(&'static str),
}

impl Default for Design {
    fn default() -> Self {
        let (style, style_hash) = (STYLE.to_owned(), hash(STYLE));
        Self { name: None, logo: None, style, style_hash, texts: BTreeMap::new() }
    }
}

impl Design {
    /// The design with a name, which each page shows.
    #[must_use]
    pub fn with_name(self, name: String) -> Self {
        Self { name: Some(name), ..self }
    }

    /// The design with a logo.
    ///
    /// # Errors
    /// When the file is too long, or not of this format.
    pub fn with_logo(self, file: &[u8], format: LogoType) -> Result<Self, DesignFault> {
        if file.len() > LONGEST {
            return Err(DesignFault::TooLong(file.len()));
        }
        let media_type = match format {
            LogoType::Png if file.starts_with(PNG_SIGNATURE) => "image/png",
            LogoType::Png => return Err(DesignFault::NotOfFormat("a PNG file")),
            LogoType::Svg if std::str::from_utf8(file).is_ok_and(|text| text.contains("<svg")) => "image/svg+xml",
            LogoType::Svg => return Err(DesignFault::NotOfFormat("an SVG file")),
        };
        Ok(Self { logo: Some(format!("data:{media_type};base64,{}", STANDARD.encode(file))), ..self })
    }

    /// The design with further rules of style, which follow those of Gatepost.
    ///
    /// # Errors
    /// When the file is too long, or could end the style sheet inside the page.
    pub fn with_style(self, file: &[u8]) -> Result<Self, DesignFault> {
        if file.len() > LONGEST {
            return Err(DesignFault::TooLong(file.len()));
        }
        let text = std::str::from_utf8(file).map_err(|_| DesignFault::NotText)?;
        if text.contains('<') {
            return Err(DesignFault::Markup);
        }
        // An HTML parser turns line ends into one form and replaces U+0000, and the hash in the policy is that of its result.
        let text = text.replace("\r\n", "\n").replace(['\r', '\0'], "\n");
        let style = format!("{STYLE}\n{text}");
        Ok(Self { style_hash: hash(&style), style, ..self })
    }

    /// The design with another text in the place of the one with this key. It may leave placeholders out.
    ///
    /// # Errors
    /// When no text has this key, or when the text does not have a placeholder of the new one.
    pub fn with_text(mut self, language: Language, key: &str, replacement: String) -> Result<Self, DesignFault> {
        let text = Text::with_key(key).ok_or_else(|| DesignFault::UnknownText(key.to_owned()))?;
        if replacement.trim().is_empty() || replacement.len() > LONGEST_TEXT {
            return Err(DesignFault::TextLength(text.key()));
        }
        let known = placeholders(text.in_language(Language::English));
        if let Some(unknown) = placeholders(&replacement).iter().find(|placeholder| !known.contains(*placeholder)) {
            let known: Vec<String> = known.iter().map(|placeholder| format!("`{{{placeholder}}}`")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(DesignFault::UnknownPlaceholder { key: text.key(), placeholder: (*unknown).to_owned(), known });
        }
        self.texts.insert((language, text), replacement);
        Ok(self)
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn logo(&self) -> Option<&str> {
        self.logo.as_deref()
    }

    pub(super) fn style(&self) -> &str {
        &self.style
    }

    pub(super) fn text(&self, language: Language, text: Text) -> &str {
        self.texts.get(&(language, text)).map_or_else(|| text.in_language(language), String::as_str)
    }

    /// The content security policy up to the source list of `frame-ancestors`: no script, no external content, one stylesheet by its
    /// hash. `form-action` is absent: browsers apply it to every redirect after a form post, and a sign-out leads to the
    /// provider and wherever that redirects the browser.
    pub(super) fn policy(&self) -> String {
        let (hash, images) = (&self.style_hash, if self.logo.is_some() { " img-src data:;" } else { "" });
        format!("default-src 'none'; style-src 'sha256-{hash}';{images} base-uri 'none'; frame-ancestors")
    }
}

fn hash(style: &str) -> String {
    STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, style.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(key: &str, text: &str) -> Result<Design, DesignFault> {
        Design::default().with_text(Language::German, key, text.to_owned())
    }

    #[test]
    fn a_text_replaces_one_of_the_same_key_in_its_language() {
        let design = text("forbidden", "Fragen Sie die Technik, {user}!").expect("is sound");
        assert_eq!(design.text(Language::German, Text::Forbidden), "Fragen Sie die Technik, {user}!");
        assert_eq!(design.text(Language::English, Text::Forbidden), Text::Forbidden.in_language(Language::English));
        assert_eq!(text("forbiden", "x"), Err(DesignFault::UnknownText("forbiden".into())));
        let fault = text("forbidden", "{user} {name}").expect_err("has no such value");
        assert_eq!(fault.to_string(), "the text `forbidden` has no value for `{name}`; it has `{user}`");
        let fault = text("not_found", "{id}").expect_err("has no such value");
        assert_eq!(fault.to_string(), "the text `not_found` has no value for `{id}`; it has none");
        for length in [0, LONGEST_TEXT + 1] {
            assert_eq!(text("forbidden", &"x".repeat(length)), Err(DesignFault::TextLength("forbidden")));
        }
    }

    #[test]
    fn a_logo_is_what_its_name_says() {
        let logo = |file: &[u8], format| Design::default().with_logo(file, format).map(|design| design.logo);
        let svg = logo(b"<svg onload='alert(1)'/>", LogoType::Svg).expect("is SVG");
        assert!(svg.is_some_and(|logo| logo.starts_with("data:image/svg+xml;base64,") && !logo.contains('<')));
        assert_eq!(logo(b"<svg/>", LogoType::Png), Err(DesignFault::NotOfFormat("a PNG file")));
        assert_eq!(logo(PNG_SIGNATURE, LogoType::Svg), Err(DesignFault::NotOfFormat("an SVG file")));
        assert!(logo(PNG_SIGNATURE, LogoType::Png).is_ok());
        assert_eq!(logo(&vec![b'x'; LONGEST + 1], LogoType::Svg), Err(DesignFault::TooLong(LONGEST + 1)));
    }

    #[test]
    fn a_style_sheet_stays_one() {
        let style = |file: &[u8]| Design::default().with_style(file);
        assert_eq!(style(b"</style><script>"), Err(DesignFault::Markup));
        assert_eq!(style(b"\xff"), Err(DesignFault::NotText));
        assert_eq!(style(&vec![b' '; LONGEST + 1]), Err(DesignFault::TooLong(LONGEST + 1)));
        let design = style(b"a{color:red}\r\nb{}\r").expect("is sound");
        assert!(design.style().ends_with("\na{color:red}\nb{}\n"), "{}", design.style());
        assert_ne!(design.policy(), Design::default().policy());
    }

    #[test]
    fn only_a_logo_is_loaded() {
        let policy = |design: Design| design.policy().contains("img-src data:");
        assert!(!policy(Design::default()));
        assert!(policy(Design::default().with_logo(b"<svg/>", LogoType::Svg).expect("is SVG")));
    }
}
