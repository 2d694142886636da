//! Messages of authentik: `{"instruction": n, "args": {…}}`.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::domain::crypto::hex;

/// What authentik reports.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Instruction {
    /// It received a HELLO.
    Ack,
    /// Something about this outpost changed.
    TriggerUpdate,
    /// The session with this `sid` ended.
    SessionEnd(String),
    /// Something that concerns other outposts.
    None,
}

/// A message that cannot be used; no text repeats a part of it.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum Unusable {
    #[error("it is not JSON with an `instruction`")]
    NotAnInstruction,
    #[error("the instruction {0} is unknown")]
    Unknown(i64),
    #[error("`session_id` is not 64 hexadecimal digits in lower case")]
    SessionId,
}

#[derive(Deserialize)]
struct Message {
    instruction: i64,
    #[serde(default)]
    args: Value,
}

impl Instruction {
    pub(super) fn read(text: &str) -> Result<Self, Unusable> {
        let Message { instruction, args } = serde_json::from_str(text).map_err(|_| Unusable::NotAnInstruction)?;
        match instruction {
            0 => Ok(Self::Ack),
            2 => Ok(Self::TriggerUpdate),
            // Outposts of other types have instructions of their own; older servers end sessions this way.
            3 if args.get("sub_type").and_then(Value::as_str) != Some("logout") => Ok(Self::None),
            3 | 4 => session_id(&args).map(Self::SessionEnd),
            other => Err(Unusable::Unknown(other)),
        }
    }
}

/// The hash of authentik's session key, which is the claim `sid`.
fn session_id(args: &Value) -> Result<String, Unusable> {
    let id = args.get("session_id").and_then(Value::as_str).unwrap_or_default();
    hex::decode::<32>(id.as_bytes()).map(|_| id.to_owned()).ok_or(Unusable::SessionId)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn instructions_are_read() {
        let ended = || Ok(Instruction::SessionEnd(SID.to_owned()));
        for (text, expected) in [
            (r#"{"instruction":0,"args":{}}"#, Ok(Instruction::Ack)),
            (r#"{"instruction":0}"#, Ok(Instruction::Ack)),
            (r#"{"instruction":2,"args":null,"more":1}"#, Ok(Instruction::TriggerUpdate)),
            (r#"{"instruction":2,"args":[1]}"#, Ok(Instruction::TriggerUpdate)),
            (r#"{"instruction":4,"args":{"type":"event.session.end","session_id":"SID"}}"#, ended()),
            (r#"{"instruction":4,"args":{"session_id":"SID"}}"#, ended()),
            (r#"{"instruction":3,"args":{"sub_type":"logout","session_id":"SID"}}"#, ended()),
            (r#"{"instruction":3,"args":{"sub_type":"terminate","session_id":"SID"}}"#, Ok(Instruction::None)),
            (r#"{"instruction":3}"#, Ok(Instruction::None)),
            (r#"{"instruction":3,"args":{"sub_type":"logout"}}"#, Err(Unusable::SessionId)),
            (r#"{"instruction":4,"args":{"session_id":""}}"#, Err(Unusable::SessionId)),
            (r#"{"instruction":4,"args":{"session_id":7}}"#, Err(Unusable::SessionId)),
            (r#"{"instruction":4}"#, Err(Unusable::SessionId)),
            (r#"{"instruction":4,"args":{"session_id":"SIDSID"}}"#, Err(Unusable::SessionId)),
            (r#"{"instruction":1,"args":{}}"#, Err(Unusable::Unknown(1))),
            (r#"{"instruction":-5}"#, Err(Unusable::Unknown(-5))),
            (r#"{"instruction":"2"}"#, Err(Unusable::NotAnInstruction)),
            (r#"{"args":{}}"#, Err(Unusable::NotAnInstruction)),
            ("[]", Err(Unusable::NotAnInstruction)),
            ("garbage", Err(Unusable::NotAnInstruction)),
            ("", Err(Unusable::NotAnInstruction)),
        ] {
            assert_eq!(Instruction::read(&text.replace("SID", SID)), expected, "{text}");
        }
        for odd in [SID.to_uppercase(), SID.replace('9', "g"), format!("{SID}0"), SID[1..].to_owned()] {
            let text = format!(r#"{{"instruction":4,"args":{{"session_id":"{odd}"}}}}"#);
            assert_eq!(Instruction::read(&text), Err(Unusable::SessionId), "{odd}");
        }
    }
}
