//! The exporter of traces: OTLP over gRPC, or over HTTP with protobuf (OpenTelemetry Protocol 1.x).

use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _,
};
use reqwest::Client;
use reqwest::redirect::Policy;
use thiserror::Error;
use url::Url;

use super::trusted_certificates::TrustedCertificates;

/// The path of traces at a collector (OTLP/HTTP).
const PATH: &str = "/v1/traces";

/// How spans are sent to a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpSettings {
    /// The collector's URL, http or https.
    pub endpoint: Url,
    /// The protocol.
    pub protocol: OtlpProtocol,
    /// Header lines of each request; their values are marked as sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Certificates of authorities that are trusted in addition to the system's.
    pub ca_certificates: TrustedCertificates,
    /// Time limit of a request.
    pub timeout: Duration,
}

/// A protocol of collectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// gRPC.
    Grpc,
    /// HTTP with protobuf messages.
    Http,
}

/// The exporter cannot be made.
#[derive(Debug, Error)]
#[error("traces: {0}")]
pub struct OtlpFault(String);

impl From<ExporterBuildError> for OtlpFault {
    fn from(fault: ExporterBuildError) -> Self {
        Self(fault.to_string())
    }
}

impl OtlpSettings {
    /// An exporter; it connects with its first spans. Must be called on a runtime.
    ///
    /// # Errors
    /// When TLS cannot be prepared.
    pub fn exporter(&self) -> Result<SpanExporter, OtlpFault> {
        // The first call installs the crypto provider of this process; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match self.protocol {
            OtlpProtocol::Grpc => self.over_grpc(),
            OtlpProtocol::Http => self.over_http(),
        }
    }

    fn over_grpc(&self) -> Result<SpanExporter, OtlpFault> {
        let lines: HeaderMap = self.headers.iter().cloned().collect();
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(self.endpoint.as_str());
        let mut exporter = exporter.with_timeout(self.timeout).with_metadata(MetadataMap::from_headers(lines));
        if self.endpoint.scheme() == "https" {
            let private = self.ca_certificates.pem().into_iter().map(Certificate::from_pem);
            exporter = exporter.with_tls_config(ClientTlsConfig::new().with_native_roots().ca_certificates(private));
        }
        Ok(exporter.build()?)
    }

    fn over_http(&self) -> Result<SpanExporter, OtlpFault> {
        let fault = |fault: reqwest::Error| OtlpFault(fault.to_string());
        let mut client = Client::builder().no_proxy().redirect(Policy::none()).timeout(self.timeout);
        for certificate in self.ca_certificates.for_client().map_err(fault)? {
            client = client.add_root_certificate(certificate);
        }
        let mut endpoint = self.endpoint.clone();
        if endpoint.path() == "/" {
            endpoint.set_path(PATH);
        }
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers: HashMap<String, String> =
            self.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let exporter = SpanExporter::builder().with_http().with_http_client(client.build().map_err(fault)?);
        let exporter = exporter.with_endpoint(endpoint.as_str()).with_protocol(Protocol::HttpBinary);
        Ok(exporter.with_timeout(self.timeout).with_headers(headers).build()?)
    }
}
