//! Return addresses that are too long for `state`: they are stored in cookies that the browser sends to the callback
//! only, so that no application sees them and no other request carries them. `state` holds a keyed hash of the address
//! and the attempt: a planted address, or one of another attempt, does not match. The cookie is not encrypted, because
//! base64 adds a third to its length, and some proxies accept at most 8 KiB of cookies; the address is no secret to
//! the browser that requested it.

use std::fmt::Write as _;
use std::time::Duration;

use super::Application;
use super::cookies::{self, OwnCookies};
use crate::domain::oidc::sign_in::{Attempt, AttemptId};

/// The lifetime of the attempt.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// The longest address, in bytes, that has a cookie of its own. Several tabs can wait at once with addresses up to this
/// length, and one with a longer one: together less than the 60 KiB of headers that Envoy accepts. The cookie of a tab
/// is chosen at random.
const SHORT: usize = 700;
const SHORT_PLACES: u8 = 32;
/// Browsers store at most 4096 bytes of name and value.
const MAX_PIECE: usize = 3900;
const MAX_PIECES: usize = 5;

/// Precedes the sign for a byte that is not allowed in a cookie value (RFC 6265 section 4.1.1). Rare in addresses.
const ESCAPE: char = '^';
const ESCAPED: [(char, char); 5] = [('^', '0'), ('"', '1'), (',', '2'), (';', '3'), ('\\', '4')];
/// Precedes two hexadecimal digits.
const ANY_BYTE: char = 'x';

/// `Set-Cookie` values that store `address` in the browser for the attempt `id`; none when it is too long.
#[must_use]
pub fn keep(application: &Application, id: &AttemptId, address: &str) -> Vec<String> {
    let encoded = encode(address);
    let set = |name: &str, value: &str| cookies::set_return_piece(application, name, value, LIFETIME);
    if encoded.len() <= SHORT {
        return vec![set(&short_name(id), &encoded)];
    }
    let pieces: Vec<&str> = pieces(&encoded).collect();
    if pieces.len() > MAX_PIECES {
        return Vec::new();
    }
    let count = pieces.len();
    let value = |number: usize, piece: &str| if number == 0 { format!("{count}{piece}") } else { piece.to_owned() };
    pieces.iter().enumerate().map(|(number, piece)| set(&long_name(number), &value(number, piece))).collect()
}

/// The stored address of `attempt`, if the browser sent all of it.
#[must_use]
pub fn kept(own: &OwnCookies, attempt: &Attempt) -> Option<String> {
    let short = values(own, short_name(attempt.id())).find_map(|value| decode(value).filter(|it| attempt.ends_at(it)));
    short.or_else(|| long(own).and_then(|value| decode(&value)).filter(|address| attempt.ends_at(address)))
}

/// `Set-Cookie` values that delete the stored address of `attempt`; those of other attempts stay.
#[must_use]
pub fn forget(application: &Application, own: &OwnCookies, attempt: &Attempt) -> Vec<String> {
    let is_its_own = |value: &str| decode(value).is_some_and(|address| attempt.ends_at(&address));
    let short = short_name(attempt.id());
    let names = if values(own, short.clone()).any(is_its_own) {
        vec![short]
    } else if long(own).is_some_and(|value| is_its_own(&value)) {
        (0..MAX_PIECES).map(long_name).collect()
    } else {
        Vec::new()
    };
    let brought = |name: &String| own.return_pieces.iter().any(|(piece, _)| piece == name);
    let brought = names.into_iter().filter(brought);
    brought.map(|name| cookies::set_return_piece(application, &name, "", Duration::ZERO)).collect()
}

fn short_name(id: &AttemptId) -> String {
    let [place, ..] = id.as_bytes();
    (place % SHORT_PLACES).to_string()
}

fn long_name(number: usize) -> String {
    format!("long-{number}")
}

fn values(own: &OwnCookies, name: String) -> impl Iterator<Item = &str> {
    own.return_pieces.iter().filter(move |(piece, _)| *piece == name).map(|(_, value)| value.as_str())
}

/// The parts of a long address, joined.
fn long(own: &OwnCookies) -> Option<String> {
    let first = values(own, long_name(0)).next()?;
    let count = first.chars().next()?.to_digit(10)?;
    let count = usize::try_from(count).ok().filter(|count| (1..=MAX_PIECES).contains(count))?;
    let mut joined = first.get(1..)?.to_owned();
    for number in 1..count {
        joined += values(own, long_name(number)).next()?;
    }
    Some(joined)
}

fn pieces(encoded: &str) -> impl Iterator<Item = &str> {
    // Encoded text is ASCII, so it can be cut at every byte.
    (0..encoded.len()).step_by(MAX_PIECE).filter_map(|at| encoded.get(at..encoded.len().min(at + MAX_PIECE)))
}

fn encode(address: &str) -> String {
    let mut encoded = String::with_capacity(address.len() + 16);
    let mut buffer = [0; 4];
    for character in address.chars() {
        match ESCAPED.iter().find(|(escaped, _)| *escaped == character) {
            Some((_, sign)) => encoded.extend([ESCAPE, *sign]),
            None if character.is_ascii_graphic() => encoded.push(character),
            None => character.encode_utf8(&mut buffer).bytes().for_each(|byte| {
                // Writing to a `String` cannot fail.
                let _ = write!(encoded, "{ESCAPE}{ANY_BYTE}{byte:02x}");
            }),
        }
    }
    encoded
}

fn decode(encoded: &str) -> Option<String> {
    let mut address = Vec::with_capacity(encoded.len());
    let mut rest = encoded.chars();
    while let Some(character) = rest.next() {
        if character != ESCAPE {
            address.push(u8::try_from(character).ok()?);
            continue;
        }
        let sign = rest.next()?;
        if sign == ANY_BYTE {
            let (high, low) = (rest.next()?.to_digit(16)?, rest.next()?.to_digit(16)?);
            address.push(u8::try_from(high << 4 | low).ok()?);
        } else {
            let (escaped, _) = ESCAPED.iter().find(|(_, known)| *known == sign)?;
            address.push(u8::try_from(*escaped).ok()?);
        }
    }
    String::from_utf8(address).ok()
}

#[cfg(test)]
mod tests;
