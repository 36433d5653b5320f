//! The built-in world, played by telnet: what the first screen of README.md promises, and who may not do what.

use crate::support::server::{Options, Server};
use crate::support::telnet::{ECHO, Telnet, WILL, WONT};
use crate::support::wait_for;
use crate::support::worlds::{PASSWORD, hall_character, hall_guest, hall_return, hall_wizard};
use std::time::Duration;

/// Programs a verb with the hall's own command.
#[track_caller]
fn program(wizard: &mut Telnet, verb: &str, lines: &[&str]) {
    wizard.check(&format!("@program {verb}"), &["Type the program of"]);
    wizard.send_all(lines);
    wizard.send(".");
    wizard.expect("The verb is programmed");
}

#[test]
fn people_hear_each_other() {
    let server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    let mut bob = hall_character(&server, "Bob");
    ann.expect("Bob arrives.");
    ann.check("say good evening", &["You say, \"good evening\""]);
    bob.expect("Ann says, \"good evening\"");
    bob.expect("The porter nods to Ann.");
    ann.command("\"and   spaces stay");
    bob.expect("Ann says, \"and   spaces stay\"");
    ann.command(":waves");
    bob.expect("Ann waves");
    bob.command("::'s hat falls off");
    ann.expect("Bob's hat falls off");
    ann.check("whisper psst to Bob", &["You whisper to Bob, \"psst\""]);
    bob.expect("Ann whispers to you, \"psst\"");
    bob.check("in", &["The Great Hall"]);
    ann.expect("Bob goes in.");
    ann.check("page Bob where are you?", &["You page Bob, \"where are you?\""]);
    bob.expect("Ann pages you, \"where are you?\"");
    ann.command("say only the porch hears this");
    bob.expect_none("only the porch hears this");
    ann.command("=everybody hears this");
    bob.expect("[chat] Ann: everybody hears this");
    bob.check("@leave chat", &["You are not on chat any more."]);
    ann.command("=not Bob");
    bob.expect_none("not Bob");
    ann.check("who", &["Bob, in the Great Hall.", "Ann, in the Porch."]);
}

#[test]
fn what_is_said_in_the_hall_is_heard_in_the_gallery() {
    let server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    let mut bob = hall_character(&server, "Bob");
    for player in [&mut ann, &mut bob] {
        player.check("in", &["The Great Hall"]);
    }
    bob.check("up", &["The Gallery"]);
    ann.check("say order, order", &["You say, \"order, order\""]);
    bob.expect("From below you hear Ann say, \"order, order\"");
}

#[test]
fn things_are_taken_given_put_and_dropped() {
    let server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    let mut bob = hall_character(&server, "Bob");
    ann.check("get lantern", &["You take the brass lantern."]);
    bob.expect("Ann takes a brass lantern.");
    ann.check("inventory", &["You are carrying a brass lantern."]);
    bob.check("get lantern", &["You see no \"lantern\" here"]);
    ann.check("give lantern to bob", &["You give the brass lantern to Bob."]);
    bob.expect("Ann gives you a brass lantern.");
    bob.check("light lantern", &["You light the lantern"]);
    ann.expect("Bob lights the lantern.");
    bob.check("in", &["The Great Hall", "oak chest", "Exits:"]);
    bob.check("open chest", &["You open the oak chest.", "Inside: a charter."]);
    bob.check(
        "put lantern in chest",
        &["You put the brass lantern in the oak chest."],
    );
    bob.check(
        "get charter from chest",
        &["You take the charter out of the oak chest."],
    );
    bob.check("read charter", &["This hall is for whoever comes in."]);
    bob.check("drop charter", &["You put down the charter."]);
    bob.check("get lantern from chest", &["You take the brass lantern out"]);
    bob.check("go down", &["The Undercroft", "Low vaults stand"]);
    ann.check("in", &["The Great Hall", "charter"]);
    ann.check("look hearth", &["A hearth of blackened stone"]);
    ann.check("home", &["The Porch"]);
    ann.check("get porter", &["The porter looks at you"]);
}

