//! Anonymous objects on a world that is at work all the while: kept, lost, collected, and there again after a crash.

use crate::support::server::{Options, Server};
use crate::support::telnet::Telnet;
use crate::support::wait_for;
use crate::support::worlds::{hall_return, hall_wizard};

/// Pairs of objects that lead to each other and that nothing leads to.
const PAIRS: usize = 100;
/// Tasks that hand objects around, and how often.
const HANDS: usize = 4;
const TURNS: usize = 300;

/// Makes `$class`, whose anonymous children count their end in `$class.ended`.
fn make_class(wizard: &mut Telnet) {
    wizard.eval("add_property(#0, \"class\", create($thing), {player, \"r\"})");
    for name in ["ended", "next", "kept", "held", "bad", "turns"] {
        wizard.eval(&format!("add_property($class, \"{name}\", 0, {{player, \"r\"}})"));
    }
    wizard.eval("add_verb($class, {player, \"xd\", \"recycle\"}, {\"this\", \"none\", \"this\"})");
    let code = "set_verb_code($class, \"recycle\", {\"$class.ended = $class.ended + 1;\"})";
    assert_eq!(wizard.eval(code), "{}");
}

/// Has garbage collected until so many objects have ended, and no more than those.
#[track_caller]
fn collect(wizard: &mut Telnet, ended: usize) {
    wait_for("what nothing refers to to be collected", || {
        wizard.eval("run_gc()");
        (wizard.eval("$class.ended") == ended.to_string()).then_some(())
    });
}

#[test]
fn what_nothing_refers_to_is_collected_while_everybody_works_and_nothing_else_ever_is() {
    let mut server = Server::start(Options::default());
    let mut wizard = hall_wizard(&server);
    make_class(&mut wizard);
    wizard.eval("$class.kept = {create($class, 1)}");
    let sleeper = "o = create($class, 1); fork (0) suspend(); $class.held = valid(o); endfork";
    wizard.check(&format!(";;{sleeper}"), &["=> 0"]);
    // Each takes an object from a shelf, waits with it, and puts it back: for a while it is in no property.
    let hand = "for i in [1..TURNS] o = $class.kept[me]; $class.kept[me] = 0; suspend(0); valid(o) || \
                ($class.bad = $class.bad + 1); $class.kept[me] = o; suspend(0); endfor $class.turns = $class.turns + 1;";
    let hands = format!(
        ";;$class.kept = {{@$class.kept}}; for me in [1..{HANDS}] $class.kept = {{@$class.kept, create($class, 1)}}; \
         fork (0) me = me + 1; {} endfork endfor",
        hand.replace("TURNS", &TURNS.to_string())
    );
    wizard.check(&hands, &["=> 0"]);
    let pairs = format!(
        ";;fork (0) for i in [1..{PAIRS}] a = create($class, 1); b = create($class, 1); a.next = {{b}}; b.next = [\"a\" -> a]; \
         i % 10 || suspend(0); endfor endfork"
    );
    wizard.check(&pairs, &["=> 0"]);
    wait_for("the hands to be done", || {
        wizard.eval("run_gc()");
        (wizard.eval("$class.turns") == HANDS.to_string()).then_some(())
    });
    collect(&mut wizard, 2 * PAIRS);
    assert_eq!(wizard.eval("$class.bad"), "0", "nobody missed what they held");

    server.kill9("moothall-daemon");
    let mut wizard = hall_return(&server, "Wizard");
    let all_there = format!("{{{}}}", ["1"; HANDS + 1].join(", "));
    let kept = ";;all = {}; for o in ($class.kept) all = {@all, valid(o)}; endfor return all;";
    wizard.check(kept, &[&format!("=> {all_there}")]);
    wizard.eval("$class.kept = 0");
    collect(&mut wizard, 2 * PAIRS + HANDS + 1);
    wizard.eval("resume(queued_tasks()[1][1])");
    wait_for("the sleeper to wake", || {
        (wizard.eval("$class.held") == "1").then_some(())
    });
    collect(&mut wizard, 2 * PAIRS + HANDS + 2);
    server.stop();
}
