//! `gatepost doctor` from the operator's view, against providers and stores that are wrong in one way each. After an intended change
//! `BLESS=1 cargo test --test doctor` rewrites the expected tables; review the difference.

#[cfg(test)]
mod broken;
#[cfg(test)]
mod fake_provider;
#[cfg(test)]
mod front_proxies;
#[cfg(test)]
mod run;
#[cfg(test)]
mod table;
