//! The four tokens: who accepts which, and what each forgery is answered with.

mod authority;
mod revocations;

use super::*;

const NOW: Wall = Wall::from_secs(1_800_000_000);
const JTI: [u8; 16] = [9; 16];

fn ring() -> KeyRing {
    KeyRing::generate("hall").expect("the system has random bytes")
}

fn grants() -> [Grant; 4] {
    [
        Grant::Client {
            client: ClientId([1; 16]),
            generation: 2,
        },
        Grant::Auth {
            player: WireObj(97),
            generation: 3,
            auth_time: Wall::from_secs(1_799_990_000),
        },
        Grant::Host {
            host: HostId([4; 16]),
            host_type: "tcp".into(),
            key_hash: [5; 32],
            generation: 7,
        },
        Grant::Worker {
            worker: WorkerId([6; 16]),
            kinds: vec!["http".into()],
            key_hash: [0; 32],
            generation: 8,
        },
    ]
}

fn later(span: Duration) -> Wall {
    NOW.plus(span)
}

#[test]
fn each_class_verifies_as_itself_and_as_no_other() {
    let ring = ring();
    for grant in grants() {
        let token = ring.sign(grant.clone(), JTI, NOW);
        assert!(token.starts_with("v4.public."));
        for class in TokenClass::ALL {
            let verified = ring.verify(class, &token, NOW);
            if class == grant.class() {
                let claims = verified.expect("its own class");
                assert_eq!((&claims.grant, claims.jti, claims.issued), (&grant, JTI, NOW));
                assert_eq!(claims.expires, NOW.plus(class.life()));
            } else {
                assert_eq!(verified, Err(TokenError::Invalid));
            }
        }
    }
}

#[test]
fn the_footers_are_the_known_ones() {
    let footers = TokenClass::ALL.map(TokenClass::footer);
    assert_eq!(
        footers,
        [
            "key-id:moor_client",
            "key-id:moor_player",
            "key-id:moor_host",
            "key-id:moor_worker"
        ]
    );
}

#[test]
fn a_token_holds_until_its_life_is_over_and_clocks_may_differ_by_a_minute() {
    let ring = ring();
    for grant in grants() {
        let (class, token) = (grant.class(), ring.sign(grant, JTI, NOW));
        let over = later(class.life() + Duration::from_secs(60));
        let last_second = Wall(over.0 - 1_000);
        let claims = ring.verify(class, &token, last_second).expect("a second is left");
        assert!(claims.is_half_spent(last_second) && !claims.is_half_spent(NOW));
        assert_eq!(ring.verify(class, &token, over), Err(TokenError::Expired));
    }
}

#[test]
fn a_player_s_token_never_outlives_thirty_days_from_the_password() {
    let ring = ring();
    let thirty_days = Duration::from_secs(30 * 24 * HOUR);
    let grant = Grant::Auth {
        player: WireObj(97),
        generation: 0,
        auth_time: NOW,
    };
    let late = Wall(later(thirty_days).0 - 1_000);
    let token = ring.sign(grant, JTI, late);
    let claims = ring
        .verify(TokenClass::Auth, &token, late)
        .expect("a second is left");
    assert_eq!(claims.expires, later(thirty_days));
}

#[test]
fn a_token_from_the_future_does_not_hold_yet() {
    let ring = ring();
    let token = ring.sign(grants()[0].clone(), JTI, NOW);
    let before = |secs: u64| Wall(NOW.0 - secs * 1_000);
    assert!(ring.verify(TokenClass::Client, &token, before(60)).is_ok());
    assert_eq!(
        ring.verify(TokenClass::Client, &token, before(61)),
        Err(TokenError::NotYet)
    );
}

#[test]
fn another_world_or_another_key_takes_no_token_of_ours() {
    let ring = ring();
    let token = ring.sign(grants()[0].clone(), JTI, NOW);
    let same_keys = KeyRing::from_bytes("other", &ring.to_bytes()).expect("the bytes of a ring");
    for other in [same_keys, super::tests::ring()] {
        assert_eq!(
            other.verify(TokenClass::Client, &token, NOW),
            Err(TokenError::Invalid)
        );
    }
}

