//! Connections to servers: with credentials, TLS and timeouts, over RESP3.

use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion,
    RedisConnectionInfo, RedisError, RedisResult,
};
use secrecy::ExposeSecret as _;
use tokio::sync::watch;

use super::settings::{Access, Address, Credentials, RedisSettings};

/// Opens connections.
pub(super) struct Dialer {
    settings: RedisSettings,
    access: watch::Receiver<Access>,
}

impl Dialer {
    /// With the access of `settings` until another one is sent.
    pub(super) fn new(settings: RedisSettings) -> (Self, watch::Sender<Access>) {
        let (sender, access) = watch::channel(Access::of(&settings));
        (Self { settings, access }, sender)
    }

    /// The settings that do not change.
    pub(super) const fn settings(&self) -> &RedisSettings {
        &self.settings
    }

    /// The present access.
    pub(super) fn access(&self) -> Access {
        self.access.borrow().clone()
    }

    /// The changes of the access from now on.
    pub(super) fn changes(&self) -> watch::Receiver<Access> {
        self.access.clone()
    }

    /// A connection to the server at `address`. `pushes` receives the server's push messages, and a notification when the
    /// connection breaks.
    pub(super) async fn server(
        &self,
        address: &Address,
        pushes: impl AsyncPushSender,
    ) -> RedisResult<MultiplexedConnection> {
        let information = self.information(address, &self.access().credentials, self.settings.database)?;
        let config = self.config().set_push_sender(pushes);
        Client::open(information)?.get_multiplexed_async_connection_with_config(&config).await
    }

    /// The connection parameters of a server: address, credentials and database.
    pub(super) fn information(
        &self,
        address: &Address,
        credentials: &Credentials,
        database: u32,
    ) -> RedisResult<ConnectionInfo> {
        let mut greeting =
            RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_db(i64::from(database));
        if let Some(username) = &credentials.username {
            greeting = greeting.set_username(username);
        }
        if let Some(password) = &credentials.password {
            greeting = greeting.set_password(password.expose_secret());
        }
        let information = self.place(address)?.into_connection_info()?;
        Ok(information.set_tcp_settings(TcpSettings::default().set_nodelay(true)).set_redis_settings(greeting))
    }

    fn place(&self, Address { host, port }: &Address) -> RedisResult<ConnectionAddr> {
        match &self.access().tls {
            None => Ok(ConnectionAddr::Tcp(host.clone(), *port)),
            Some(tls) => {
                let unusable = (redis::ErrorKind::InvalidClientConfig, "the TLS settings cannot be used");
                tls.address(host.clone(), *port).ok_or_else(|| RedisError::from(unusable))
            }
        }
    }

    pub(super) fn config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.connect_timeout))
            .set_response_timeout(Some(self.settings.command_timeout))
    }
}
