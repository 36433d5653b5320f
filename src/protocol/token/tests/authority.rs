//! F50: whatever is wrong with a token, and whoever shows it, it is refused, and a warm cache changes nothing.

use super::*;
use crate::limits::{TOKEN_CACHE_LIFE, TOKEN_CACHE_MAX, TOKEN_FAILURES_MAX};
use crate::protocol::Moment;
use crate::protocol::token::cache::Cache;

const AT: Moment = Moment(1_000_000);
const PEER: [u8; 16] = [3; 16];

/// Those whom [`grants`] speak for.
fn bearers() -> [Principal; 4] {
    [
        Principal::Client(ClientId([1; 16])),
        Principal::Player(Some(WireObj(97))),
        Principal::Host(HostId([4; 16]), [5; 32]),
        Principal::Worker(WorkerId([6; 16]), [0; 32]),
    ]
}

/// Others of the same kinds.
fn others() -> [Principal; 4] {
    [
        Principal::Client(ClientId([2; 16])),
        Principal::Player(Some(WireObj(98))),
        Principal::Host(HostId([5; 16]), [5; 32]),
        Principal::Worker(WorkerId([7; 16]), [0; 32]),
    ]
}

fn authority() -> Authority {
    Authority::new(ring(), Revocations::default())
}

fn check(
    authority: &mut Authority,
    principal: Principal,
    token: &str,
    now: Wall,
) -> Result<Claims, TokenError> {
    let presented = Presented {
        peer: Some(PEER),
        principal,
        token,
    };
    authority.check(&presented, now, AT)
}

/// What is done to a good token before it is shown.
type Spoil = fn(&mut Authority, &Grant, String) -> String;

/// A fault, what makes it, and what it is answered with.
fn faults() -> Vec<(&'static str, Spoil, TokenError)> {
    vec![
        (
            "revoked by its subject",
            |authority, grant, token| {
                authority.revoke(grant.subject().0, NOW);
                token
            },
            TokenError::Revoked,
        ),
        (
            "revoked alone",
            |authority, _, token| {
                authority.revoke(Subject::Token(JTI), NOW);
                token
            },
            TokenError::Revoked,
        ),
        (
            "revoked with all others, its key still in the ring",
            |authority, _, token| {
                authority.revocations_mut().revoke_all(NOW);
                token
            },
            TokenError::Revoked,
        ),
        (
            "signed by a key that was dropped",
            |authority, _, token| {
                *authority = authority.rotated(true, NOW).expect("random bytes").0;
                token
            },
            TokenError::Invalid,
        ),
        (
            "of another world",
            |authority, grant, _| {
                let keys = authority.ring().to_bytes();
                let other = KeyRing::from_bytes("other", &keys).expect("a ring");
                other.sign(grant.clone(), JTI, NOW)
            },
            TokenError::Invalid,
        ),
        (
            "with the footer of another class",
            |_, grant, token| {
                let at = token.rfind('.').expect("it has a footer");
                let wrong = TokenClass::ALL.into_iter().find(|class| *class != grant.class());
                let footer = wrong.expect("there are four").footer();
                format!("{}.{}", &token[..at], base64url(footer.as_bytes()))
            },
            TokenError::Invalid,
        ),
        (
            "without its footer",
            |_, _, token| token[..token.rfind('.').expect("it has a footer")].to_owned(),
            TokenError::Invalid,
        ),
        (
            "truncated",
            |_, _, token| token[..token.len() / 2].to_owned(),
            TokenError::Invalid,
        ),
        (
            "garbage",
            |_, _, _| "v4.public.what?".to_owned(),
            TokenError::Invalid,
        ),
        ("empty", |_, _, _| String::new(), TokenError::Invalid),
    ]
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |bits: u32| char::from(DIGITS[(bits & 63) as usize]);
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        text.extend((0..=chunk.len()).map(|place| digit(bits >> (18 - 6 * place))));
    }
    text
}

