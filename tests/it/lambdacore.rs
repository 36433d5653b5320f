//! LambdaCore, imported and played by telnet: the words below are what its own programs say on other servers too.
//!
//! Each scenario is skipped, loudly, where the textdump is missing: it is not part of this repository.

use crate::support::lambdacore;
use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::worlds::{core_player, core_wizard};

/// A server on a fresh import; none where there is nothing to import.
fn core() -> Option<Server> {
    Some(Server::start(Options::importing(&lambdacore()?)))
}

/// Programs a verb with LambdaCore's command, line by line.
#[track_caller]
fn program(wizard: &mut Telnet, verb: &str, lines: &[&str]) {
    wizard.check(
        &format!("@program {verb}"),
        &[
            "Now programming ",
            "[Type lines of input; `?' for help; end with `.', `@abort' or `@edit'.]",
        ],
    );
    wizard.send_all(lines);
    wizard.send(".");
    wizard.expect_all(&["0 errors.", "Verb programmed."]);
}

#[test]
fn the_smoke_script_gives_the_lines_that_other_servers_give() {
    let Some(server) = core() else { return };
    let mut wizard = Telnet::connect(server.telnet(), "wizard");
    wizard.expect("Welcome to the LambdaCore database.");
    wizard.send("who");
    wizard.expect("No one logged in.");
    wizard.send("foo bar");
    wizard.expect("I don't understand that.  Valid commands at this point are");
    wizard.send("connect wizard");
    wizard.expect_all(&[
        "*** Connected ***",
        "The First Room",
        "This is all there is right now.",
        "Last connected ",
        "There is new news.",
    ]);
    wizard.mark_commands();
    wizard.check_exactly("\"hello", &["You say, \"hello\""]);
    wizard.check_exactly(":waves", &["Wizard waves"]);
    wizard.check(";1+1", &["=> 2"]);
    wizard.check(";player.name", &["=> \"Wizard\""]);
    wizard.check_exactly("xyzzy", &["I don't understand that."]);
    wizard.check_exactly("give foo to bar", &["I see no \"foo\" here."]);
    wizard.check_exactly(
        "@create $thing named \"a widget\",wid",
        &["You now have a widget (aka wid) with object number #98 and parent generic thing (#5)."],
    );
    wizard.check_exactly("take wid", &["You already have that!"]);
    wizard.check_exactly("@verb wid:frob this none none", &["Verb added (1)."]);
    wizard.check_exactly(
        "@program wid:frob",
        &[
            "Now programming a widget:frob(1).",
            "[Type lines of input; `?' for help; end with `.', `@abort' or `@edit'.]",
        ],
    );
    wizard.send_all(&["player:tell(\"You frob the \", this.name, \".\");", "."]);
    wizard.expect_all(&["0 errors.", "Verb programmed."]);
    wizard.check_exactly("frob wid", &["You frob the a widget."]);
    wizard.check_exactly(
        "@list wid:frob",
        &[
            "#98:frob   this none none",
            " 1:  player:tell(\"You frob the \", this.name, \".\");",
        ],
    );
    wizard.check_exactly("@recycle wid", &["a widget (#98) recycled."]);
    wizard.check_exactly(
        "@dig n to Hall",
        &[
            "Hall (#98) created.",
            "Exit from The First Room (#62) to Hall (#98) via {\"n\"} created with id #99.",
        ],
    );
    wizard.check_exactly("n", &["Hall", "You see nothing special."]);
    wizard.send(";;for x in ({1,2}) suspend(0); player:tell(x); endfor");
    wizard.expect_all(&["1", "2", "=> 0"]);
}

