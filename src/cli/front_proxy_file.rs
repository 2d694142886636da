//! The file of a front proxy for the applications of a configuration.

use super::snippet::{FrontProxy, ListenerAddress, NoSnippet, SnippetArgs, snippet};
use crate::server::Config;

/// `only`: the slug of the only application to include. `gatepost`: where the front proxy reaches Gatepost, if that is not an address
/// of `listen`.
pub(super) fn front_proxy_file(
    config: &Config,
    front_proxy: FrontProxy,
    only: Option<&str>,
    gatepost: Option<ListenerAddress>,
) -> Result<String, NoSnippet> {
    let grpc = ListenerAddress::of_listener(config.listen.grpc);
    let http = config.listen.http.map_or_else(|| grpc.with_port(9000), ListenerAddress::of_listener);
    let dialects = config.forward_auth.iter().flat_map(|settings| &settings.dialects);
    snippet(&SnippetArgs {
        front_proxy,
        applications: &config.applications,
        only,
        grpc: gatepost.as_ref().map_or(grpc.clone(), |gatepost| gatepost.with_port(grpc.port())),
        http: gatepost.unwrap_or(http),
        dialects: dialects.map(|dialect| dialect.as_str()).collect(),
    })
}
