//! Bad input and bad programs: whoever sends or runs them is told, everybody else goes on, and no process is replaced.

use crate::support::random::Random;
use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::worlds::{hall_character, hall_wizard};
use crate::support::{DEADLINE, wait_for};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A server that must be the same processes at the end, and a player who must get answers all the time.
struct Scene {
    server: Server,
    witness: Telnet,
    pids: [Option<u32>; 2],
}

impl Scene {
    fn new() -> Scene {
        let server = Server::start(Options::default());
        let witness = hall_character(&server, "Witness");
        let pids = Scene::pids(&server);
        Scene {
            server,
            witness,
            pids,
        }
    }

    fn pids(server: &Server) -> [Option<u32>; 2] {
        ["moothall-daemon", "moothall-telnet"].map(|program| server.pid(program))
    }

    #[track_caller]
    fn check(&mut self) {
        self.witness.check("look", &["The Porch"]);
        assert_eq!(Scene::pids(&self.server), self.pids, "a process was replaced");
        assert!(!self.server.log().contains("panicked"), "{}", self.server.log());
    }
}

#[test]
fn f36_a_line_of_a_megabyte_is_refused_and_its_sender_goes_on() {
    let mut scene = Scene::new();
    let mut player = hall_character(&scene.server, "Longwinded");
    player.send_bytes(b"say ");
    player.send_bytes(&vec![b'x'; 1 << 20]);
    player.send_bytes(b"\r\n");
    player.expect(">> A line may be 65408 bytes long; yours was not taken <<");
    scene.check();
    player.check("look", &["The Porch"]);
    // One without an end is held back no longer than the limit, and the next line is heard.
    player.send_bytes(&vec![b'y'; 200_000]);
    player.send_bytes(b"\r\nsay still here\r\n");
    player.expect("You say, \"still here\"");
    scene.check();
}

#[test]
fn f36_random_bytes_and_telnet_junk_reach_nobody_else() {
    let mut scene = Scene::new();
    for seed in 1..=8 {
        let mut random = Random::new(seed);
        let mut stranger = Telnet::connect(scene.server.telnet(), "stranger");
        stranger.expect("Type guest and press Enter");
        stranger.send_bytes(&random.bytes(50_000));
        // The same, but nearly all of it telnet commands: negotiation without end, and data that never closes.
        let junk: Vec<u8> = random
            .bytes(20_000)
            .into_iter()
            .flat_map(|byte| [255, 250 + byte % 6, byte])
            .collect();
        stranger.send_bytes(&junk);
        scene.check();
    }
    let mut player = hall_character(&scene.server, "Player");
    // Interrupt, are you there, an unknown option, its refusal, a subnegotiation cut off by the next line.
    player.send_bytes(b"\xff\xf4\xff\xf6\xff\xfb\xc8\xff\xfe\xc8l\xff\xf1ook\r\n");
    player.expect("The Porch");
    player.send_bytes(b"\xff\xfa\x18\x00xterm\xff\xf0say caf\xc3\xa9 \xff\xff\r\n");
    player.expect("You say, \"caf");
    scene.check();
}

#[test]
fn f36_data_without_an_end_and_storms_of_options_cost_their_sender_alone() {
    // What one stranger can make the host keep, with what the system's allocator keeps for itself.
    const GROWTH_MAX: u64 = 16 << 20;
    let mut scene = Scene::new();
    let before = scene.server.resident("moothall-telnet");
    let data = vec![b'x'; 1 << 20];
    let mut strangers = Vec::new();
    // A terminal's name, GMCP, MSDP, and an option that nobody knows.
    for option in [24, 201, 69, 200] {
        let mut stranger = Telnet::connect(scene.server.telnet(), "stranger");
        stranger.expect("Type guest and press Enter");
        stranger.send_bytes(&[255, 250, option]);
        stranger.send_bytes(&data);
        scene.check();
        strangers.push(stranger);
    }
    // Each option offered and asked for, on and off, a thousand times over.
    let storm: Vec<u8> = (0..=254)
        .flat_map(|option| (251..=254).flat_map(move |verb| [255, verb, option]))
        .collect();
    let mut stormy = Telnet::connect(scene.server.telnet(), "stormy");
    stormy.expect("Type guest and press Enter");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The answers are read in between, or the host stops reading.
            for _ in 0..200 {
                stormy.send_bytes(&storm.repeat(5));
                while stormy.next_line(std::time::Duration::ZERO).is_some() {}
            }
        });
        for _ in 0..20 {
            scene.witness.check("look", &["The Porch"]);
        }
    });
    let growth = scene.server.resident("moothall-telnet").saturating_sub(before);
    assert!(growth < GROWTH_MAX, "the host has grown by {} KiB", growth >> 10);
    // Data and storm end after all, and what follows is heard.
    strangers.push(stormy);
    for stranger in &mut strangers {
        stranger.send_bytes(b"\xff\xf0\r\nwho\r\n");
        stranger.expect("Witness");
    }
    scene.check();
}

