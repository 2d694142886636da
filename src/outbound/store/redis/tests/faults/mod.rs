//! Faults of a real server and of the network before it (F-6 to F-8), seen from the store. Whatever happens: every
//! question is answered in time, a session that lives is never answered as none, and nobody is signed out by a fault.

mod faulty_redis;
mod network;
mod relay;
mod server;
mod warm;
