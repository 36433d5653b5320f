//! Who is found under which number, and what a stored connection comes back as.

use super::*;

fn open(connections: &Connections, id: u64) -> Arc<Connection> {
    connections.open(NewConnection {
        listener: Obj(0),
        prints_messages: true,
        name: format!("port 7777 from host{id}, port 1"),
        peer: format!("host{id}"),
        attachment: Attachment {
            client: [id as u8; 16],
            ..Attachment::default()
        },
        flush_command: String::new(),
        now: 100,
    })
}

#[test]
fn numbers_below_zero_are_used_once() {
    let connections = Connections::default();
    let first = open(&connections, 1);
    connections.close(&first);
    assert_eq!(
        (first.object(), open(&connections, 2).object()),
        (Obj(-2), Obj(-3))
    );
    assert!(connections.find(Obj(-2)).is_none());
}

#[test]
fn a_second_login_takes_the_player_over() {
    let connections = Connections::default();
    let (old, new) = (open(&connections, 1), open(&connections, 2));
    assert!(connections.log_in(&old, Obj(7), 110).is_none());
    let replaced = connections
        .log_in(&new, Obj(7), 120)
        .expect("the first one was there");
    assert_eq!(replaced.id, ConnId(1));
    assert_eq!(
        connections.find(Obj(7)).map(|connection| connection.id),
        Some(ConnId(2))
    );
    connections.close(&old);
    assert_eq!(
        connections.len(),
        1,
        "closing the old one leaves the new one alone"
    );
    assert_eq!(
        connections.find(Obj(7)).map(|connection| connection.since()),
        Some(120)
    );
}

#[test]
fn a_connection_is_the_players_as_soon_as_the_login_is_committed() {
    let connections = Connections::default();
    let connection = open(&connections, 1);
    connection.claim(Obj(7), 110, Due::Connected);
    assert_eq!((connection.object(), connection.owner()), (Obj(-2), Obj(7)));
    connections.log_in(&connection, Obj(7), 110);
    assert_eq!(connection.owner(), Obj(7));
}

#[test]
fn the_newest_stands_first() {
    let connections = Connections::default();
    (1..=3).for_each(|id| drop(open(&connections, id)));
    let ids: Vec<_> = connections
        .all()
        .iter()
        .map(|connection| connection.id.0)
        .collect();
    assert_eq!(ids, [3, 2, 1]);
}

#[test]
fn a_connection_comes_back_from_its_row() {
    let connections = Connections::default();
    let conn = open(&connections, 9);
    conn.attach(Attachment {
        client: [9; 16],
        host: [1; 16],
        instance: [2; 8],
        host_type: "telnet".into(),
        proof: vec![3; 21],
        epoch: 4,
    });
    connections.log_in(&conn, Obj(7), 150);
    conn.set_due(Due::Created);
    {
        let mut input = conn.input();
        input
            .set_option("hold-input", &moo_model::Value::int(1))
            .expect("it is an option");
        input
            .set_option("flush-command", &moo_model::Value::str(".stop"))
            .expect("it is an option");
    }
    let row = conn.row();
    let (client, read) = stored::read(&row.key, &row.value.expect("it is there")).expect("it is ours");
    let stored::Read::Connection(stored) = read else {
        panic!("it is a connection's row: {read:?}");
    };
    assert_eq!(client, [9; 16]);
    let line = stored::StoredLine {
        number: 5,
        is_program: false,
        text: "kept".into(),
    };
    let later = Connections::after(9);
    let back = later.restore(*stored, vec![line], 200);
    assert_eq!((back.id, back.object(), back.since()), (conn.id, Obj(7), 150));
    assert_eq!((back.attachment(), back.due()), (conn.attachment(), Due::Created));
    assert_eq!(back.input().options(), conn.input().options());
    let held = back.input().take_held().expect("a line was kept");
    assert_eq!((held.text.as_str(), held.stored), ("kept", Some(5)));
    assert_eq!(back.input().number(false), 6);
    assert_eq!(open(&later, 1).object(), Obj(-11), "numbers are never used again");
}

#[test]
fn rows_of_commands_and_lines_say_what_was_written() {
    let client = [4; 16];
    let there = |row: Row| stored::read(&row.key, &row.value.expect("it is put"));
    for mark in [None, Some([7; 16])] {
        let command = stored::StoredCommand {
            seq: 70,
            task: 12,
            mark,
        };
        assert_eq!(
            there(stored::marked_command(client, 70, 12, mark)),
            Some((client, stored::Read::Command(command)))
        );
    }
    assert_eq!(
        stored::command(client, 70, 1).key,
        stored::command(client, 6, 1).key,
        "an old number makes room"
    );
    for number in [-3, 0, i64::MAX] {
        let line = stored::StoredLine {
            number,
            is_program: true,
            text: "x = 1;".into(),
        };
        assert_eq!(
            there(stored::line(client, number, true, "x = 1;")),
            Some((client, stored::Read::Line(line)))
        );
    }
    let keys: Vec<_> = [-2, -1, 0, 1]
        .map(|number| stored::line_gone(client, number).key)
        .into();
    assert!(keys.is_sorted(), "keys are in the order of lines");
    let row = stored::command(client, 1, 1);
    let value = row.value.expect("it is put");
    assert_eq!(stored::read(&row.key[..8], &value), None);
    assert_eq!(stored::read(&row.key, &value[..4]), None);
    assert_eq!(stored::read(&row.key, &[9, 9]), None, "a version of later times");
}
