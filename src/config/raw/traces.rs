//! Keys of traces.

use std::path::PathBuf;

use crate::config::section::section;
use crate::config::value::{Choice, DurationField, Parameters, Ratio};

section! {
    /// Traces: a span for each decision, below that of the front proxy's request, and spans for the calls of the session store
    /// and of identity providers.
    struct Traces {
        /// URL of the collector, such as `http://collector.monitoring:4317`. With protocol `http` and no path in it,
        /// `/v1/traces` is added.
        endpoint: required String,
        /// `grpc`, or `http` with protobuf messages.
        protocol: OtlpProtocol = "grpc",
        /// The share of the traces that begin at Gatepost that are exported, from 0 to 1. A trace that the front proxy began is
        /// exported if the front proxy says so in `traceparent`.
        sample_ratio: Ratio = "1",
        /// Headers of each request to the collector, such as `authorization`.
        headers: Parameters = "{}",
        /// Attributes of the resource, such as `k8s.pod.name`, in addition to `service.name`, `service.version` and those in the
        /// environment variable `OTEL_RESOURCE_ATTRIBUTES`.
        resource: Parameters = "{}",
        /// CA certificates (PEM) that are trusted in addition to the system's.
        ca_file: optional PathBuf,
        /// Timeout of a request to the collector.
        timeout: DurationField = "10s",
    }
}

/// [`crate::outbound::otlp::OtlpProtocol`].
#[derive(Clone, Copy)]
pub(in crate::config) enum OtlpProtocol {
    Grpc,
    Http,
}

impl Choice for OtlpProtocol {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::Grpc, "grpc"), (Self::Http, "http")];
}
