//! The declared keys: schema, reference and reader agree about every one of them.

use std::collections::BTreeSet;

use boon::{Compiler, SchemaIndex, Schemas};
use gatepost::config::{reference, schema};
use serde_json::{Value, json};

use super::support::{FULL, Folder, SMALLEST, first_difference};

/// authentik excludes `applications`; `authentik.rs` has its keys.
const OF_AUTHENTIK: &str = "authentik.";
/// Keys that exclude others in the full file, or that have the only value that fits those.
const NOT_IN_FULL: [&str; 5] = [
    "audit.socket",
    "session.sealing_key",
    "session.path",
    "session.redis.password",
    "session.redis.sentinel_password",
];

struct Checker {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Checker {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("gatepost.json", serde_json::from_str(&schema()).unwrap()).unwrap();
        let index = compiler.compile("gatepost.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn accepts(&self, value: &Value) -> bool {
        self.schemas.validate(value, self.index).is_ok()
    }
}

/// The path of every key below `schema` that is not a section.
fn keys(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let section = schema.get("anyOf").and_then(|either| either.get(0)).unwrap_or(schema);
    if let Some(items) = section.get("items").filter(|items| items.get("properties").is_some()) {
        keys(items, &format!("{path}[]"), found);
    } else if let Some(properties) = section.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            keys(property, &path, found);
        }
    } else {
        found.insert(path.to_owned());
    }
}

fn all_keys() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    keys(&serde_json::from_str(&schema()).unwrap(), "", &mut found);
    found
}

/// The JSON Pointers to `key` in `file`.
fn pointers(file: &Value, key: &str) -> Vec<String> {
    let pointer = format!("/{}", key.replace('.', "/"));
    let candidates = ["/0", "/1", "/2", "/3", "/4", "/5"].map(|item| pointer.replace("[]", item));
    let found: BTreeSet<String> = candidates.into_iter().filter(|pointer| file.pointer(pointer).is_some()).collect();
    found.into_iter().collect()
}

fn full() -> Value {
    serde_json::from_str(FULL).unwrap()
}

fn remove(file: &mut Value, pointer: &str) {
    let (section, key) = pointer.rsplit_once('/').unwrap();
    file.pointer_mut(section).unwrap().as_object_mut().unwrap().remove(key);
}

#[test]
fn the_reference_is_fresh() {
    let (written, fresh) = (include_str!("../../src/config/REFERENCE.md"), reference());
    let difference = first_difference(written, &fresh).unwrap_or_else(|| "the line ends differ".to_owned());
    let help = "run `cargo run --locked -- config-reference > src/config/REFERENCE.md`";
    assert!(written == fresh, "{difference}\n{help}");
}

#[test]
fn every_key_of_the_schema_stands_in_the_reference_and_in_the_full_file() {
    let (reference, full) = (reference(), full());
    let keys = all_keys();
    assert!(keys.len() > 60, "{}", keys.len());
    for key in keys {
        let (section, name) = key.rsplit_once('.').unwrap();
        let table = reference.split(&format!("\n## `{section}`\n")).nth(1).unwrap_or_default();
        let table = table.split("\n## ").next().unwrap_or_default();
        assert!(table.contains(&format!("\n| `{name}` | ")), "{key} is not in the reference");
        let is_left_out = NOT_IN_FULL.contains(&key.as_str()) || key.starts_with(OF_AUTHENTIK);
        assert_eq!(pointers(&full, &key).is_empty(), is_left_out, "{key}");
    }
}

#[test]
fn every_key_has_an_effect() {
    let folder = Folder::new();
    let whole = format!("{:?}", folder.load(FULL).unwrap().config);
    for key in all_keys() {
        for pointer in pointers(&full(), &key) {
            let mut file = full();
            remove(&mut file, &pointer);
            let without = folder.load(&file.to_string()).map(|loaded| format!("{:?}", loaded.config));
            assert_ne!(without.as_ref(), Ok(&whole), "{pointer} is accepted and does nothing");
        }
    }
    for effect in ["store: memory", "path: elsewhere.db", "sealing_key: AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="] {
        let text = format!("{SMALLEST}session: {{ {effect} }}\n");
        let (with, without) = (folder.load(&text).unwrap(), folder.load(SMALLEST).unwrap());
        assert_ne!(format!("{:?}", with.config), format!("{:?}", without.config), "{effect}");
    }
}

#[test]
fn the_schema_accepts_what_is_right() {
    let checker = Checker::new();
    assert!(checker.accepts(&full()));
    let smallest = json!({ "applications": [{ "name": "Wiki", "external_host": "https://wiki.example.com",
        "issuer": "https://sso.example.com/", "client_id": "wiki", "client_secret": "x" }] });
    assert!(checker.accepts(&smallest));
    assert!(Folder::new().load(&smallest.to_string()).is_ok());
}

/// The diagnostics about a file whose structure is wrong.
const ABOUT_SHAPE: [&str; 7] = [
    "there is no such key",
    "is needed here",
    "it is required",
    "it is not one of the accepted values",
    "it is not a listen address",
    "it is empty",
    "the key has no value",
];

#[test]
fn schema_and_reader_agree_about_every_value_under_every_key() {
    let (folder, checker) = (Folder::new(), Checker::new());
    // Files, certificates and patterns take time and are irrelevant to the structure.
    let mut base = full();
    base.pointer_mut("/applications").unwrap().as_array_mut().unwrap().truncate(1);
    for pointer in ["/tls", "/provider/ca_file", "/applications/0/skip_path_regex"] {
        remove(&mut base, pointer);
    }
    let values = json!([
        null, true, false, 0, 1, -1, 1.5, 70000, 9e99, 2_147_483_648_u32, "", "x", "true", "30s", "0s", "1h30m", "30", "1 h",
        "hours=8", "64 KiB", "64KB", "9999999999 KiB", "off", "127.0.0.1:80", "[::1]:80", "localhost:80", "file", "RS256",
        [], ["x"], [1], [null], [[]], {}, {"x": 1}
    ]);
    for key in all_keys().iter().map(String::as_str).chain(["applications", "listen", "limits.grpc", "no-such-key"]) {
        let pointer = format!("/{}", key.replace("[]", "/0").replace('.', "/"));
        for value in values.as_array().unwrap() {
            let mut file = base.clone();
            let (section, name) = pointer.rsplit_once('/').unwrap();
            let Some(section) = file.pointer_mut(section).and_then(Value::as_object_mut) else { continue };
            section.insert(name.to_owned(), value.clone());
            let faults = folder.load(&file.to_string()).err().map(|diagnostics| diagnostics.to_string());
            let faults = faults.unwrap_or_default();
            let shape_is_right = !ABOUT_SHAPE.iter().any(|phrase| faults.contains(phrase));
            assert_eq!(checker.accepts(&file), shape_is_right, "{key}: {value}: {faults}");
        }
    }
}
