//! What `deploy/` holds: the Helm chart, rendered by Helm's own engine and checked against the schemas of each
//! kind; the systemd unit, read by systemd; the Debian package, installed into a folder.

#[cfg(test)]
mod configuration;
#[cfg(test)]
mod debian;
#[cfg(test)]
mod front_proxies;
#[cfg(test)]
mod helm;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod systemd;
#[cfg(test)]
mod values;
