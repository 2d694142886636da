//! Sealing (authenticated encryption), secret bits, and replay keys.

pub mod hex;
pub mod replay;
pub mod sealing;
pub mod secret_bits;
pub mod signing_keys;
