//! The address of a metrics listener, as it is written on the command line.

use http::uri::Authority;

/// Reads an address of the command line.
pub(super) fn parse_address(text: &str) -> Result<Authority, &'static str> {
    let address = text.parse::<Authority>().ok();
    let address = address.filter(|address| !address.host().is_empty() && address.port_u16().is_some());
    address
        .filter(|_| !text.contains('@'))
        .ok_or("it is not an address; write a host and a port, such as 127.0.0.1:9300")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for text in ["127.0.0.1:9300", "[::1]:9300", "gatepost:1"] {
            assert_eq!(parse_address(text).expect("is an address"), text);
        }
        for text in ["", "gatepost", ":9300", "gatepost:", "gatepost:x", "gatepost:70000", "http://gatepost:1", "a@b:1"]
        {
            parse_address(text).expect_err(text);
        }
    }
}