#[test]
fn a_newcomer_is_shown_around() {
    let server = Server::start(Options::default());
    let mut ann = Telnet::connect(server.telnet(), "Ann");
    ann.expect_all(&["Welcome to the Moot Hall.", "Type guest and press Enter"]);
    ann.send("create Ann");
    ann.expect("Choose a password and type it.");
    ann.send(PASSWORD);
    ann.expect_all(&["*** Created ***", "The Porch", "It is the porter.", "Type: look"]);
    ann.send("look");
    ann.expect("Type: look porter");
    ann.send("look porter");
    ann.expect_all(&["A broad old man", "Type: say hello"]);
    ann.send("say hello");
    ann.expect("Type: in");
    ann.send("in");
    ann.expect("Type: look hearth");
    ann.send("look hearth");
    ann.expect("Enjoy the hall!");
    ann.send("help");
    ann.expect("help");
    ann.send("@quit");
    ann.expect("You will wake up where you fell asleep.");
    ann.expect_end();
    let mut ann = hall_return(&server, "Ann");
    ann.check("look", &["The Great Hall"]);
}

#[test]
fn the_game_of_pebbles_is_played_to_its_end() {
    let server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    let mut bob = hall_character(&server, "Bob");
    for player in [&mut ann, &mut bob] {
        player.command("in");
        player.check("west", &["The Snug"]);
    }
    ann.check("play pebbles", &["You wait for somebody to sit down opposite."]);
    bob.check(
        "play pebbles",
        &["3 in the left, 5 in the middle and 7 in the right heap"],
    );
    bob.check("draw 1 from left", &["It is not your turn."]);
    ann.check("draw 3 from left", &["Ann draws 3 from the left heap."]);
    bob.check("draw 5 from middle", &["Bob draws 5 from the middle heap."]);
    ann.check("draw 8 from right", &["a heap that has so many"]);
    ann.check("draw 7 from right", &["That was the last pebble: Ann wins!"]);
    bob.expect("Ann wins!");
    ann.check("play pebbles with porter", &["The porter looks in", "Ann begins"]);
    ann.check("draw 1 from left", &["The porter draws"]);
}

#[test]
fn builders_make_places_and_things_within_their_quota() {
    let server = Server::start(Options::default());
    let mut ann = hall_character(&server, "Ann");
    ann.check("@quota", &["You may make 20 more objects."]);
    ann.check(
        "@create $thing named walking stick,stick",
        &["You make walking stick (#"],
    );
    ann.check(
        "@describe stick as Ash, with an iron tip.",
        &["You describe the walking stick."],
    );
    ann.check("look stick", &["Ash, with an iron tip."]);
    ann.check("@prop stick.length 90", &["has the property length now: 90"]);
    ann.check("@set stick.length to 91", &[".length is now 91"]);
    ann.check("@show stick.length", &["91"]);
    ann.check("@rename stick to cane,rod", &["It is now called cane (#"]);
    ann.check(
        "@dig gate to Orchard",
        &["You can start exits in rooms of your own and on open ground"],
    );
    ann.check("south", &["The Lane"]);
    ann.check(
        "@dig gate,g|lane,l to Orchard",
        &[
            "You make the room Orchard (#",
            "You make the way gate",
            "You make the way lane",
        ],
    );
    ann.check("g", &["Orchard", "Exits: lane to the Lane."]);
    ann.check("@describe here as Apple trees.", &["You describe"]);
    ann.check("drop cane", &["You put down the cane."]);
    ann.check("look", &["Apple trees.", "You see a cane."]);
    ann.check("@recycle cane", &["is gone for good."]);
    ann.check("look cane", &["You see no \"cane\" here."]);
    let mut wizard = hall_wizard(&server);
    wizard.check("@builder Ann 1", &["Ann may make 1 more object."]);
    ann.check("@create $thing named first", &["You make first (#"]);
    ann.check(
        "@create $thing named second",
        &["You may not make any more objects"],
    );
    ann.check("@recycle first", &["is gone for good."]);
    ann.check("@create $thing named second", &["You make second (#"]);
}