#[test]
fn f50_a_spoilt_token_is_refused_cold_and_warm() {
    for (grant, bearer) in grants().into_iter().zip(bearers()) {
        for (fault, spoil, answer) in faults() {
            for is_warm in [false, true] {
                let mut authority = authority_for(&grant);
                let token = authority.sign(grant.clone(), JTI, NOW);
                if is_warm {
                    check(&mut authority, bearer, &token, NOW).expect("it is good as yet");
                }
                let shown = spoil(&mut authority, &grant, token);
                let judged = check(&mut authority, bearer, &shown, NOW);
                assert_eq!(judged, Err(answer), "{fault}, {bearer:?}, warm: {is_warm}");
            }
        }
    }
}

/// An authority in which the grant's generation is the one that holds.
fn authority_for(grant: &Grant) -> Authority {
    let mut authority = authority();
    let (subject, generation) = grant.subject();
    for _ in 0..generation {
        authority.revoke(subject, NOW);
    }
    authority
}

#[test]
fn f50_a_good_token_in_other_hands_is_refused_cold_and_warm() {
    for (place, grant) in grants().into_iter().enumerate() {
        let wrong_kinds = bearers().into_iter().filter(|who| who.class() != grant.class());
        let hands = [others()[place]].into_iter().chain(wrong_kinds);
        for hand in hands {
            for is_warm in [false, true] {
                let mut authority = authority_for(&grant);
                let token = authority.sign(grant.clone(), JTI, NOW);
                if is_warm {
                    check(&mut authority, bearers()[place], &token, NOW).expect("its bearer may");
                }
                let judged = check(&mut authority, hand, &token, NOW);
                let expected = match hand.class() == grant.class() {
                    true => TokenError::NotBearers,
                    false => TokenError::Invalid,
                };
                assert_eq!(judged, Err(expected), "{hand:?}, warm: {is_warm}");
            }
        }
    }
}

#[test]
fn f50_a_token_expires_cold_and_warm_and_says_so() {
    for (grant, bearer) in grants().into_iter().zip(bearers()) {
        for is_warm in [false, true] {
            let mut authority = authority_for(&grant);
            let token = authority.sign(grant.clone(), JTI, NOW);
            if is_warm {
                check(&mut authority, bearer, &token, NOW).expect("it is good as yet");
            }
            let over = later(grant.class().life() + Duration::from_secs(60));
            let judged = check(&mut authority, bearer, &token, over);
            assert_eq!(judged, Err(TokenError::Expired));
            assert_eq!(
                RpcMessageError::from(TokenError::Expired),
                RpcMessageError::TokenExpired
            );
        }
    }
}

#[test]
fn a_host_s_token_is_tied_to_the_key_that_it_speaks_with() {
    let grant = grants()[2].clone();
    let mut authority = authority_for(&grant);
    let token = authority.sign(grant, JTI, NOW);
    let stolen = Principal::Host(HostId([4; 16]), key_hash(&[9; 32]));
    assert_eq!(
        check(&mut authority, stolen, &token, NOW),
        Err(TokenError::NotBearers)
    );
}

#[test]
fn twenty_bad_tokens_a_minute_and_then_none_is_looked_at() {
    let mut authority = authority_for(&grants()[0]);
    let good = authority.sign(grants()[0].clone(), JTI, NOW);
    let show = |authority: &mut Authority, peer, token: &str, at| {
        let presented = Presented {
            peer: Some(peer),
            principal: bearers()[0],
            token,
        };
        authority.check(&presented, NOW, at)
    };
    for _ in 0..TOKEN_FAILURES_MAX {
        assert_eq!(show(&mut authority, PEER, "junk", AT), Err(TokenError::Invalid));
    }
    let last_moment = AT.plus(Duration::from_secs(60) - Duration::from_micros(1));
    for at in [AT, last_moment] {
        assert_eq!(
            show(&mut authority, PEER, &good, at),
            Err(TokenError::TooManyFailures)
        );
    }
    assert!(
        show(&mut authority, [4; 16], &good, AT).is_ok(),
        "others are not concerned"
    );
    assert!(show(&mut authority, PEER, &good, AT.plus(Duration::from_secs(60))).is_ok());
}

