//! Names and values of parameters, and what `start` passes on.

use super::*;

#[test]
fn no_spelling_of_a_parameter_of_ours_is_a_name() {
    for reserved in RESERVED {
        let spellings =
            [reserved.to_owned(), reserved.to_uppercase(), reserved.replace('_', "."), reserved.replace('_', "-")];
        for text in spellings {
            assert_eq!(ParameterName::parse(&text), Err(ParameterNameFault::Reserved), "{text}");
        }
    }
    for text in ["Redirect_URI", "redirect-uri", "rEdIrEcT.uRi"] {
        assert_eq!(ParameterName::parse(text), Err(ParameterNameFault::Reserved), "{text}");
    }
}

#[test]
fn a_name_has_only_the_signs_that_rfc_6749_allows() {
    let long = "x".repeat(LONGEST_NAME + 1);
    for text in
        ["", " ", "redirect_uri ", "redirect_uri[]", "redirect%5furi", "redirect\u{200b}_uri", "a=b", "a&b", "é", &long]
    {
        assert_eq!(ParameterName::parse(text), Err(ParameterNameFault::NotAName), "{text}");
    }
    for text in ["prompt", "acr_values", "hd", "kc_idp_hint", "vendor.x-1", "max_age", "resource", "states", "scope2"] {
        assert_eq!(ParameterName::parse(text).map(|name| name.as_str().to_owned()), Ok(text.to_owned()));
    }
}

#[test]
fn a_value_is_not_empty_not_long_and_has_no_control_characters() {
    for text in ["", "a\nb", "a\0", "\u{85}", &"x".repeat(LONGEST_VALUE + 1)] {
        assert_eq!(ParameterValue::parse(text), Err(ParameterValueFault), "{text:.20}");
    }
    for text in ["a b&redirect_uri=https://evil.test/", "ü", &"x".repeat(LONGEST_VALUE)] {
        assert_eq!(ParameterValue::parse(text).map(|value| value.as_str().len()), Ok(text.len()));
    }
}

#[test]
fn start_passes_on_what_is_listed_and_occurs_once() {
    let names = ["login_hint", "ui_locales"].map(|name| ParameterName::parse(name).expect("is a name"));
    let settings = AuthorizationSettings { forwarded: names.to_vec(), ..AuthorizationSettings::default() };
    let long = format!("login_hint={}", "x".repeat(LONGEST_VALUE + 1));
    for (query, expected) in [
        ("", &[][..]),
        ("rd=/x&login_hint=alice%40example.com", &[("login_hint", "alice@example.com")]),
        ("ui_locales=de+fr&login_hint=a", &[("login_hint", "a"), ("ui_locales", "de fr")]),
        ("login_hint=a&login_hint=a", &[]),
        ("login_hint=a&login%5fhint=b&ui_locales=de", &[("ui_locales", "de")]),
        ("login_hint=", &[]),
        ("login_hint=a%0ab", &[]),
        (&long, &[]),
        ("Login_Hint=a&prompt=none&redirect_uri=https://evil.test/&scope=x", &[]),
        ("login_hint=a%26redirect_uri%3Dhttps://evil.test/", &[("login_hint", "a&redirect_uri=https://evil.test/")]),
    ] {
        let found = settings.forwarded_from(query);
        let found: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
        assert_eq!(found, expected, "{query:.60}");
    }
}