#[test]
fn programs_are_written_listed_and_run_with_their_owners_rights() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let mut ann = hall_character(&server, "Ann");
    ann.check(";1 + 1", &["\"eval\" does not work like that."]);
    wizard.check("@programmer Ann", &["Ann is a programmer now."]);
    ann.expect("You are a programmer now.");
    ann.check(";1 + 1", &["=> 2"]);
    ann.check("@create $thing named drum", &["You make drum (#"]);
    ann.check("@verb drum:beat this none none", &["You add drum (#"]);
    program(
        &mut ann,
        "drum:beat",
        &["for i in [1..2]", "player:tell(\"Boom \", i, \".\");", "endfor"],
    );
    ann.check("beat drum", &["Boom 1.", "Boom 2."]);
    ann.check(
        "@list drum:beat",
        &[
            "1: for i in [1..2]",
            "2:   player:tell(\"Boom \", i, \".\");",
            "3: endfor",
        ],
    );
    ann.check("@program drum:beat", &["Type the program of"]);
    ann.send_all(&["return 1 +;", "x = ;", "."]);
    ann.expect_all(&["ine 1:", "Nothing was changed."]);
    ann.check("beat drum", &["Boom 2."]);
    ann.check("@args drum:beat this with any", &["this with"]);
    ann.check("beat drum with stick", &["Boom 1."]);
    ann.check(
        ";#-1.name",
        &[
            "#-1:Input to EVAL, line 3:  Invalid indirection",
            "(End of traceback)",
        ],
    );
    ann.check(";$limits.guests = 1000", &["Permission denied"]);
    ann.check(";#2.password", &["Permission denied"]);
    wizard.check(";$limits.guests", &["=> 10"]);
}

#[test]
fn a_wizard_is_told_what_the_server_does_with_its_time() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    wizard.check("look", &["The Porch"]);
    wizard.check("@lag", &["start: ", " ms usually, "]);
    wizard.check("@profile", &[" calls, "]);
    wizard.check("@conflicts", &["No task was in another's way."]);
}

#[test]
fn a_guest_looks_and_talks_and_builds_nothing() {
    let server = Server::start(Options::default());
    let mut guest = hall_guest(&server);
    guest.check("look", &["The Porch"]);
    guest.check(
        "@create $thing named x",
        &["\"@create\" does not work like that."],
    );
    guest.check(";1", &["\"eval\" does not work like that."]);
    guest.check("@dig x to y", &["\"@dig\" does not work like that."]);
    guest.check("@password", &["Guests have no password."]);
    guest.check("@describe me as A tall guest.", &["You describe yourself."]);
    guest.check("@describe here as Ruined.", &["@describe: Permission denied."]);
    guest.check("sign Glad I came", &["You write in the book: Glad I came"]);
    guest.send("@quit");
    guest.expect_end();
    let mut next = hall_guest(&server);
    next.check("look me", &["A passing guest, still looking around."]);
    next.check("read book", &["wrote: Glad I came"]);
}

#[test]
fn what_builders_wrote_keeps_no_guest_out() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let mut guest = hall_guest(&server);
    wizard.eval("player.last_place = create($room, player)");
    wizard.eval("move(children($guest)[1], player.last_place)");
    wizard.eval("move(create($thing, player), children($guest)[1])");
    wizard.eval("move(create($thing, player), children($guest)[1])");
    let hooks = [
        ("children($guest)[1].contents[1]", "is_a", "raise(E_PERM);"),
        ("children($guest)[1].contents[1]", "go_home", "while (1) endwhile"),
        ("player.last_place", "people", "while (1) endwhile"),
        ("player.last_place", "announce_all_but", "while (1) endwhile"),
        ("player.last_place", "exitfunc", "raise(E_PERM);"),
    ];
    for (object, verb, code) in hooks {
        wizard.eval(&format!(
            "add_verb({object}, {{player, \"rxd\", \"{verb}\"}}, {{\"this\", \"none\", \"this\"}})"
        ));
        let set = format!("set_verb_code({object}, \"{verb}\", {{\"{code}\"}})");
        assert_eq!(wizard.eval(&set), "{}", "it compiles");
    }
    guest.send("@quit");
    guest.expect_end();
    wait_for("the guest's hands to be empty", || {
        (wizard.eval("children($guest)[1].contents") == "{}").then_some(())
    });
    wait_for("the other thing to lie where the guest was", || {
        (wizard.eval("length(player.last_place.contents)") == "1").then_some(())
    });
    let mut next = hall_guest(&server);
    next.check("inventory", &["You are carrying nothing."]);
    assert_eq!(
        wizard.eval("length(children($guest))"),
        "1",
        "it is the same place"
    );
}

