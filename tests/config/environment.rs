//! A single application from environment variables alone.

use gatepost::config::load_environment;
use secrecy::ExposeSecret as _;

const COMPLETE: [(&str, &str); 4] = [
    ("GATEPOST_EXTERNAL_HOST", "https://wiki.example.com"),
    ("GATEPOST_ISSUER", "https://sso.example.com/"),
    ("GATEPOST_CLIENT_ID", "wiki"),
    ("GATEPOST_CLIENT_SECRET", "pa${ss}word"),
];

/// The diagnostics, or the client secret that was read.
fn started(variables: &[(&str, &str)]) -> Result<String, Vec<String>> {
    let environment =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let loaded = load_environment(&environment)
        .map_err(|diagnostics| diagnostics.faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let application = loaded.config.applications.iter().next().unwrap().clone();
    assert_eq!((application.name.as_str(), application.slug.as_str()), ("wiki.example.com", "wiki-example-com"));
    Ok(application.relying_party.client_secret.as_ref().unwrap().expose_secret().to_owned())
}

#[test]
fn four_variables_are_enough_and_are_taken_as_they_are() {
    assert_eq!(started(&COMPLETE), Ok("pa${ss}word".to_owned()));
}

#[test]
fn the_secret_may_stand_in_a_file() {
    let folder = super::support::Folder::new();
    let path = folder.0.path().join("secret.txt");
    let file = ("GATEPOST_CLIENT_SECRET_FILE", path.to_str().unwrap());
    let [host, issuer, id, secret] = COMPLETE;
    assert_eq!(started(&[host, issuer, id, file]), Ok("file secret".to_owned()));
    let both = started(&[host, issuer, id, secret, file]).unwrap_err();
    assert_eq!(
        both,
        ["environment: GATEPOST_CLIENT_SECRET_FILE: the value is given directly, too; keep one of the two"]
    );
}

#[test]
fn every_missing_variable_is_named() {
    let expected = [
        "environment: configuration: there is none; give a file with --config, set the variables below for one application, or AUTHENTIK_HOST and AUTHENTIK_TOKEN in the place of authentik's outpost",
        "environment: GATEPOST_EXTERNAL_HOST: it is not set; set GATEPOST_EXTERNAL_HOST, or give a file with --config",
        "environment: GATEPOST_ISSUER: it is not set; set GATEPOST_ISSUER, or give a file with --config",
        "environment: GATEPOST_CLIENT_ID: it is not set; set GATEPOST_CLIENT_ID, or give a file with --config",
        "environment: GATEPOST_CLIENT_SECRET: it is not set; set GATEPOST_CLIENT_SECRET or GATEPOST_CLIENT_SECRET_FILE, or give a file with --config",
    ];
    assert_eq!(started(&[]).unwrap_err(), expected);
    assert_eq!(started(&[("GATEPOST_ISSUER", "")]).unwrap_err(), expected);
}

#[test]
fn complaints_name_the_variable() {
    let [_, _, id, secret] = COMPLETE;
    let faults = started(&[
        ("GATEPOST_EXTERNAL_HOST", "http://wiki.example.com"),
        ("GATEPOST_ISSUER", "http://sso.example.com/"),
        id,
        secret,
    ]);
    let keys: Vec<String> =
        faults.unwrap_err().iter().map(|fault| fault.split(": ").nth(1).unwrap().to_owned()).collect();
    assert_eq!(keys, ["GATEPOST_EXTERNAL_HOST", "GATEPOST_ISSUER"]);
}