#[test]
fn two_people_meet_talk_and_walk_where_one_has_built() {
    let Some(server) = core() else { return };
    let mut wizard = core_wizard(&server);
    let mut joe = core_player(&server, "Joe");
    joe.check(
        "look",
        &["The First Room", "This is all there is right now.", "Wizard"],
    );
    joe.check("say hello   there", &["You say, \"hello   there\""]);
    wizard.expect("Joe says, \"hello   there\"");
    wizard.command(":waves to Joe.");
    joe.expect("Wizard waves to Joe.");
    wizard.check("whisper \"psst\" to joe", &["You whisper, \"psst\" to Joe."]);
    joe.expect("Wizard whispers, \"psst\"");

    wizard.check(
        "@create $thing named \"a lamp\",lamp",
        &["You now have a lamp (aka lamp)"],
    );
    wizard.check_exactly("@describe lamp as \"A brass lamp.\"", &["Description set."]);
    wizard.check_exactly("drop lamp", &["You drop a lamp."]);
    joe.expect("Wizard drops a lamp.");
    joe.check("look lamp", &["A brass lamp."]);
    joe.check_exactly("get lamp", &["You take a lamp."]);
    wizard.expect("Joe picks up a lamp.");

    wizard.check(
        "@dig north,n|south,s to \"The Hall\"",
        &[
            "The Hall (#",
            "Exit from The First Room (#62) to The Hall",
            "Exit from The Hall",
        ],
    );
    joe.check("north", &["The Hall", "You see nothing special."]);
    wizard.expect("Joe goes north.");
    wizard.check("page joe with where are you?", &["Your message has been sent."]);
    joe.expect("You sense that Wizard is looking for you in The First Room.");
    joe.expect("pages, \"where are you?\"");
    joe.check("page wizard here", &["Your message has been sent."]);
    wizard.expect("pages, \"here\"");
    wizard.check("n", &["The Hall", "Joe is here."]);
    joe.expect("Wizard has arrived.");
    joe.check("s", &["The First Room"]);
    joe.check("n", &["The Hall"]);
    joe.check(
        "@who",
        &[
            "Player name   Connected    Idle time    Location",
            "Joe (#98)",
            "Wizard (#2)",
            "Total: 2 players",
        ],
    );

    joe.send("@quit");
    wizard.expect("Joe has disconnected.");
    joe.expect_end();
    let mut joe = Telnet::connect(server.telnet(), "Joe");
    joe.expect("Welcome to the LambdaCore database.");
    joe.send("connect Joe wrong");
    joe.expect("Either that player does not exist, or has a different password.");
    joe.send("connect Joe sesame123");
    joe.expect_all(&["*** Connected ***", "The Hall", "Wizard is here."]);
    wizard.expect("Joe has connected.");
    let mut again = Telnet::connect(server.telnet(), "Joe again");
    again.send("connect Joe sesame123");
    again.expect("*** Redirecting old connection to this port ***");
    joe.expect("*** Redirecting connection to new port ***");
    joe.expect_end();
}

#[test]
fn verbs_are_programmed_listed_and_traced() {
    let Some(server) = core() else { return };
    let mut wizard = core_wizard(&server);
    wizard.check(
        "@create $thing named drum",
        &["You now have drum with object number #"],
    );
    wizard.check("@property drum.beats 3", &["Property added with value 3."]);
    wizard.check("@verb drum:beat this none none rd", &["Verb added (1)."]);
    program(
        &mut wizard,
        "drum:beat",
        &[
            "for i in [1..this.beats]",
            "if (i == 3)",
            "player:tell(\"and last: \", this:sound(i * (2 + 1)));",
            "else",
            "player:tell(this:sound(i));",
            "endif",
            "endfor",
        ],
    );
    wizard.check("@verb drum:sound this none this", &["Verb added (2)."]);
    program(
        &mut wizard,
        "drum:sound",
        &[
            "\"sound(n): n times boom.\";",
            "return $string_utils:space(args[1], \"boom \");",
        ],
    );
    wizard.check_exactly("beat drum", &["b", "bo", "and last: boom boom"]);
    wizard.check_exactly(
        "@list drum:beat",
        &[
            "#98:beat   this none none",
            " 1:  for i in [1..this.beats]",
            " 2:    if (i == 3)",
            " 3:      player:tell(\"and last: \", this:sound(i * (2 + 1)));",
            " 4:    else",
            " 5:      player:tell(this:sound(i));",
            " 6:    endif",
            " 7:  endfor",
        ],
    );
    wizard.check("@args drum:beat this with any", &["Verb arguments changed."]);
    wizard.check("beat drum with stick", &["and last"]);
    wizard.check("beat drum", &["I don't understand that."]);
    wizard.check("@show drum.beats", &["#98.beats", "Value:        3"]);
    wizard.check("@display drum.", &["beats"]);

    wizard.check("@program drum:beat", &["Now programming drum:beat(1)."]);
    wizard.send_all(&["x = ;", "y = 1;", "return ((;", "."]);
    wizard.expect_all(&["Line 1:", "Verb not programmed."]);
    wizard.check("beat drum with stick", &["and last"]);

    wizard.check("@verb drum:fail this none this", &["Verb added (3)."]);
    program(&mut wizard, "drum:fail", &["\"fail()\";", "return 1 / args[1];"]);
    wizard.check(
        ";#98:fail(0)",
        &[
            "#98:fail, line 2:  Division by zero",
            "... called from #58:eval_cmd_string (this == #2), line 19",
            "(End of traceback)",
        ],
    );
    wizard.check(";#98:nothing()", &["Verb not found", "(End of traceback)"]);
    wizard.check(";1 +", &["syntax error"]);
    wizard.check(";`1 / 0 ! E_DIV => \"caught\"'", &["=> \"caught\""]);
    wizard.send_all(&[".program drum:fail", "return 7;", "."]);
    wizard.expect_all(&[
        "Now programming drum:fail.  Use \".\" to end.",
        "0 error(s).",
        "Verb programmed.",
    ]);
    wizard.check(";#98:fail()", &["=> 7"]);
}

