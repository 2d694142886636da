//! The gRPC services beside `Check`: health (`grpc.health.v1`) and reflection.

use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::pb::FILE_DESCRIPTOR_SET as HEALTH_DESCRIPTORS;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// The names that answer health checks: the whole server, and the service that Envoy calls.
const NAMES: [&str; 2] = ["", "envoy.service.auth.v3.Authorization"];

/// Descriptors of Envoy's authorization protocol, for reflection.
const EXT_AUTHZ_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/envoy_ext_authz_descriptor.bin"));

/// The status that the health service reports; initially `NOT_SERVING`.
#[derive(Clone)]
pub struct Health(HealthReporter);

impl Health {
    /// A health service that does not serve yet.
    pub async fn not_serving() -> Self {
        let health = Self(HealthReporter::new());
        health.set(ServingStatus::NotServing).await;
        health
    }

    /// From now on every name is `SERVING`.
    pub async fn serving(&self) {
        self.set(ServingStatus::Serving).await;
    }

    /// From now on every name is `NOT_SERVING`.
    pub async fn stopping(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    /// Ends every `Watch`: its stream would keep a connection open that has to close.
    pub async fn end_watches(&mut self) {
        for name in NAMES {
            self.0.clear_service_status(name).await;
        }
    }

    async fn set(&self, status: ServingStatus) {
        for name in NAMES {
            self.0.set_service_status(name, status).await;
        }
    }

    /// Health and reflection.
    ///
    /// # Errors
    /// When the descriptors for reflection cannot be read, which the build makes impossible.
    pub fn routes(&self) -> Result<Routes, tonic_reflection::server::Error> {
        let health = HealthServer::new(HealthService::from_health_reporter(self.0.clone()));
        Ok(Routes::new(health).add_service(reflection().build_v1()?).add_service(reflection().build_v1alpha()?))
    }
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(HEALTH_DESCRIPTORS)
        .register_encoded_file_descriptor_set(EXT_AUTHZ_DESCRIPTORS)
}
