//! Calls of verbs: in a place of the frame stack where a verb was called before, and with arguments that are moved.

use super::check_with;

/// What is called again and again from one place, with something done in between that changes what the name leads to.
#[track_caller]
fn check_changed(between: &str, expected: &str) {
    let verbs = [("f", "return \"thing\";")];
    let source = format!(
        "o = create(#7); o.name = \"o\"; seen = {{o:f(), o:f()}}; {between} return {{@seen, `o:f() ! ANY', `o:f() ! ANY'}};"
    );
    check_with(&verbs, &source, expected);
}

#[test]
fn a_call_sees_what_was_changed_since_the_last_one_in_its_place() {
    let add = "add_verb(o, {#3, \"rxd\", \"f\"}, {\"this\", \"none\", \"this\"}); set_verb_code(o, \"f\", {\"return 2;\"});";
    check_changed(add, "{\"thing\", \"thing\", 2, 2}");
    check_changed(
        "set_verb_code(#7, \"f\", {\"return 3;\"});",
        "{\"thing\", \"thing\", 3, 3}",
    );
    check_changed(
        "delete_verb(#7, \"f\");",
        "{\"thing\", \"thing\", E_VERBNF, E_VERBNF}",
    );
    check_changed("chparent(o, #1);", "{\"thing\", \"thing\", E_VERBNF, E_VERBNF}");
    check_changed("recycle(o);", "{\"thing\", \"thing\", E_INVIND, E_INVIND}");
    check_changed(
        "set_verb_info(#7, \"f\", {#3, \"rd\", \"f\"});",
        "{\"thing\", \"thing\", E_VERBNF, E_VERBNF}",
    );
}

#[test]
fn each_call_in_one_place_has_its_own_name_receiver_caller_and_rights() {
    let verbs = [
        (
            "who foo*bar",
            "set_task_perms(#4); return {verb, this, caller, caller_perms()};",
        ),
        ("from", "return this:who();"),
    ];
    let source = "o = create(#7); x = {}; for i in [1..2] \
                  x = {@x, this:who(), this:WHO(), this:foob(), o:who(), o:from()}; endfor return {x[1..5] == x[6..10], x[1..5]};";
    let expected = "{1, {{\"who\", #7, #7, #3}, {\"WHO\", #7, #7, #3}, {\"foob\", #7, #7, #3}, {\"who\", #8, #7, #3}, \
                    {\"who\", #8, #8, #3}}}";
    check_with(&verbs, source, expected);
}

#[test]
fn arguments_that_are_moved_are_counted_edited_and_forgotten_like_others() {
    let verbs = [
        ("two", "{a, b} = args; a = {@a, b}; c = a; return {a, b};"),
        (
            "unset",
            "{a} = args; if (a) b = a; endif return `b ! E_VARNF => \"unset\"';",
        ),
        ("again", "{a} = args; return {a, args};"),
    ];
    let source = "l = {1}; x = {}; for i in [1..3] x = {@x, this:two(l, i)}; endfor return {l, x};";
    check_with(&verbs, source, "{{1}, {{{1, 1}, 1}, {{1, 2}, 2}, {{1, 3}, 3}}}");
    let source = "x = {}; for i in [1..3] x = {@x, `this:two(@{1, 2, 3}[1..i]) ! ANY', `this:two(i) ! ANY'}; endfor return x;";
    check_with(&verbs, source, "{E_ARGS, E_ARGS, E_TYPE, E_ARGS, E_ARGS, E_ARGS}");
    let source = "x = {}; for i in ({1, 0, 1, 0}) x = {@x, this:unset(i)}; endfor return x;";
    check_with(&verbs, source, "{1, \"unset\", 1, \"unset\"}");
    check_with(&verbs, "this:again(1); return this:again(2);", "{2, {2}}");
}
