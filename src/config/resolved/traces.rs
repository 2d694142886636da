//! Traces: the collector to which they go, and which of them.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue};
use url::Url;

use super::settings;
use crate::config::raw::{self, OtlpProtocol};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::config::value::Parameters;
use crate::outbound::otlp::OtlpSettings;
use crate::server::Traces;
use crate::telemetry::TraceSettings;

/// `Some(None)` without the section.
#[expect(clippy::option_option, reason = "the outer one says whether there was a complaint, as everywhere here")]
pub(super) fn traces(written: &Setting<raw::Traces>, reader: &mut Reader<'_>) -> Option<Option<Traces>> {
    let written = match written {
        Setting::Absent => return Some(None),
        Setting::Faulty => return None,
        Setting::Given(section) => &section.value,
    };
    let endpoint = written.endpoint.given().and_then(|endpoint| endpoint_of(endpoint, reader));
    let ca_certificates = settings::ca_certificates(&written.ca_file, reader);
    let headers = headers(&written.headers.value, reader);
    let resource = resource(&written.resource.value);
    let otlp = OtlpSettings {
        endpoint: endpoint?,
        protocol: match written.protocol.value {
            OtlpProtocol::Grpc => crate::outbound::otlp::OtlpProtocol::Grpc,
            OtlpProtocol::Http => crate::outbound::otlp::OtlpProtocol::Http,
        },
        headers: headers?,
        ca_certificates: ca_certificates?,
        timeout: written.timeout.value.0,
    };
    Some(Some(Traces { otlp, spans: TraceSettings { sample_ratio: written.sample_ratio.value.0, resource } }))
}

fn endpoint_of(Spanned { location, value }: &Spanned<String>, reader: &mut Reader<'_>) -> Option<Url> {
    let help = "write it like http://collector.monitoring:4317";
    let url = Url::parse(value).ok().filter(|url| {
        let has_host = url.host_str().is_some_and(|host| !host.is_empty() || host.parse::<IpAddr>().is_ok());
        matches!(url.scheme(), "http" | "https") && has_host && url.username().is_empty() && url.password().is_none()
    });
    let url = url.filter(|url| url.query().is_none() && url.fragment().is_none());
    if url.is_none() {
        reader.fault(
            location,
            "it is not the URL of a collector (http or https, without user, query or fragment)",
            help,
        );
    }
    url
}

fn headers(written: &Parameters, reader: &mut Reader<'_>) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let mut is_sound = true;
    let mut headers = Vec::new();
    for (name, value) in &written.0 {
        let parsed = HeaderName::try_from(&name.value).ok().zip(HeaderValue::try_from(&value.value).ok());
        let parsed = parsed.filter(|(_, value)| value.to_str().is_ok());
        let Some((name, mut value)) = parsed else {
            let problem = "it is not a header line of printable ASCII characters";
            reader.fault(&name.location, problem, "write it like `authorization: Bearer ${TOKEN}`");
            is_sound = false;
            continue;
        };
        value.set_sensitive(true);
        headers.push((name, value));
    }
    is_sound.then_some(headers)
}

fn resource(written: &Parameters) -> Vec<(String, String)> {
    written.0.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect()
}