#[test]
fn programs_without_an_end_are_stopped_while_others_go_on() {
    let mut scene = Scene::new();
    let mut wizard = hall_wizard(&scene.server);
    wizard.eval("add_verb(player, {player, \"rxd\", \"again\"}, {\"this\", \"none\", \"this\"})");
    wizard.eval("set_verb_code(player, \"again\", {\"return this:again(@args);\"})");
    let programs = [
        (";;while (1) endwhile", "ran out of"),
        (";;for i in [1..2000000000] endfor", "ran out of"),
        (";player:again()", "Too many verb calls"),
        (";;x = \"x\"; while (1) x = x + x; endwhile", ""),
        (";;x = {1}; while (1) x = {@x, @x}; endwhile", ""),
        (";;x = {}; while (1) x = {x}; endwhile", ""),
        (";;x = {}; while (1) x = {x, x}; endwhile", ""),
        (";;x = {}; for i in [1..60] x = {x, x}; endfor return x;", ""),
        (
            ";;x = {}; for i in [1..60] x = {x, x}; endfor return toliteral(x);",
            "",
        ),
        (
            ";;x = {}; y = {}; for i in [1..60] x = {x, x}; y = {y, y}; endfor return x == y;",
            "",
        ),
        (
            ";;x = {}; for i in [1..60] x = {x, x}; endfor player.home = x;",
            "",
        ),
        (
            ";;x = {}; for i in [1..60] x = {x, x}; endfor add_property(player, \"bomb\", x, {player, \"\"});",
            "",
        ),
        (
            ";;x = {}; for i in [1..2000] x = {x}; endfor return length(toliteral(x));",
            "",
        ),
        (
            ";match(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"%(%(a*%)*%)*b\")",
            "",
        ),
        (
            ";match(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"%(a*%)*%(a*%)*%(a*%)*%1%2%3b\")",
            "",
        ),
        (";;while (1) fork (1000) endfork endwhile", ""),
        (";;while (1) notify(player, \"spam\"); endwhile", "ran out of"),
        (
            ";;return eval(\"return \" + \"(\" + \"1\" + \")\" + \";\");",
            "=> {1, 1}",
        ),
        (
            ";;s = \"(\"; for i in [1..14] s = s + s; endfor return eval(s + \"1\");",
            "",
        ),
        (
            ";;s = \"{\"; for i in [1..14] s = s + s; endfor return eval(\"return \" + s);",
            "",
        ),
        (
            ";;return strsub(\"aaaaaaaa\", \"a\", strsub(\"bbbbbbbb\", \"b\", \"ccccccccc\"));",
            "=> \"ccc",
        ),
    ];
    for (program, said) in programs {
        wizard.check(
            program,
            if said.is_empty() {
                &[]
            } else {
                std::slice::from_ref(&said)
            },
        );
        scene.witness.check("look", &["The Porch"]);
    }
    wizard.command(";;for task in (queued_tasks()) kill_task(task[1]); endfor");
    scene.check();
}

#[test]
fn background_programs_without_an_end_leave_room_for_players() {
    let mut scene = Scene::new();
    let mut wizard = hall_wizard(&scene.server);
    for _ in 0..20 {
        wizard.command(";;fork (0) while (1) suspend(0); endwhile endfork");
        wizard.command(";;fork (0) while (1) for i in [1..1000] endfor suspend(0); endwhile endfork");
    }
    for _ in 0..20 {
        scene.witness.check("look", &["The Porch"]);
    }
    assert_eq!(wizard.eval("length(queued_tasks()) >= 40"), "1");
    // One that runs at that moment is not in the list, and is in the next.
    wait_for("all of them to be killed", || {
        wizard.command(";;for task in (queued_tasks()) kill_task(task[1]); endfor");
        (wizard.eval("queued_tasks()") == "{}").then_some(())
    });
    scene.check();
}

