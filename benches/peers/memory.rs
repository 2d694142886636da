//! The memory that sessions take. Sessions in cookies take none at the server. Gatepost has the sessions that were saved
//! before it started. The Redis of oauth2-proxy and of `mod_auth_openidc` gets copies of the record of the user who has
//! signed in.

use std::error::Error;

use crate::check::Check;
use crate::plan::{Front, Plan};
use crate::programs::{Programs, Stores};
use crate::servers::Server;
use crate::servers::redis::Redis;

const MIB: f64 = 1024.0 * 1024.0;

/// MiB with all sessions.
pub(crate) struct Memory {
    gatepost: f64,
    gatepost_on_redis: f64,
    oauth2_proxy: f64,
    oauth2_proxy_on_redis: f64,
    apache: f64,
    fronts: [f64; 2],
    /// The sessions in each Redis.
    sessions_of_gatepost: f64,
    sessions_of_oauth2_proxy: f64,
    sessions_of_mod_auth_openidc: f64,
}

impl Memory {
    /// Measured after the load, with `count` sessions in the stores.
    ///
    /// # Errors
    /// When a program has ended, or a Redis has no record of a session.
    pub(crate) fn measure(programs: &Programs, count: usize) -> Result<Self, Box<dyn Error>> {
        let Stores { oauth2_proxy, mod_auth_openidc, .. } = &programs.stores;
        let of = Server::proportional;
        Ok(Self {
            gatepost: of(&programs.gatepost.server)?,
            gatepost_on_redis: of(&programs.gatepost_on_redis.server)?,
            oauth2_proxy: of(&programs.oauth2_proxy)?,
            oauth2_proxy_on_redis: of(&programs.oauth2_proxy_on_redis)?,
            apache: of(&programs.apache)?,
            fronts: [of(programs.front(Front::Envoy))?, of(programs.front(Front::Nginx))?],
            sessions_of_gatepost: programs.bytes_of_gatepost / MIB,
            sessions_of_oauth2_proxy: copies(oauth2_proxy, "_oauth2_proxy-*", count)? / MIB,
            // A session, and by which id the provider knows it.
            sessions_of_mod_auth_openidc: (copies(mod_auth_openidc, "s:*", count)?
                + copies(mod_auth_openidc, "d:*", count)?)
                / MIB,
        })
    }

    /// What the table says of this case.
    pub(crate) fn text(&self, plan: &Plan) -> String {
        let [envoy, nginx] = self.fronts;
        let with_redis = |program: f64, sessions: f64| format!("{program:.0} + {sessions:.0} in Redis");
        match (plan.check, plan.front) {
            (Check::Gatepost | Check::GatepostWithAllSessions, _) => format!("{:.0}", self.gatepost),
            (Check::GatepostOnRedis, _) => with_redis(self.gatepost_on_redis, self.sessions_of_gatepost),
            (Check::Oauth2Proxy, _) => format!("{:.0}", self.oauth2_proxy),
            (Check::Oauth2ProxyOnRedis, _) => with_redis(self.oauth2_proxy_on_redis, self.sessions_of_oauth2_proxy),
            (Check::ModAuthOpenidc, _) => format!("{:.0}", self.apache),
            (Check::ModAuthOpenidcOnRedis, _) => with_redis(self.apache, self.sessions_of_mod_auth_openidc),
            (Check::Oauth2Filter | Check::Oauth2AndJwtFilters, _) => format!("(in Envoy's {envoy:.0})"),
            (Check::Nothing, Front::Envoy) => format!("(Envoy {envoy:.0})"),
            (Check::Nothing, Front::Nginx) => format!("(nginx {nginx:.0})"),
            (Check::Nothing, Front::Apache) => format!("(Apache {:.0})", self.apache),
        }
    }
}

/// Bytes of the data in this Redis.
///
/// # Errors
/// When it does not answer.
pub(crate) fn of_redis(redis: &Redis) -> Result<f64, Box<dyn Error>> {
    let info: String = redis::cmd("INFO").arg("memory").query(&mut connection(redis)?)?;
    let bytes = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(bytes.ok_or("Redis does not say what its data takes")?.trim().parse()?)
}

/// Bytes of `count` copies of the record whose key has this pattern.
fn copies(redis: &Redis, pattern: &str, count: usize) -> Result<f64, Box<dyn Error>> {
    let mut connection = connection(redis)?;
    let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query(&mut connection)?;
    let Some(key) = keys.first() else {
        // No user has signed in there: the case was not selected.
        return Ok(0.0);
    };
    let before = of_redis(redis)?;
    let mut pipeline = redis::pipe();
    for number in 0..count {
        pipeline.cmd("COPY").arg(key).arg(format!("{key}{number:06}")).ignore();
    }
    let () = pipeline.query(&mut connection)?;
    Ok(of_redis(redis)? - before)
}

fn connection(redis: &Redis) -> Result<redis::Connection, Box<dyn Error>> {
    Ok(redis::Client::open(format!("redis://{}", redis.address))?.get_connection()?)
}
