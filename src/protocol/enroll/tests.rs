//! Invitations: who they let in, and how often.

use super::*;
use std::collections::BTreeMap;
use std::time::Duration;

const NOW: Wall = Wall::from_secs(1_800_000_000);
const SECRET: [u8; 32] = [1; 32];
const KEY: [u8; 32] = [2; 32];
const ID: HostId = HostId([3; 16]);

fn invitation(token_id: &str) -> Invitation {
    Invitation {
        token_id: token_id.to_owned(),
        secret: SECRET,
        service_type: "telnet".to_owned(),
        expires: NOW.plus(Duration::from_secs(60)),
    }
}

fn request() -> EnrollmentRequest {
    EnrollmentRequest {
        token_id: "one".to_owned(),
        proof: proof(&SECRET, &KEY, "telnet", "far"),
        curve_pk: KEY,
        service_type: "telnet".to_owned(),
        hostname: "far".to_owned(),
    }
}

fn roll() -> (Roll, Vec<Row>) {
    let mut roll = Roll::default();
    let rows = roll.invite(invitation("one"), NOW).expect("there is room");
    (roll, rows)
}

#[test]
fn an_invitation_lets_in_one_process_once() {
    let (mut roll, _) = roll();
    let (member, _) = roll.enroll(&request(), &KEY, ID, NOW).expect("it is invited");
    assert_eq!((member.id, member.curve_pk, &*member.hostname), (ID, KEY, "far"));
    assert_eq!(roll.member(ID), Some(&member));
    let other = other_request("one", [9; 32]);
    assert_eq!(
        roll.enroll(&other, &[9; 32], HostId([9; 16]), NOW),
        Err(EnrollError::NotInvited)
    );
}

/// A proper request of a process with another key.
fn other_request(token_id: &str, key: [u8; 32]) -> EnrollmentRequest {
    EnrollmentRequest {
        token_id: token_id.to_owned(),
        proof: proof(&SECRET, &key, "telnet", "far"),
        curve_pk: key,
        ..request()
    }
}

#[test]
fn whoever_has_lost_the_answer_asks_again_and_is_the_same_member() {
    let (mut roll, _) = roll();
    let (member, _) = roll.enroll(&request(), &KEY, ID, NOW).expect("it is invited");
    let late = NOW.plus(Duration::from_secs(24 * 3_600));
    let again = roll.enroll(&request(), &KEY, HostId([9; 16]), late);
    assert_eq!(again, Ok((member, Vec::new())));
    assert_eq!(
        roll.enroll(&request(), &[9; 32], HostId([9; 16]), NOW),
        Err(EnrollError::NotInvited),
        "somebody else shows its question"
    );
}

#[test]
fn a_key_is_one_member_s_and_the_second_invitation_stays_open_for_another() {
    let (mut roll, _) = roll();
    roll.enroll(&request(), &KEY, ID, NOW).expect("it is invited");
    roll.invite(invitation("two"), NOW).expect("there is room");
    let second = other_request("two", KEY);
    assert_eq!(
        roll.enroll(&second, &KEY, HostId([9; 16]), NOW),
        Err(EnrollError::KnownKey)
    );
    let other = other_request("two", [9; 32]);
    assert!(roll.enroll(&other, &[9; 32], HostId([9; 16]), NOW).is_ok());
}

#[test]
fn a_host_name_that_would_move_an_operator_s_cursor_is_refused() {
    let (mut roll, _) = roll();
    for name in [
        "far\x1b[2Jaway",
        "two\nlines",
        "tab\there",
        "c1\u{9b}31m",
        &"x".repeat(256),
    ] {
        let asked = EnrollmentRequest {
            proof: proof(&SECRET, &KEY, "telnet", name),
            hostname: name.to_owned(),
            ..request()
        };
        let refused = roll.enroll(&asked, &KEY, ID, NOW);
        assert_eq!(refused, Err(EnrollError::BadName), "{name:?}");
    }
    assert!(roll.enroll(&request(), &KEY, ID, NOW).is_ok());
}

#[test]
fn whoever_does_not_fit_the_invitation_is_refused_and_it_stays_open() {
    let (mut roll, _) = roll();
    let with = |change: fn(&mut EnrollmentRequest)| {
        let mut changed = request();
        change(&mut changed);
        changed
    };
    let cases = [
        (
            with(|asked| asked.token_id = "two".into()),
            EnrollError::NotInvited,
        ),
        (
            with(|asked| asked.service_type = "web".into()),
            EnrollError::WrongKind,
        ),
        (
            with(|asked| asked.hostname = "near".into()),
            EnrollError::BadProof,
        ),
        (with(|asked| asked.proof[31] ^= 1), EnrollError::BadProof),
        (with(|asked| asked.curve_pk = [9; 32]), EnrollError::BadProof),
    ];
    for (asked, error) in cases {
        assert_eq!(roll.enroll(&asked, &KEY, ID, NOW), Err(error), "{asked:?}");
    }
    let other_key = roll.enroll(&request(), &[9; 32], ID, NOW);
    assert_eq!(
        other_key,
        Err(EnrollError::BadProof),
        "it speaks with another key than it asks for"
    );
    let over = NOW.plus(Duration::from_secs(60));
    assert_eq!(
        roll.enroll(&request(), &KEY, ID, over),
        Err(EnrollError::NotInvited)
    );
    assert!(roll.enroll(&request(), &KEY, ID, NOW).is_ok());
}

#[test]
fn the_roll_is_stored_as_it_is() {
    let mut stored = BTreeMap::new();
    let mut write = |rows: Vec<Row>| {
        for row in rows {
            match row.value {
                Some(value) => drop(stored.insert(row.key, value)),
                None => drop(stored.remove(&row.key)),
            }
        }
        Roll::load(stored.clone().into_iter())
    };
    let (mut roll, rows) = roll();
    assert_eq!(write(rows), roll);
    let (_, rows) = roll.enroll(&request(), &KEY, ID, NOW).expect("it is invited");
    assert_eq!(write(rows), roll);
    let rows = roll.expel(ID).expect("it is a member");
    assert_eq!(write(rows), roll);
    assert_eq!((roll.expel(ID), roll.members().count()), (None, 0));
    let old = bincode::encode_to_vec(
        (1u8, ID.0, "telnet".to_owned(), "far".to_owned()),
        bincode::config::standard(),
    );
    let key = [&[b'k'][..], &KEY].concat();
    let before = Roll::load([(key, old.expect("plain data can be written"))].into_iter());
    assert_eq!(before.member(ID).map(|member| &*member.hostname), Some("far"));
    let junk = [
        (vec![b'k'; 33], vec![9; 40]),
        (vec![b'i'], vec![]),
        (vec![], vec![]),
    ];
    assert_eq!(Roll::load(junk.into_iter()), Roll::default());
}

#[test]
fn open_invitations_are_bounded_and_make_room_when_they_are_over() {
    let mut roll = Roll::default();
    for n in 0..INVITATIONS_MAX {
        roll.invite(invitation(&n.to_string()), NOW)
            .expect("there is room");
    }
    assert_eq!(roll.invite(invitation("more"), NOW), None);
    let over = NOW.plus(Duration::from_secs(60));
    let rows = roll
        .invite(invitation("more"), over)
        .expect("all others are over");
    assert_eq!(rows.len(), INVITATIONS_MAX + 1);
}
