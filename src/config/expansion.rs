//! `${NAME}` in a text stands for an environment variable; `$${` stands for `${` itself. A `$` alone is a `$`.

use thiserror::Error;

/// Looks up an environment variable. It is a parameter, so that tests never use the process's own environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why a text could not be expanded. The message may contain the variable's name, never its value.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum ExpansionFault {
    #[error("the environment variable {0} is not set")]
    Unset(String),
    #[error("`${{` is not followed by a variable's name and `}}`")]
    NoName,
}

impl ExpansionFault {
    pub(super) fn help(&self) -> String {
        match self {
            Self::Unset(name) => format!("set {name} in Gatepost's environment"),
            Self::NoName => "write ${NAME}, or $${ for the characters themselves".to_owned(),
        }
    }
}

/// `text` with every variable replaced. The value of a variable is not expanded again.
pub(super) fn expand(text: &str, environment: Environment<'_>) -> Result<String, ExpansionFault> {
    let mut full = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            full.push_str(before);
            full.push_str("${");
            rest = behind;
            continue;
        }
        full.push_str(before);
        let (name, behind) = behind.split_once('}').filter(|(name, _)| is_name(name)).ok_or(ExpansionFault::NoName)?;
        full.push_str(&environment(name).ok_or_else(|| ExpansionFault::Unset(name.to_owned()))?);
        rest = behind;
    }
    full.push_str(rest);
    Ok(full)
}

/// A text that [`expand`] turns back into `text`.
pub(super) fn escape(text: &str) -> String {
    text.replace("${", "$${")
}

/// Whether a text can be the name of a variable.
pub(super) fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, ExpansionFault> {
        let environment = |name: &str| match name {
            "HOST" => Some("wiki.example.com".to_owned()),
            "ODD" => Some("${HOST}".to_owned()),
            _ => None,
        };
        expand(text, &environment)
    }

    #[test]
    fn variables_are_filled_in_once() {
        for (text, full) in [
            ("https://${HOST}/", "https://wiki.example.com/"),
            ("${HOST}${HOST}", "wiki.example.comwiki.example.com"),
            ("${ODD}", "${HOST}"),
            ("a$b$", "a$b$"),
            ("$${HOST}", "${HOST}"),
            ("$$${HOST}", "$${HOST}"),
        ] {
            assert_eq!(expanded(text), Ok(full.into()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_a_fault() {
        assert_eq!(expanded("${NOBODY}"), Err(ExpansionFault::Unset("NOBODY".into())));
        for text in ["${", "${HOST", "${}", "${9}", "${a b}", "${HOST-x}"] {
            assert_eq!(expanded(text), Err(ExpansionFault::NoName), "{text}");
        }
    }

    #[test]
    fn an_escaped_text_comes_back() {
        for text in ["${HOST}", "a$b", "${", "$"] {
            assert_eq!(expanded(&escape(text)), Ok(text.into()), "{text}");
        }
    }
}
