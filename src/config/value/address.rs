//! Addresses of listeners.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::{Value as Json, json};

use super::{Plain, Value, one, plain_type};
use crate::config::diagnostic::Location;
use crate::config::document::{Content, Node};
use crate::config::outline::ValueType;
use crate::config::reader::Reader;

/// The address of a listener: a port on all interfaces, or an address and a port.
pub(in crate::config) struct ListenAddress(pub(in crate::config) SocketAddr);
/// The address of a listener, or none (`off`).
pub(in crate::config) struct MaybeAddress(pub(in crate::config) Option<SocketAddr>);

impl Value for ListenAddress {
    fn value_type() -> ValueType {
        one("port or address:port", json!({ "anyOf": address_schemas() }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        read_address(node, location, reader, "write a port such as 9001, or 127.0.0.1:9001, or \"[::]:9001\"").map(Self)
    }
}

impl Value for MaybeAddress {
    fn value_type() -> ValueType {
        let mut schemas = address_schemas();
        schemas.push(json!({ "enum": ["off", false] }));
        one("port, address:port or off", json!({ "anyOf": schemas }))
    }

    fn read(node: &Node, location: &Location, reader: &mut Reader<'_>) -> Option<Self> {
        // In YAML 1.1 `off` without quotes is false, so both spellings are accepted.
        let off = matches!(&node.content, Content::One { text, .. } if &**text == "off");
        if off || plain_type(node) == Plain::Bool(false) {
            return Some(Self(None));
        }
        let help = "write a port such as 9000, or 127.0.0.1:9000, or \"[::]:9000\", or off";
        read_address(node, location, reader, help).map(|address| Self(Some(address)))
    }
}

fn address_schemas() -> Vec<Json> {
    let port = json!({ "type": "integer", "minimum": 0, "maximum": 65535 });
    vec![port, json!({ "type": "string", "pattern": r"^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$" })]
}

fn read_address(node: &Node, location: &Location, reader: &mut Reader<'_>, help: &str) -> Option<SocketAddr> {
    let everywhere = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    let address = match (plain_type(node), &node.content) {
        (Plain::Whole(port), _) => u16::try_from(port).ok().map(everywhere),
        (Plain::Text, Content::One { text, .. }) => text.parse().ok(),
        _ => None,
    };
    if address.is_none() {
        reader.fault(location, "it is not a listen address", help);
    }
    address
}
