//! Secrets on disk: who may read them.

use super::*;

#[test]
fn a_secret_is_written_for_its_owner_alone_and_replaced_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    assert_eq!(read(&path).expect("no file is no error"), None);
    for secret in [&b"one"[..], b"another"] {
        write(&path, secret).expect("the folder can be written");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(read(&path).expect("it is ours"), Some(secret.to_vec()));
    }
}

#[test]
fn a_secret_that_others_can_reach_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    for mode in [0o640, 0o604, 0o660, 0o777] {
        write(&path, b"secret").expect("the folder can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
        let refused = read(&path).expect_err("others can reach it").to_string();
        assert!(
            refused.contains(&format!("chmod 600 {}", path.display())),
            "{refused}"
        );
    }
}

#[test]
fn files_that_differ_in_their_last_part_alone_have_drafts_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("curve.new");
    write(&other, b"other").expect("the folder can be written");
    write(&folder.path().join("curve.keys"), b"keys").expect("the folder can be written");
    assert_eq!(read(&other).expect("it is ours"), Some(b"other".to_vec()));
}

#[test]
fn random_bytes_are_never_the_same() {
    assert_ne!(random::<32>(), random::<32>());
    assert_ne!(random::<16>(), [0; 16]);
}