#[test]
fn tasks_fork_wait_read_and_are_killed() {
    let Some(server) = core() else { return };
    let mut wizard = core_wizard(&server);
    wizard.send(
        ";;fork (1) player:tell(\"from the fork\"); endfork suspend(0); player:tell(\"after the pause\");",
    );
    wizard.expect_all(&["after the pause", "=> 0", "from the fork"]);
    wizard.send(";;player:tell(\"line, please\"); player:tell(\"got <\", read(), \">\");");
    wizard.expect("line, please");
    wizard.send("  two  words ");
    wizard.expect("got <  two  words >");
    wizard.send(";;fork t (1000) player:tell(\"never\"); endfork player:tell(\"waits: \", length(queued_tasks()) > 0); kill_task(t);");
    wizard.expect_all(&["waits: 1", "=> 0"]);
    wizard.check(";;fork t (1000) endfork return task_id() != t;", &["=> 1"]);
    wizard.check("@forked", &["Queue ID", "Input to EVAL (3)"]);
    wizard.send(";;player:tell(\"ticks \", ticks_left() > 20000); return suspend(1);");
    wizard.expect_all(&["ticks 1", "=> 0"]);
    wizard.check(";;while (1) endwhile", &["Task ran out of ticks"]);
}

#[test]
fn mail_is_sent_and_read() {
    let Some(server) = core() else { return };
    let mut wizard = core_wizard(&server);
    let mut joe = core_player(&server, "Joe");
    wizard.send("@send joe");
    wizard.expect("Subject:");
    wizard.send("A party");
    wizard.expect("Composing a letter to Joe (#98) entitled \"A party\"");
    wizard.send("\"Come at eight.");
    wizard.expect("Line 1 added.");
    wizard.send("\"Bring a lamp.");
    wizard.expect("Line 2 added.");
    wizard.send("send");
    wizard.expect_all(&["Sending...", "Mail actually sent to Joe (#"]);
    joe.expect("You have new mail (1) from Wizard (#2).");
    joe.check("@mail", &["Wizard (#2)            A party"]);
    joe.send("@read 1");
    joe.expect_all(&[
        "From:     Wizard (#2)",
        "Subject:  A party",
        "Come at eight.",
        "Bring a lamp.",
    ]);
    joe.send("@qsend wizard subj=Yes I will be there");
    joe.expect("Message sent to Wizard (#2).");
    wizard.expect("You have new mail (1) from Joe (#");
    wizard.send("@read 1");
    wizard.expect("I will be there");
}

#[test]
fn texts_and_verbs_are_edited_in_the_worlds_own_editors() {
    let Some(server) = core() else { return };
    let mut wizard = core_wizard(&server);
    wizard.check("@create $note named \"a note\",note", &["You now have a note"]);
    wizard.check("@notedit note", &["Note Editor", "Now editing"]);
    wizard.check("\"First line.", &["Line 1 added."]);
    wizard.check("\"Third line.", &["Line 2 added."]);
    wizard.check("insert 2", &["2"]);
    wizard.check("\"Second line.", &["Line 2 added."]);
    wizard.check(
        "list",
        &["  1: First line.", "__2_ Second line.", "^^3^ Third line."],
    );
    wizard.check("save", &["Text written to"]);
    wizard.check("quit", &["The First Room"]);
    wizard.check("read note", &["First line.", "Second line.", "Third line."]);

    wizard.check("@verb note:ping this none none", &["Verb added (1)."]);
    wizard.check("@edit note:ping", &["Verb Editor", "Now editing"]);
    wizard.check("\"player:tell(\"pong\"", &["Line 1 added."]);
    wizard.check("compile", &["#98:ping not compiled because:", "syntax error"]);
    wizard.check("delete 1", &["deleted"]);
    wizard.check("\"player:tell(\"pang\");", &["Line 1 added."]);
    wizard.check("subst/pang/pong/1", &["__1_ player:tell(\"pong\");"]);
    wizard.check("compile", &["successfully compiled."]);
    wizard.check("quit", &["The First Room"]);
    wizard.check_exactly("ping note", &["pong"]);
}

#[test]
fn help_and_the_wizards_surveys_answer() {
    let Some(server) = core() else { return };
    let mut wizard = core_wizard(&server);
    wizard.check("help", &["help"]);
    wizard.check("help @create", &["@create <class-name> named"]);
    wizard.check("help say", &["say"]);
    wizard.check("help suspend()", &["suspend ("]);
    wizard.check(
        "help no-such-thing",
        &["Sorry, but no help is available on `no-such-thing'."],
    );
    wizard.check(
        "@memory",
        &["Sorry, but no memory-usage statistics are available for this server."],
    );
    wizard.check("@audit me", &["Objects owned by Wizard"]);
    wizard.check("@verbs $string_utils", &["\"space\", \"left\""]);
    wizard.check(
        "@rename me to Archwizard",
        &["Name of #2 changed to \"Archwizard\""],
    );
    wizard.check("@gender neuter", &["Gender set to neuter."]);
    wizard.check("@version", &["version"]);
    wizard.check("@uptime", &["up"]);
    wizard.check(
        ";$string_utils:connection_hostname(connection_name(player))",
        &["=> \"127.0.0.1\""],
    );
}
