//! Measures the duration of store operations, and counts failures.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::domain::crypto::replay::ReplayKey;
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Session, SessionKey};
use crate::domain::time::Timestamp;
use crate::ports::{
    Consumption, Cursor, EndedSession, Lease, LeaseHolder, ListedSession, ProviderSessionEnd, SessionPage,
    SessionStore, StoreFault, StoredSession,
};
use crate::telemetry::names;
use crate::telemetry::traces::{self, Called};

/// A store operation, as metrics name it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Load,
    Save,
    Replace,
    Touch,
    End,
    EndUser,
    EndProviderSession,
    IsConsumed,
    ConsumeOnce,
    Lease,
    Release,
    Expire,
    Count,
    Page,
    OfUser,
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Save => "save",
            Self::Replace => "replace",
            Self::Touch => "touch",
            Self::End => "end",
            Self::EndUser => "end_user",
            Self::EndProviderSession => "end_provider_session",
            Self::IsConsumed => "is_consumed",
            Self::ConsumeOnce => "consume_once",
            Self::Lease => "lease",
            Self::Release => "release",
            Self::Expire => "expire",
            Self::Count => "count",
            Self::Page => "page",
            Self::OfUser => "of_user",
        }
    }
}

/// Runs an operation and records its duration and failure.
pub(super) async fn timed<T, E>(operation: Operation, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let begun = Instant::now();
    let done = traces::called(Called::Store { operation: operation.as_str() }, work).await;
    metrics::histogram!(names::STORE_SECONDS, "operation" => operation.as_str()).record(begun.elapsed());
    // Also without a failure: a counter that appears with its first event hides this event from `increase` and `rate`.
    metrics::counter!(names::STORE_ERRORS, "operation" => operation.as_str()).increment(u64::from(done.is_err()));
    done
}

/// A store whose operations are measured. Loads are not measured here: a store knows which of them are served from memory,
/// and measures the others itself.
pub(super) struct Metered<S>(pub(super) S);

#[async_trait]
impl<S: SessionStore> SessionStore for Metered<S> {
    fn load<'s, 'k, 'f>(
        &'s self,
        key: &'k SessionKey,
    ) -> Pin<Box<dyn Future<Output = Result<Option<StoredSession>, StoreFault>> + Send + 'f>>
    where
        's: 'f,
        'k: 'f,
        Self: 'f,
    {
        self.0.load(key)
    }

    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault> {
        timed(Operation::Save, self.0.save(key, session)).await
    }

    async fn replace(&self, key: &SessionKey, session: Session) -> Result<bool, StoreFault> {
        timed(Operation::Replace, self.0.replace(key, session)).await
    }

    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault> {
        timed(Operation::Touch, self.0.touch(key, last_seen)).await
    }

    async fn end(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault> {
        timed(Operation::End, self.0.end(key)).await
    }

    async fn end_user(&self, user: &User) -> Result<Vec<EndedSession>, StoreFault> {
        timed(Operation::EndUser, self.0.end_user(user)).await
    }

    async fn end_provider_session(
        &self,
        session: &ProviderSession,
        of: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault> {
        timed(Operation::EndProviderSession, self.0.end_provider_session(session, of)).await
    }

    async fn is_consumed(&self, replay_key: &ReplayKey) -> Result<bool, StoreFault> {
        timed(Operation::IsConsumed, self.0.is_consumed(replay_key)).await
    }

    async fn consume_once(&self, replay_key: &ReplayKey, until: Timestamp) -> Result<Consumption, StoreFault> {
        timed(Operation::ConsumeOnce, self.0.consume_once(replay_key, until)).await
    }

    async fn lease(&self, key: &SessionKey, holder: &LeaseHolder, span: Duration) -> Result<Lease, StoreFault> {
        timed(Operation::Lease, self.0.lease(key, holder, span)).await
    }

    async fn release(&self, key: &SessionKey, holder: &LeaseHolder) -> Result<(), StoreFault> {
        timed(Operation::Release, self.0.release(key, holder)).await
    }

    async fn count(&self) -> Result<Option<usize>, StoreFault> {
        timed(Operation::Count, self.0.count()).await
    }

    async fn expire(&self, now: Timestamp, idle_since: Timestamp) -> Result<usize, StoreFault> {
        timed(Operation::Expire, self.0.expire(now, idle_since)).await
    }

    async fn page(&self, from: &Cursor, limit: usize) -> Result<SessionPage, StoreFault> {
        timed(Operation::Page, self.0.page(from, limit)).await
    }

    async fn of_user(&self, user: &User) -> Result<Vec<ListedSession>, StoreFault> {
        timed(Operation::OfUser, self.0.of_user(user)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use metrics_exporter_prometheus::PrometheusBuilder;

    #[test]
    fn what_an_operation_takes_is_recorded_and_what_fails_is_counted() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            let good = async { Ok::<_, StoreFault>(1) };
            let bad = async { Err::<u8, _>(StoreFault("gone".to_owned())) };
            assert_eq!(timed(Operation::Save, good).now_or_never().and_then(Result::ok), Some(1));
            assert!(timed(Operation::EndUser, bad).now_or_never().is_some_and(|done| done.is_err()));
        });
        let page = recorder.handle().render();
        for line in [
            "gatepost_store_operation_seconds_count{operation=\"save\"} 1\n",
            "gatepost_store_operation_seconds_count{operation=\"end_user\"} 1\n",
            "gatepost_store_errors_total{operation=\"end_user\"} 1\n",
            "gatepost_store_errors_total{operation=\"save\"} 0\n",
        ] {
            assert!(page.contains(line), "{line} is missing in {page}");
        }
    }
}
