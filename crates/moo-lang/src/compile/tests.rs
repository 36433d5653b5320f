//! What the compiler makes of whole programs. Meaning is tested where programs run, in moo-vm.

use std::sync::Arc;

use super::compile;
use crate::opcode::{NO_VARIABLE, Op};
use crate::parser::{Options, UnknownBuiltins, parse};
use crate::program::{Handler, Scatter, ScatterKind, ScatterTarget};
use crate::verify::verify;

fn program(source: &str) -> crate::program::Program {
    let options = Options {
        is_builtin: &|_| true,
        unknown_builtins: UnknownBuiltins::Refuse,
        strings_span_lines: false,
    };
    let program = compile(&Arc::new(
        parse(source, &options).expect("the test's source is right"),
    ));
    verify(&program).expect("the compiler's own output is sound");
    program
}

#[test]
fn an_empty_loop_is_one_instruction_a_turn() {
    let code = program("for i in [1..10] endfor").code;
    assert!(
        matches!(
            code[3..6],
            [
                Op::RangeNext { .. },
                Op::Jump { to: 6, .. },
                Op::RangeLoop { back: 1, .. }
            ]
        ),
        "{code:?}"
    );
}

#[test]
fn appending_to_a_variable_edits_it_in_place() {
    let code = program("l = {}; x = 1; l = {@l, x};").code;
    assert!(matches!(code[2], Op::Append { to: 0, item: 1 }), "{code:?}");
}

#[test]
fn a_left_operand_is_copied_before_the_right_one_assigns_it() {
    let code = program("x = 1; return x + (x = 2);").code;
    assert!(matches!(code[1], Op::Move { from: 0, .. }), "{code:?}");
}

#[test]
fn every_shape_of_statement_passes_the_verifier() {
    for source in [
        "try return 1; finally foo(); endtry",
        "while w (x) try if (a) break w; elseif (b) continue; endif finally f(); endtry endwhile",
        "{a, ?b = 2, ?c, @d} = args; player = a; args = {}; return {a, @d, b};",
        "x = `y.z[1][2..$] ! E_PERM, @codes => 5'; o.p[1][2] = 3; x[1..2] = {}; this.(n) = o:(v)(@args);",
        "fork id (5) suspend(0); for v in (l) if (v) return; endif endfor endfork",
        "m = [a -> b, 1 -> {}][^..$]; m[^][1][$] = []; for v, k in (m) for x, k in (v) break k; endfor continue v; endfor",
        "try a(); except (E_DIV) except e (ANY) b(e); endtry argstr = \"x\"; o:v(1, 2, {3}, @l);",
    ] {
        program(source);
    }
}

#[test]
fn a_list_of_many_items_needs_few_registers() {
    let source = format!("return {{{}}};", vec!["1"; 10_000].join(", "));
    assert!(program(&source).registers < 100);
}

#[test]
fn a_counted_while_loop_is_two_instructions_a_turn() {
    let code = program("{n} = args; i = 0; while (i < n) i = i + 1; endwhile").code;
    assert!(
        matches!(
            code[2..6],
            [
                Op::SkipLt { .. },
                Op::Jump { to: 6, .. },
                Op::AddInt { .. },
                Op::LoopLt { back: 2, .. }
            ]
        ),
        "{code:?}"
    );
}

#[test]
fn a_variable_that_is_assigned_on_every_way_is_not_checked() {
    for source in [
        "{a, ?b = 1, @c} = args; return {a, b, c};",
        "if (player) a = 1; elseif (this) a = 2; else return 3; endif return a;",
    ] {
        let code = program(source).code;
        assert!(
            !code
                .iter()
                .any(|op| matches!(op, Op::CheckVar { .. } | Op::MoveVar { .. })),
            "{code:?}"
        );
    }
}

#[test]
fn the_verifier_counts_registers_that_no_frame_can_have() {
    for op in [
        Op::CallVerbNamed {
            at: 0,
            count: u16::MAX,
            ticks: 1,
        },
        Op::MakeList {
            to: 0,
            from: 1,
            count: u16::MAX,
        },
        Op::RangePrepare { at: u16::MAX },
    ] {
        let program = crate::program::Program {
            code: vec![op, Op::ReturnZero { ticks: 1 }],
            registers: u16::MAX,
            ..Default::default()
        };
        assert!(verify(&program).is_err(), "{op:?}");
    }
}

