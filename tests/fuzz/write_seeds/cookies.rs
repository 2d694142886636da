//! `Cookie` lines: ours, nearly ours, and others.

use crate::targets::test_outpost::{binding, session_values};

pub(super) fn cookies() -> Vec<(String, Vec<u8>)> {
    let [wiki, portal, _] = session_values();
    let (own, other) =
        (format!("__Host-gatepost-session-wiki={wiki}"), format!("__Secure-gatepost-session-portal={portal}"));
    let parts: Vec<String> = (0..20).map(|n| format!("__Host-gatepost-session-wiki_{n}={n}")).collect();
    let texts = [
        own.clone(),
        other.clone(),
        format!("a=1; {own}; b=2"),
        format!("a=1;{own};{other}; {}", binding()),
        format!("a=1\n{own}\nb=2"),
        format!("a=1,{own},b=2"),
        format!(" {own} ,; {own}"),
        format!("{own}; {own}; {own}; {own}; {own}; {own}"),
        format!("__Host-gatepost-session-wiki=junk; {own}"),
        format!("__host-gatepost-session-wiki={wiki}"),
        format!("a=\"x; {own}\"; b"),
        format!("__Secure-gatepost-session-wiki={wiki}"),
        format!("{own}x; __Host-gatepost-session-wiki; __Host-gatepost-session-wiki="),
        parts.join("; "),
        "a=1; ".repeat(257),
        "; ; ,,=;=,=".to_owned(),
        String::new(),
    ];
    let mut all: Vec<_> =
        texts.iter().enumerate().map(|(n, text)| (format!("{n:02}"), text.clone().into_bytes())).collect();
    all.push(("not-utf-8".to_owned(), [b"a=\xff; ", own.as_bytes(), b"; __Host-gatepost-x=\xff\xfe; c=3"].concat()));
    all
}
