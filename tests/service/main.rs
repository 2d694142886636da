//! The service as a whole, in process: listeners on free ports, health, readiness, limits, attacks, stopping.

#[cfg(test)]
mod admin_tls;
#[cfg(test)]
mod administration;
#[cfg(test)]
mod attacks;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod dialects;
#[cfg(test)]
mod forward_auth;
#[cfg(test)]
mod frames;
#[cfg(test)]
mod front_proxies;
#[cfg(test)]
mod http1;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod nginx;
#[cfg(test)]
mod probes;
#[cfg(test)]
mod support;