#[test]
fn a_wrong_password_is_refused_and_repeated_ones_hang_up() {
    let server = Server::start(Options::default());
    drop(hall_character(&server, "Ann"));
    let mut thief = Telnet::connect(server.telnet(), "thief");
    thief.expect("Type guest and press Enter");
    for _ in 0..4 {
        thief.send("connect Ann wrong1");
        thief.expect("No character has that name and password.");
    }
    thief.send("connect Ann");
    thief.expect("Type your password. It is not shown.");
    thief.send("wrong2");
    thief.expect("That was wrong too often. Goodbye.");
    thief.expect_end();
    let mut ann = hall_return(&server, "Ann");
    ann.check("look", &["The Porch"]);
}

/// What the server said about the option ECHO.
fn echo_commands(telnet: &Telnet) -> Vec<u8> {
    let commands = telnet.telnet_commands().chunks(2);
    commands
        .filter(|pair| pair.get(1) == Some(&ECHO))
        .map(|pair| pair[0])
        .collect()
}

#[test]
fn the_operator_sets_a_password_that_is_not_shown() {
    let server = Server::start(Options::default());
    let mut wizard = Telnet::connect(server.telnet(), "Wizard");
    wizard.expect("Type connect Wizard to become the operator");
    wizard.send("connect Wizard");
    wizard.expect("Type @password now.");
    wizard.send("@password");
    wizard.expect("Type your new password.");
    wizard.send(PASSWORD);
    wizard.expect("Type your new password once more.");
    wizard.send(PASSWORD);
    wizard.expect("Your password is changed.");
    // Told that we echo (WILL) while a password is typed, and that we stop (WONT) after it.
    wait_for("the echo of passwords to end", || {
        wizard.read_to_end(Duration::ZERO);
        (echo_commands(&wizard).last() == Some(&WONT)).then_some(())
    });
    assert_eq!(echo_commands(&wizard).first(), Some(&WILL));
    let mut other = Telnet::connect(server.telnet(), "other");
    other.expect("Welcome to the Moot Hall.");
    other.send("connect Wizard");
    other.expect("Type your password.");
    other.send(PASSWORD);
    other.expect("*** Redirecting old connection to this port ***");
    wizard.expect("*** Redirecting connection to new port ***");
    wizard.expect_end();
}

#[test]
fn channels_close_behind_a_guest_and_nobody_is_on_too_many() {
    let server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    let mut ann = hall_character(&server, "Ann");
    let mut guest = hall_guest(&server);
    ann.check("@join lamps", &["You join lamps."]);
    guest.check("@join lamps", &["You join lamps."]);
    ann.check("@leave lamps", &["You are not on lamps any more."]);
    wizard.check(";valid($channel:named(\"lamps\"))", &["=> 1"]);
    guest.send("@quit");
    guest.expect_end();
    wait_for("the channel to close", || {
        (wizard.eval("valid($channel:named(\"lamps\"))") == "0").then_some(())
    });
    wizard.eval("$limits.channels_joined = 2");
    ann.check("@join one", &["You join one."]);
    ann.check("@join two", &["You are on too many channels"]);
    wizard.check(";valid($channel:named(\"two\"))", &["=> 0"]);
    ann.check("@leave one", &["You are not on one any more."]);
    ann.check("@join two", &["You join two."]);
}
