//! How places are counted, and for which clients.

use std::net::IpAddr;

use super::*;

const LIMITS: WaitLimits = WaitLimits { total: 5, per_issuer: 3, per_client: 2, redemptions: 1 };

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn places_are_counted_in_all_by_purpose_at_an_issuer_and_by_client() {
    let waits = Waits::new(LIMITS);
    let take = |purpose, issuer: &str, client| waits.take(purpose, issuer, client);
    let first = [
        take(WaitReason::Redemption, "a", Some(address("192.0.2.1"))),
        take(WaitReason::Redemption, "a", Some(address("::ffff:192.0.2.1"))),
    ];
    assert!(first.iter().all(Result::is_ok));
    assert_eq!(take(WaitReason::Redemption, "a", Some(address("192.0.2.1"))).err(), Some(Full::Client));
    let elsewhere = take(WaitReason::Redemption, "b", Some(address("192.0.2.1")));
    assert!(elsewhere.is_ok(), "what one address does at one provider keeps it from no other");
    drop(elsewhere);
    let second = take(WaitReason::Redemption, "a", Some(address("192.0.2.2")));
    assert!(second.is_ok());
    assert_eq!(take(WaitReason::Redemption, "a", Some(address("192.0.2.3"))).err(), Some(Full::Issuer));
    let others = [take(WaitReason::LogoutToken, "a", None), take(WaitReason::Redemption, "b", None)];
    assert!(others.iter().all(Result::is_ok), "another purpose, and another issuer");
    assert_eq!(take(WaitReason::Credential, "c", None).err(), Some(Full::Total));
    drop((first, second, others));
    let taken = waits.taken();
    assert!(taken.total == 0 && taken.by_issuer.is_empty() && taken.by_client.is_empty(), "who left takes no memory");
}

#[test]
fn a_client_is_an_ipv6_network_of_64_bits() {
    let waits = Waits::new(LIMITS);
    let take = |client| waits.take(WaitReason::Metadata, "a", Some(address(client)));
    let _held = [take("2001:db8::1"), take("2001:db8::2:0:0:1")];
    assert_eq!(take("2001:db8::3").err(), Some(Full::Client));
    assert!(take("2001:db8:0:1::3").is_ok());
}

#[test]
fn a_signed_in_users_news_is_counted_for_no_client() {
    let waits = Waits::new(LIMITS);
    let held: Vec<_> = (0..3).map(|_| waits.take(WaitReason::Refresh, "a", Some(address("192.0.2.1")))).collect();
    assert!(held.iter().all(Result::is_ok));
    assert_eq!(waits.take(WaitReason::Refresh, "a", Some(address("192.0.2.1"))).err(), Some(Full::Issuer));
}

#[test]
fn frames_are_counted_for_all_issuers_together() {
    let waits = Waits::new(LIMITS);
    let take = |issuer, client| waits.take(WaitReason::FrontchannelLogout, issuer, Some(address(client)));
    let first = [take("a", "192.0.2.1"), take("b", "192.0.2.1")];
    assert!(first.iter().all(Result::is_ok));
    assert_eq!(take("c", "192.0.2.1").err(), Some(Full::Client));
    let second = take("c", "192.0.2.2");
    assert!(second.is_ok());
    assert_eq!(take("d", "192.0.2.3").err(), Some(Full::Issuer));
    assert!(waits.take(WaitReason::Metadata, "a", Some(address("192.0.2.1"))).is_ok(), "another purpose");
}

#[test]
fn an_attempt_is_redeemed_once_at_a_time() {
    let waits = Waits::new(LIMITS);
    let [one, other] = [AttemptId::new([1; 16]), AttemptId::new([2; 16])];
    let claim = waits.claim(&one);
    assert!(claim.is_some() && waits.claim(&other).is_some());
    assert!(waits.claim(&one).is_none());
    drop(claim);
    assert!(waits.claim(&one).is_some(), "and again when that one is given up");
}
