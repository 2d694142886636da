//! A claim and its qualifier come from one source (OC-14).

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn claims(value: &Value) -> Claims {
    Claims::new(value.as_object().cloned().expect("an object"))
}

/// A claim and its qualifier, as far as they are present.
fn pair(of: &Claims, (claim, qualifier): (&str, &str)) -> (Option<Value>, Option<Value>) {
    (of.present(claim).cloned(), of.present(qualifier).cloned())
}

#[test]
fn oc_14_one_source_speaks_of_an_address() {
    for (own, others, expected) in [
        (json!({"email": "a"}), json!({"email": "b", "email_verified": true}), json!({"email": "a"})),
        (json!({"email": "a"}), json!({"email_verified": true}), json!({"email": "a"})),
        (json!({"email_verified": true}), json!({"email": "b"}), json!({"email": "b"})),
        (
            json!({"email_verified": true}),
            json!({"email": "b", "email_verified": false}),
            json!({"email": "b", "email_verified": false}),
        ),
        (
            json!({"email": "a"}),
            json!({"email": "a", "email_verified": true}),
            json!({"email": "a", "email_verified": true}),
        ),
        (
            json!({"email": "a", "email_verified": false}),
            json!({"email": "a", "email_verified": true}),
            json!({"email": "a", "email_verified": false}),
        ),
        (json!({"email": "a"}), json!({"email": "A", "email_verified": true}), json!({"email": "a"})),
        (json!({"email_verified": false}), json!({"email": "b"}), json!({"email": "b", "email_verified": false})),
        (
            json!({"email": "", "email_verified": "false"}),
            json!({"email": "b"}),
            json!({"email": "b", "email_verified": false}),
        ),
        (json!({"email": "a"}), json!({"email": "b", "email_verified": false}), json!({"email": "a"})),
        (json!({"email": "a"}), json!({"email_verified": false}), json!({"email": "a", "email_verified": false})),
        (json!({"email": null, "email_verified": true}), json!({"email": "b"}), json!({"email": "b"})),
        (json!({"name": ""}), json!({"name": "x", "groups": null}), json!({"name": "x"})),
        (json!({"phone_number": "1"}), json!({"phone_number_verified": true}), json!({"phone_number": "1"})),
        (
            json!({"address": {"country": "A"}}),
            json!({"address": {"locality": "b"}}),
            json!({"address": {"country": "A"}}),
        ),
        (json!({"groups": []}), json!({"groups": ["x"]}), json!({"groups": []})),
    ] {
        assert_eq!(claims(&own).completed_by(claims(&others)), claims(&expected), "{own} and {others}");
    }
}

/// The claims of one source about an address, a telephone number and their verification, with every form of absence.
fn source() -> impl Strategy<Value = Claims> {
    let text = || {
        prop_oneof![
            Just(None),
            Just(Some(json!(null))),
            Just(Some(json!(""))),
            "[ab]".prop_map(|letter| Some(json!(letter)))
        ]
    };
    let said = || {
        prop_oneof![
            Just(None),
            Just(Some(json!(null))),
            Just(Some(json!(true))),
            Just(Some(json!(false))),
            Just(Some(json!("true")))
        ]
    };
    (text(), said(), text(), said()).prop_map(|(email, verified, phone, phone_verified)| {
        let names = ["email", "email_verified", "phone_number", "phone_number_verified"];
        let values = [email, verified, phone, phone_verified];
        Claims::new(names.into_iter().zip(values).filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    })
}

proptest! {
    #[test]
    fn oc_14_a_merged_pair_is_that_of_one_source(sources in prop::collection::vec(source(), 2..5)) {
        let merged = sources.iter().cloned().reduce(Claims::completed_by).expect("are some");
        for names in QUALIFIED {
            let (whole, all) = (pair(&merged, names), sources.iter().map(|source| pair(source, names)));
            // A report of one source that the claim is unverified is preserved beside a claim without a qualifier.
            let denied = all.clone().any(|(_, said)| said == Some(json!(false)));
            let unnamed = all.clone().any(|one| one == (None, Some(json!(false))));
            let unsaid = (whole.0.clone(), None);
            let is_denied = denied && whole.1 == Some(json!(false)) && all.clone().any(|one| one == unsaid);
            prop_assert!(is_denied || all.clone().any(|one| one == whole), "{whole:?} of {:?}", all.collect::<Vec<_>>());
            prop_assert!(!unnamed || whole.1.is_some(), "a denial is not forgotten: {whole:?}");
        }
    }
}
