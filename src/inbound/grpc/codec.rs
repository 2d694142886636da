//! A codec for tonic that leaves messages as bytes, for calls whose messages are decoded and encoded by hand.

use prost::bytes::{Buf as _, BufMut as _, Bytes};
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// A request is rarely longer than half of this: once the length is known, tonic reserves as much room again behind what has
/// arrived. tonic's default is twice as much for every call.
const DECODE_BUFFER: usize = 4096;
/// An answer with its prefix is rarely longer.
const ENCODE_BUFFER: usize = 2048;
/// An answer has one message, so there is nothing to wait for.
const YIELD_THRESHOLD: usize = 0;

/// Messages as bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct BytesCodec;

/// Reads the only message of a unary call.
#[derive(Debug, Default)]
pub struct BytesDecoder {
    is_read: bool,
}

/// Writes a message.
#[derive(Debug, Default)]
pub struct BytesEncoder;

impl Codec for BytesCodec {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = BytesEncoder;
    type Decoder = BytesDecoder;

    fn encoder(&mut self) -> BytesEncoder {
        BytesEncoder
    }

    fn decoder(&mut self) -> BytesDecoder {
        BytesDecoder::default()
    }
}

impl Decoder for BytesDecoder {
    type Item = Bytes;
    type Error = Status;

    /// tonic drops what follows the message of a unary call; a second message makes the call ambiguous, so it is an error
    /// here.
    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        if std::mem::replace(&mut self.is_read, true) {
            return Err(Status::internal("there is more than one message"));
        }
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(DECODE_BUFFER, YIELD_THRESHOLD)
    }
}

impl Encoder for BytesEncoder {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.reserve(message.len());
        target.put_slice(&message);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(ENCODE_BUFFER, YIELD_THRESHOLD)
    }
}

#[cfg(test)]
mod tests;