#[test]
fn an_error_in_the_log_in_program_leaves_the_connection_open() {
    let mut scene = Scene::new();
    let mut wizard = hall_wizard(&scene.server);
    let code = wizard.eval("verb_code(#0, \"do_login_command\")");
    wizard.eval("set_verb_code(#0, \"do_login_command\", {\"return 1 / 0;\"})");
    let mut stranger = Telnet::connect(scene.server.telnet(), "stranger");
    stranger.send("hello");
    stranger.send("hello again");
    scene.check();
    wizard.eval("set_verb_code(#0, \"do_login_command\", {\"while (1) endwhile\"})");
    stranger.send("and again");
    scene.check();
    wizard.eval(&format!("set_verb_code(#0, \"do_login_command\", {code})"));
    stranger.send("who");
    stranger.expect("people are connected");
    stranger.send("guest");
    stranger.expect("***");
    scene.check();
}

#[test]
fn f36_a_flood_of_lines_holds_up_nobody_else() {
    let mut scene = Scene::new();
    let mut flooder = hall_character(&scene.server, "Flooder");
    let lines = "nonsense\r\n".repeat(20_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            flooder.send_bytes(lines.as_bytes());
            flooder.send("say that was all");
            flooder.expect("You say, \"that was all\"");
        });
        for _ in 0..20 {
            scene.witness.check("look", &["The Porch"]);
        }
    });
    scene.check();
}

#[test]
fn five_hundred_strangers_are_welcomed_at_once() {
    let mut scene = Scene::new();
    let mut strangers: Vec<Telnet> = (0..500)
        .map(|number| Telnet::connect(scene.server.telnet(), &format!("stranger {number}")))
        .collect();
    for stranger in &mut strangers {
        stranger.expect("Type guest and press Enter");
    }
    scene.check();
    for stranger in &mut strangers {
        stranger.send("who");
    }
    for stranger in &mut strangers {
        stranger.expect("Witness");
    }
    drop(strangers);
    let mut wizard = hall_wizard(&scene.server);
    wait_for("the strangers to be forgotten", || {
        (wizard.eval("length(connected_players(1))") == "2").then_some(())
    });
    scene.check();
}

/// A small file system of its own, unmounted when dropped.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// None, said loudly, where this user may not mount.
    fn mount(size: &str) -> Option<SmallDisk> {
        let folder = TempDir::new().unwrap();
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder.path())
            .output();
        if status.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk { folder });
        }
        eprintln!("SKIPPED, AND SO NOT SHOWN TO WORK: a full disk needs the right to mount a small one");
        None
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Takes all room that is left, in a file beside the data.
    fn fill(&self) -> PathBuf {
        let file = self.folder.path().join("ballast");
        let block = vec![0; 1 << 16];
        let mut out = std::fs::File::create(&file).unwrap();
        while std::io::Write::write_all(&mut out, &block).is_ok() {}
        file
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount")
            .arg("-l")
            .arg(self.folder.path())
            .status()
            .ok();
    }
}

#[test]
fn a_full_disk_makes_players_wait_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount("192m") else {
        return;
    };
    let mut server = Server::start(Options {
        data: Some(disk.path()),
        ..Options::default()
    });
    let mut wizard = hall_wizard(&server);
    wizard.check("@create $thing named keepsake", &["You make keepsake"]);
    let ballast = disk.fill();
    let late = ";(me.description = \"written late\") && 1";
    wizard.send(late);
    wait_for("the log to say that the disk is full", || {
        server.log().contains("the disk is full").then_some(())
    });
    std::fs::remove_file(ballast).unwrap();
    // Either it was on its way into the log and is kept now, or the full disk was known first and it was refused.
    let is_answer = |line: &String| line.contains("=> 1") || line.contains("Nothing can be kept right now");
    let mut answers = std::iter::from_fn(|| wizard.next_line(DEADLINE)).filter(is_answer);
    if !answers.next().expect("the line is answered").contains("=> 1") {
        wizard.expect("*** The server has room on its disk again.");
        wizard.check(late, &["=> 1"]);
    }
    server.kill9("moothall-daemon");
    let mut wizard = hall_wizard(&server);
    wizard.check("inventory", &["keepsake"]);
    assert_eq!(wizard.eval("me.description"), "\"written late\"");
}
