//! Variables, references, and what is said about wrong ones.

use std::collections::HashMap;

use secrecy::ExposeSecret as _;

use super::*;

const GOOD: [(&str, &str); 2] = [(HOST, "https://auth.example.com"), (TOKEN, "the token")];

fn read(variables: &[(&str, &str)]) -> Result<Option<AuthentikEnvironment>, Diagnostics> {
    let variables: HashMap<&str, &str> = GOOD.iter().chain(variables).copied().collect();
    environment(&|name| variables.get(name).map(|value| (*value).to_owned()))
}

fn good(variables: &[(&str, &str)]) -> AuthentikEnvironment {
    read(variables).unwrap().expect("is an outpost")
}

#[test]
fn without_host_and_token_it_is_another_program() {
    assert!(environment(&|_| None).unwrap().is_none());
    assert!(environment(&|_| Some(String::new())).unwrap().is_none());
    assert!(environment(&|name| (name == "AUTHENTIK_INSECURE").then(|| "true".to_owned())).unwrap().is_none());
}

#[test]
fn everything_else_has_a_default() {
    for empty in [&[][..], &[("AUTHENTIK_HOST_BROWSER", ""), ("AUTHENTIK_INSECURE", ""), ("AUTHENTIK_LOG_LEVEL", " ")]]
    {
        let read = good(empty);
        assert_eq!(read.host, ServerAddress::parse("https://auth.example.com/").unwrap());
        assert_eq!(read.token.expose_secret(), "the token");
        assert!(!read.insecure && read.host_browser.is_none() && read.log_level.is_none());
        assert!(read.listen_http.is_none() && read.listen_https.is_none() && read.listen_metrics.is_none());
        assert_eq!(read.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(), DEFAULT_TRUSTED_PROXIES);
        assert_eq!(read.warnings, []);
    }
}

#[test]
fn every_variable_is_read() {
    let read = good(&[
        (TOKEN, " the token\n"),
        ("AUTHENTIK_HOST_BROWSER", "https://sso.example.com"),
        ("AUTHENTIK_LOG_LEVEL", "WARNING"),
        ("AUTHENTIK_LISTEN__HTTP", "127.0.0.1:9000, [::1]:9000"),
        ("AUTHENTIK_LISTEN__HTTPS", ":9443"),
        ("AUTHENTIK_LISTEN__METRICS", "0.0.0.0:9300,"),
        ("AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS", "192.0.2.0/24, 2001:db8::1"),
    ]);
    assert_eq!(read.token.expose_secret(), "the token");
    assert_eq!(read.host_browser, Some(BrowserAddress::parse("https://sso.example.com").unwrap()));
    assert_eq!(read.log_level, Some("warn"));
    let addresses = |of: Option<Vec<SocketAddr>>| of.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(addresses(read.listen_http), ["127.0.0.1:9000", "[::1]:9000"]);
    assert_eq!(addresses(read.listen_https), ["[::]:9443"]);
    assert_eq!(addresses(read.listen_metrics), ["0.0.0.0:9300"]);
    let proxies: Vec<String> = read.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["192.0.2.0/24", "2001:db8::1/128"]);
    assert!(!format!("{:?}", good(&[])).contains("the token"));
}

#[test]
fn an_unverified_connection_is_told() {
    for (text, expected) in [("true", true), ("True", true), ("1", true), ("false", false), ("0", false), ("F", false)]
    {
        let read = good(&[("AUTHENTIK_INSECURE", text)]);
        assert_eq!(read.insecure, expected, "{text}");
        assert_eq!(read.warnings.iter().any(|warning| &*warning.key == "AUTHENTIK_INSECURE"), expected);
    }
}

#[test]
fn a_value_may_stand_in_a_file_or_in_another_variable() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "  from the file\r\n").unwrap();
    let path = file.path().display();
    for (written, expected) in [
        (format!("file://{path}"), "from the file"),
        (format!("file://{path}?fallback"), "from the file"),
        ("file:///nowhere/at/all?fall?back".to_owned(), "fall?back"),
        ("env://AUTHENTIK_HOST".to_owned(), "https://auth.example.com"),
        ("env://NOWHERE?fallback".to_owned(), "fallback"),
        ("https://x?y".to_owned(), "https://x?y"),
    ] {
        assert_eq!(good(&[(TOKEN, written.as_str())]).token.expose_secret(), expected, "{written}");
    }
    assert_eq!(good(&[("AUTHENTIK_INSECURE", "env://NOWHERE?true")]).warnings.len(), 1);
}

#[test]
fn what_is_wrong_names_its_variable_and_the_correction() {
    for (name, value, words) in [
        (HOST, "", "it is empty; set it to the address"),
        (HOST, "auth.example.com:9000", "it is not an address; write https://"),
        (HOST, "ldap://auth.example.com", "the scheme is `ldap`; write https://"),
        (HOST, "https://user:secret@auth.example.com", "it contains a user name or a password; the token goes"),
        (TOKEN, "", "it is empty; set it to the token"),
        (TOKEN, "file:///nowhere/at/all", "/nowhere/at/all cannot be read (entity not found); name a readable file"),
        (TOKEN, "file:///", "/ cannot be read (is a directory)"),
        (TOKEN, "env://NOWHERE", "it refers to the variable NOWHERE, which is not set; set NOWHERE"),
        (TOKEN, "file:///nowhere/at/all?", "it is empty"),
        ("AUTHENTIK_INSECURE", "maybe", "its value cannot be used; write true or false"),
        ("AUTHENTIK_INSECURE", "env://AUTHENTIK_TOKEN", "its value cannot be used; write true"),
        ("AUTHENTIK_LISTEN__HTTP", "env://AUTHENTIK_TOKEN", "its value cannot be used; write"),
        ("AUTHENTIK_HOST_BROWSER", "sso.example.com", "it is not an address; write https://"),
        ("AUTHENTIK_LISTEN__HTTP", "9000", "its value cannot be used; write an address and a port"),
        ("AUTHENTIK_LISTEN__HTTPS", "0.0.0.0:9443,x", "cannot be used; write an address and a port"),
        ("AUTHENTIK_LISTEN__METRICS", "0.0.0.0:99999", "cannot be used; write an address and a port"),
        ("AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS", "10.0.0.0/33", "cannot be used; write networks"),
    ] {
        let fault = read(&[(name, value)]).expect_err(value).to_string();
        assert!(fault.starts_with(&format!("environment: {name}: ")) && fault.contains(words), "{fault}");
        assert!(!fault.contains("secret@") && !fault.contains("the token\""), "{fault}");
    }
    let referred = good(&[("AUTHENTIK_LOG_LEVEL", "env://AUTHENTIK_TOKEN")]).warnings;
    assert_eq!(referred[0].problem, "its value is no level, so the level is info");
    let warned = good(&[("AUTHENTIK_LOG_LEVEL", "loud"), ("AUTHENTIK_LOG__HTTP_HEADERS", "User-Agent")]);
    let keys: Vec<&str> = warned.warnings.iter().map(|warning| &*warning.key).collect();
    assert_eq!(keys, ["AUTHENTIK_LOG_LEVEL", "AUTHENTIK_LOG__HTTP_HEADERS"]);
    let all = read(&[(HOST, ""), ("AUTHENTIK_INSECURE", "maybe")]).expect_err("is wrong");
    assert_eq!(all.faults.len(), 2, "all at once");
    let missing = environment(&|name| (name == TOKEN).then(|| "x".to_owned())).expect_err("is wrong").to_string();
    assert!(missing.contains("AUTHENTIK_HOST: it is not set; set it to the address"), "{missing}");
}