#[test]
fn whoever_is_one_of_many_under_no_name_of_their_own_locks_out_none_of_the_others() {
    let mut authority = authority_for(&grants()[0]);
    let good = authority.sign(grants()[0].clone(), JTI, NOW);
    let mut show = |token: &str| {
        let presented = Presented {
            peer: None,
            principal: bearers()[0],
            token,
        };
        authority.check(&presented, NOW, AT)
    };
    for _ in 0..=TOKEN_FAILURES_MAX {
        assert_eq!(show("junk"), Err(TokenError::Invalid));
    }
    assert!(show(&good).is_ok());
}

#[test]
fn a_renewed_token_says_the_same_and_holds_for_longer() {
    for (grant, bearer) in grants().into_iter().zip(bearers()) {
        let mut authority = authority_for(&grant);
        let token = authority.sign(grant.clone(), JTI, NOW);
        let claims = check(&mut authority, bearer, &token, NOW).expect("it is good");
        let half = later(grant.class().life() / 2);
        let renewed = authority.renew(&claims, [8; 16], half);
        let again = check(&mut authority, bearer, &renewed, half).expect("it is good");
        assert_eq!((again.grant, again.jti, again.issued), (grant, [8; 16], half));
    }
}

#[test]
fn the_cache_is_bounded_and_forgets_after_a_minute() {
    let mut cache = Cache::default();
    let claims = Claims {
        jti: JTI,
        issued: NOW,
        expires: NOW,
        grant: grants()[0].clone(),
    };
    for n in 0..2 * TOKEN_CACHE_MAX {
        cache.put(&n.to_string(), claims.clone(), AT);
    }
    assert!(cache.len() <= TOKEN_CACHE_MAX);
    let last = (2 * TOKEN_CACHE_MAX - 1).to_string();
    assert_eq!(cache.get(&last, AT), Some(&claims));
    assert_eq!(cache.get(&last, AT.plus(TOKEN_CACHE_LIFE)), None);
    assert_eq!(cache.get("another", AT), None);
}

#[test]
fn what_was_replaced_is_taken_until_a_minute_after_the_new_one_was_shown() {
    let (first, second, third) = ([1; 16], [2; 16], [3; 16]);
    let mut credentials = Credentials::new(JTI, first, NOW);
    let half = later(TokenClass::Client.life() / 2);
    assert!(!credentials.is_due(NOW) && credentials.is_due(half));
    assert!(credentials.accept(&first, half));
    credentials.replace(Credentials::new([8; 16], second, half));
    let at = |secs| half.plus(Duration::from_secs(secs));
    assert!(
        credentials.accept(&first, at(600)),
        "the host was away and has not heard of it"
    );
    assert!(credentials.accept(&second, at(600)) && !credentials.accept(&third, at(600)));
    assert!(credentials.accept(&first, at(659)) && !credentials.accept(&first, at(660)));
    assert!(credentials.accept(&second, at(660)));
}

#[test]
fn an_expired_token_s_hash_proves_nothing() {
    let (first, second, third) = ([1; 16], [2; 16], [3; 16]);
    let mut credentials = Credentials::new(JTI, first, NOW);
    let over = later(TokenClass::Client.life() + Duration::from_secs(60));
    assert!(credentials.accept(&first, Wall(over.0 - 1)) && !credentials.accept(&first, over));
    credentials.replace(Credentials::new([8; 16], second, Wall(over.0 - 1)));
    credentials.replace(Credentials::new([8; 16], third, Wall(over.0 - 1)));
    assert!(
        credentials.accept(&first, Wall(over.0 - 1)),
        "two renewals that nobody heard of"
    );
    assert!(!credentials.accept(&first, over) && credentials.accept(&third, over));
}
