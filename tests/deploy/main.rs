//! What `deploy/` holds: the Helm chart, rendered by Helm's own engine and checked against the schemas of each
//! kind; the systemd unit, read by systemd; the Debian package, installed into a folder; the image,
//! unpacked.

#[cfg(test)]
mod configuration;
#[cfg(test)]
mod debian;
#[cfg(test)]
mod first_page;
#[cfg(test)]
mod front_proxies;
#[cfg(test)]
mod helm;
#[cfg(test)]
mod image;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod systemd;
#[cfg(test)]
#[expect(dead_code, reason = "the end-to-end tests use the rest of it")]
mod unpacked;
#[cfg(test)]
mod values;
