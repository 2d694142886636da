//! No text makes the reader panic, and damaged files are either accepted or reported.

use proptest::prelude::*;

use super::support::{FULL, SMALLEST, variables};

fn read(text: &str) {
    if let Err(diagnostics) = gatepost::config::load(text, "gatepost.yaml".as_ref(), &variables) {
        assert!(!diagnostics.faults.is_empty());
        assert!(diagnostics.faults.iter().all(|fault| !fault.problem.is_empty() && !fault.help.is_empty()));
    }
}

/// One modification of a text.
#[derive(Clone, Debug)]
enum Damage {
    Cut(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, String),
    Double(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(from, to)| Damage::Cut(from, to)),
        (any::<prop::sample::Index>(), r#"[-:?,\[\]{}#&*!|>'"%@` \n\t$~0-9a-z]{1,4}"#)
            .prop_map(|(at, text)| Damage::Insert(at, text)),
        any::<prop::sample::Index>().prop_map(Damage::Double),
    ]
}

fn damaged(text: &str, damages: Vec<Damage>) -> String {
    damages.into_iter().fold(text.to_owned(), |text, damage| {
        let chars: Vec<char> = text.chars().collect();
        let at = |index: prop::sample::Index| index.index(chars.len() + 1);
        match damage {
            Damage::Cut(from, to) => {
                let from = at(from);
                let to = (from + to.index(40)).min(chars.len());
                chars[..from].iter().chain(&chars[to..]).collect()
            }
            Damage::Insert(index, more) => {
                let (before, behind) = chars.split_at(at(index));
                before.iter().copied().chain(more.chars()).chain(behind.iter().copied()).collect()
            }
            Damage::Double(index) => {
                let lines: Vec<&str> = text.lines().collect();
                let Some(line) = lines.get(index.index(lines.len().max(1))) else { return text };
                text.replacen(line, &format!("{line}\n{line}"), 1)
            }
        }
    })
}

proptest! {
    #[test]
    fn any_text_is_read(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn text_that_looks_like_yaml_is_read(text in r#"([ ]{0,4}[-?:]? ?[a-z&*!|>'"\[\]{}#%,]{0,4}:? ?[a-z&*!|>'"\[\]{}#%,0-9]{0,4}\n){0,12}"#) {
        read(&text);
    }

    #[test]
    fn a_damaged_file_is_read(damages in prop::collection::vec(damage(), 1..6)) {
        read(&damaged(SMALLEST, damages.clone()));
        read(&damaged(FULL, damages));
    }
}
