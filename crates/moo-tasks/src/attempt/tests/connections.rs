//! What slices store of connections, and which hooks are still due after them.

use super::*;
use crate::connections::Due;
use crate::connections::stored::{self, Read};

/// The connection as the last commit stored it.
fn stored_connection(stage: &Stage) -> Option<stored::Stored> {
    let records = stage.records.lock().expect("nobody panics");
    let rows = records.iter().rev().flat_map(|record| &record.rows);
    let mut of_connections = rows.filter(|row| row.relation == Relation::Connection);
    of_connections.find_map(|row| match stored::read(&row.key, row.value.as_ref()?)? {
        (CLIENT, Read::Connection(stored)) => Some(*stored),
        _ => None,
    })
}

#[test]
fn a_login_is_stored_by_the_commit_of_its_own_task() {
    let stage = Stage::new(&[("do_login_command", "return #1;")]);
    let conn = stage.outside.connections.open(NewConnection {
        listener: Obj::SYSTEM,
        prints_messages: true,
        name: "port 7777 from there, port 2".into(),
        peer: "there".into(),
        attachment: Attachment {
            client: CLIENT,
            epoch: 3,
            ..Attachment::default()
        },
        flush_command: String::new(),
        now: 1_000,
    });
    let line = Line {
        text: "connect".into(),
        ticket: 5,
        stored: None,
    };
    let login = Job {
        conn: Some(conn.clone()),
        work: Work::Login(line),
        rows: vec![stored::command(CLIENT, 5, 77)],
        ..stage.call("unused")
    };
    stage.run(&login, &mut Still::default(), 1);
    let stored = stored_connection(&stage).expect("it was written");
    assert_eq!(
        (stored.object, stored.due, stored.attachment.epoch),
        (WIZARD, Due::Connected, 3)
    );
    let records = stage.records.lock().expect("nobody panics");
    let rows = &records.last().expect("it committed").rows;
    assert!(rows.contains(&stored::command(CLIENT, 5, 77)), "{rows:?}");
}

#[test]
fn what_a_task_does_to_a_connection_is_stored_with_it() {
    let stage = Stage::new(&[
        (
            "set",
            "set_connection_option(#1, \"hold-input\", 1); force_input(#1, \"later\");",
        ),
        ("boot", "boot_player(#1);"),
    ]);
    stage.run(&stage.call("set"), &mut Still::default(), 1);
    let stored = stored_connection(&stage).expect("it was written");
    assert!(stored.options.hold_input && stage.conn.input().options().hold_input);
    let forced = stored::line(CLIENT, 2, false, "later");
    let has_forced = |record: &CommitRecord| record.rows.contains(&forced);
    assert!(
        stage
            .records
            .lock()
            .expect("nobody panics")
            .iter()
            .any(has_forced)
    );
    stage.run(&stage.call("boot"), &mut Still::default(), 1);
    assert_eq!(
        stored_connection(&stage).expect("it was written").due,
        Due::Disconnected
    );
    stage.conn.set_gone();
    assert_eq!(stage.conn.row(), stored::gone(CLIENT));
}

#[test]
fn a_login_hook_that_ends_after_its_connection_was_closed_leaves_the_last_hook_due() {
    let stage = Stage::new(&[("greet", "return 1;"), ("boot", "boot_player(#1);")]);
    let greet = Job {
        conn: Some(stage.conn.clone()),
        ..stage.call("greet")
    };
    stage.conn.claim(WIZARD, 1_000, Due::Connected);
    stage.run(&greet, &mut Still::default(), 1);
    assert_eq!(stage.conn.due(), Due::Nothing);
    stage.conn.claim(WIZARD, 1_000, Due::Connected);
    stage.run(&stage.call("boot"), &mut Still::default(), 1);
    stage.run(&greet, &mut Still::default(), 1);
    assert_eq!(stage.conn.due(), Due::Disconnected);
    stage.conn.claim(Obj(0), 1_000, Due::Connected);
    stage.run(&greet, &mut Still::default(), 1);
    assert_eq!(stage.conn.due(), Due::Connected, "it was for another player");
}

#[test]
fn a_hook_that_loses_every_time_leaves_what_goes_with_it_for_the_next_try() {
    let stage = Stage::new(&[("up", INCREMENT)]);
    let mut meanwhile = || stage.add(1);
    let mut here = Still {
        meanwhile: Some(&mut meanwhile),
        ..Still::default()
    };
    let gone = stored::gone(CLIENT);
    let job = Job {
        rows: vec![gone.clone()],
        ..stage.call("up")
    };
    let (report, lines) = stage.run(&job, &mut here, 4);
    let is_contended = matches!(report.end, End::Failed(Failure::Contended));
    assert!(is_contended && lines.is_empty(), "{:?} {lines:?}", report.end);
    let has_gone = |stage: &Stage| {
        let records = stage.records.lock().expect("nobody panics");
        records.iter().any(|record| record.rows.contains(&gone))
    };
    assert!(!has_gone(&stage));
    stage.run(&job, &mut Still::default(), 4);
    assert!(has_gone(&stage));
}
