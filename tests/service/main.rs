//! The service as a whole, in process: listeners on free ports, health, readiness, limits, attacks, stopping.

mod attacks;
mod connections;
mod fakes;
mod frames;
mod http1;
mod lifecycle;
mod probes;
mod support;