#[test]
fn a_changed_token_is_not_taken() {
    let ring = ring();
    let token = ring.sign(grants()[1].clone(), JTI, NOW);
    for place in 10..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("still ASCII");
        assert_eq!(
            ring.verify(TokenClass::Auth, &changed, NOW),
            Err(TokenError::Invalid),
            "at {place}"
        );
    }
    for junk in [
        "",
        "v4.public.",
        "v4.public.AAAA",
        "v2.local.x.y",
        &"x".repeat(100_000),
    ] {
        assert_eq!(ring.verify(TokenClass::Auth, junk, NOW), Err(TokenError::Invalid));
    }
}

#[test]
fn a_retired_key_verifies_for_a_day_and_signs_nothing() {
    let mut ring = ring();
    let old = ring.sign(grants()[0].clone(), JTI, NOW);
    let told = ring.public_keys(NOW);
    ring.rotate(NOW).expect("the system has random bytes");
    let new = ring.sign(grants()[0].clone(), JTI, NOW);
    assert_eq!(
        ring.public_keys(NOW)[0].kid,
        told[1].kid,
        "the next key was told before it signed"
    );
    let almost_a_day = Duration::from_secs(24 * 3_600 - 1);
    for token in [&old, &new] {
        assert!(
            ring.verify(TokenClass::Client, token, later(almost_a_day))
                .is_ok()
        );
    }
}

#[test]
fn after_a_rotation_at_once_no_key_that_was_in_the_file_signs_or_verifies() {
    let stolen = ring();
    let authority = Authority::new(stolen.clone(), Revocations::default());
    let (after, _) = authority.rotated(true, NOW).expect("the system has random bytes");
    let known = |kid: &str| after.ring().public_keys(NOW).iter().any(|key| key.kid == kid);
    assert!(stolen.public_keys(NOW).iter().all(|key| !known(&key.kid)));
}

#[test]
fn a_stored_ring_is_the_same_ring() {
    let mut ring = ring();
    for _ in 0..2 {
        let back = KeyRing::from_bytes("hall", &ring.to_bytes()).expect("the bytes of a ring");
        assert_eq!(back.public_keys(NOW), ring.public_keys(NOW));
        assert_eq!(back.bound("c", Some("p")), ring.bound("c", Some("p")));
        let token = ring.sign(grants()[2].clone(), JTI, NOW);
        assert!(back.verify(TokenClass::Host, &token, NOW).is_ok());
        let bytes = ring.to_bytes();
        for end in 0..bytes.len() {
            // One prefix of a ring is a ring: the one without its retired key.
            let is_shorter_ring = end == 1 + 32 + 2 * 64;
            assert_eq!(
                KeyRing::from_bytes("hall", &bytes[..end]).is_ok(),
                is_shorter_ring,
                "at {end}"
            );
        }
        ring.rotate(NOW).expect("the system has random bytes");
    }
}

#[test]
fn the_bound_hash_tells_tokens_and_rings_apart() {
    let ring = ring();
    let same = ring.bound("client", Some("player"));
    assert_eq!(ring.bound("client", Some("player")), same);
    for (client, player) in [
        ("client", None),
        ("clientp", Some("layer")),
        ("", Some("clientplayer")),
    ] {
        assert_ne!(ring.bound(client, player), same);
    }
    assert_ne!(super::tests::ring().bound("client", Some("player")), same);
}

#[test]
fn calendar_times_are_written_and_read() {
    let known = [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_709_251_199, "2024-02-29T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
    ];
    for (secs, text) in known {
        assert_eq!(calendar::to_text(Wall::from_secs(secs)), text);
        assert_eq!(calendar::from_text(text), Some(Wall::from_secs(secs)));
    }
    for secs in (0..8_000_000_000).step_by(7_777_777) {
        assert_eq!(
            calendar::from_text(&calendar::to_text(Wall::from_secs(secs))),
            Some(Wall::from_secs(secs))
        );
    }
    for text in [
        "",
        "2024-02-30T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:00",
    ] {
        assert_eq!(calendar::from_text(text), None, "{text}");
    }
}
