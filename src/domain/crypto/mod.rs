//! Sealing, secret bits, and keys that tell a replay.

pub mod hex;
pub mod replay;
pub mod sealing;
pub mod secret_bits;
