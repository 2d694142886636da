//! Faults of a real server and of the network before it (F-6 to F-8), seen from the store. Whatever happens: every
//! operation is answered in time, a live session is never reported as absent, and no user is signed out by a fault.

mod faulty_redis;
mod network;
mod relay;
mod server;
mod warm;