#[test]
fn handlers_do_not_reach_into_the_bodies_of_forks() {
    for source in [
        "try fork (0) 1 / 0; endfork x = 1; except (ANY) endtry",
        "try x = 1; fork (0) fork (1) 1 / 0; endfork 2 / 0; endfork finally y = 2; endtry",
    ] {
        let program = program(source);
        let guarded = |at: usize| {
            let guards = |handler: &Handler| (handler.from..handler.to).contains(&(at as u32));
            program.handlers.iter().any(guards)
        };
        let mut depth = 0;
        for (at, op) in program.code.iter().enumerate() {
            match op {
                Op::Fork { .. } => depth += 1,
                Op::ReturnZero { .. } if depth > 0 => depth -= 1,
                Op::Div { .. } => assert!(!guarded(at), "{source}: {at}"),
                _ => {}
            }
        }
        assert!(!program.handlers.is_empty() && depth == 0);
        let fork = program.code.iter().position(|op| matches!(op, Op::Fork { .. }));
        assert!(guarded(fork.expect("there is a fork")), "{source}");
    }
}

/// A program of these instructions, with two registers and this scattering assignment.
fn spoilt(code: &[Op], scatter: Scatter) -> crate::program::Program {
    crate::program::Program {
        code: code.to_vec(),
        scatters: vec![scatter],
        registers: 2,
        ..Default::default()
    }
}

fn scatter(kinds: &[ScatterKind], required: usize, optional: usize) -> Scatter {
    let target = |&kind| ScatterTarget { register: 0, kind };
    Scatter {
        targets: kinds.iter().map(target).collect(),
        required,
        optional,
        done: 1,
    }
}

const END: Op = Op::ReturnZero { ticks: 1 };

#[test]
fn the_verifier_refuses_a_fork_into_no_register_of_the_frame() {
    let fork = |var| spoilt(&[Op::Fork { delay: 0, var }, END, END], scatter(&[], 0, 0));
    assert!(verify(&fork(2)).is_err());
    assert_eq!(verify(&fork(1)), Ok(()));
    assert_eq!(verify(&fork(NO_VARIABLE)), Ok(()));
}

#[test]
fn the_verifier_refuses_what_skips_the_end_of_the_code() {
    let (a, b, ticks) = (0, 1, 1);
    for op in [
        Op::SkipLt { a, b, ticks },
        Op::SkipLe { a, b, ticks },
        Op::SkipEq { a, b, ticks },
        Op::SkipNe { a, b, ticks },
        Op::SkipLtInt { a, value: 1, ticks },
        Op::SkipGtInt { a, value: 1, ticks },
        Op::SkipEqInt { a, value: 1, ticks },
        Op::RangePrepare { at: 0 },
        Op::ListPrepare { at: 0 },
        Op::RangeNext { at: 0, var: 1, ticks },
        Op::ListNext { at: 0, var: 1, ticks },
        Op::Fork { delay: 0, var: 1 },
    ] {
        assert!(verify(&spoilt(&[op, END], scatter(&[], 0, 0))).is_err(), "{op:?}");
        assert_eq!(verify(&spoilt(&[op, END, END], scatter(&[], 0, 0))), Ok(()));
    }
    let none = scatter(&[], 0, 0);
    assert!(verify(&spoilt(&[END, Op::Charge { ticks }], none)).is_err());
}

#[test]
fn the_verifier_counts_the_targets_of_a_scattering_assignment() {
    use ScatterKind::{Optional, Required, Rest};
    let verified = |scatter| verify(&spoilt(&[Op::ScatterArgs { spec: 0 }, END], scatter));
    assert_eq!(verified(scatter(&[Required, Optional(None), Rest], 1, 1)), Ok(()));
    for wrong in [
        scatter(&[Required, Required], 1, 1),
        scatter(&[Required], 1, 1),
        scatter(&[Required, Rest, Rest], 1, 0),
        scatter(&[Optional(None)], 1, 0),
        scatter(&[Optional(None), Rest], 0, 0),
    ] {
        assert!(verified(wrong.clone()).is_err(), "{wrong:?}");
    }
}

#[test]
fn the_verifier_refuses_a_loop_that_costs_nothing() {
    let verified = |scatter| verify(&spoilt(&[Op::ScatterArgs { spec: 0 }, END], scatter));
    let mut back = scatter(&[], 0, 0);
    back.done = 0;
    assert!(verified(back).is_err());
    let default = ScatterKind::Optional(Some(0));
    assert!(verified(scatter(&[default], 0, 1)).is_err());
    let forward = ScatterKind::Optional(Some(1));
    assert_eq!(verified(scatter(&[forward], 0, 1)), Ok(()));
}
