//! The table of loops: what each does here, how often, and what it may cost.
//!
//! Invariant: a loop has the same name in `benches/lua/loops.lua` and `benches/python/loops.py`, and does the same there
//! for the same `n`; one that neither has is measured here only.

/// What is done for a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The verb `run` is called once with `n`; all steps are in one transaction.
    Loop,
    /// The verb `run` is called `n` times, as a task of its own each time: begin, run, commit.
    Tasks,
}

/// One row: the verb that is measured.
pub struct Row {
    /// What it is called in all languages.
    pub name: &'static str,
    /// The body of the verb.
    pub source: &'static str,
    /// How the verb is run.
    pub shape: Shape,
    /// The argument of the loop, or the number of tasks.
    pub n: i64,
    /// How often the measured step is done.
    pub steps: f64,
    /// The nanoseconds that a step may take on the machine the targets were set on, and what the same step took Lua
    /// there; unknown where no target was set, or Lua has no such loop.
    pub must: Option<f64>,
    /// See `must`.
    pub lua_there: Option<f64>,
}

/// The measured object's verbs besides `run`: its own, and `INHERITED` of its parent.
pub const OWN: [(&str, &str); 1] = [("fib", FIB)];

/// The verbs that it inherits.
pub const INHERITED: [(&str, &str); 2] = [("noop", ""), ("fib2", FIB2)];

const FIB: &str = "{n} = args; if (n < 2) return n; endif return this:fib(n - 1) + this:fib(n - 2);";
const FIB2: &str = "{n} = args; if (n < 2) return n; endif return this:fib2(n - 1) + this:fib2(n - 2);";

/// fib(24) makes 2 * F(25) - 1 calls.
const FIB_CALLS: f64 = 150_049.0;

const fn row(
    name: &'static str,
    n: i64,
    (must, lua_there): (Option<f64>, Option<f64>),
    source: &'static str,
) -> Row {
    Row {
        name,
        source,
        shape: Shape::Loop,
        n,
        steps: n as f64,
        must,
        lua_there,
    }
}

const fn target(must: f64, lua_there: f64) -> (Option<f64>, Option<f64>) {
    (Some(must), Some(lua_there))
}

/// No target was set; Lua may have been measured.
const NONE: (Option<f64>, Option<f64>) = (None, None);

/// All rows, in the order in which they are printed.
pub const ROWS: [Row; 35] = [
    row(
        "empty for",
        10_000_000,
        target(4.0, 3.2),
        "{n} = args; for i in [1..n] endfor",
    ),
    row(
        "while with add",
        5_000_000,
        target(8.0, 8.1),
        "{n} = args; i = 0; while (i < n) i = i + 1; endwhile",
    ),
    Row {
        steps: FIB_CALLS,
        ..row(
            "fib by verb call",
            24,
            target(30.0, 14.8),
            "{n} = args; return this:fib(n);",
        )
    },
    Row {
        steps: FIB_CALLS,
        ..row(
            "fib by inherited verb",
            24,
            target(30.0, 42.0),
            "{n} = args; return this:fib2(n);",
        )
    },
    row(
        "noop verb call",
        1_000_000,
        target(30.0, 48.0),
        "{n} = args; for i in [1..n] this:noop(i); endfor",
    ),
    row(
        "list append to 1000",
        2_000_000,
        target(15.0, 16.5),
        "{n} = args; for round in [1..n / 1000] l = {}; for i in [1..1000] l = {@l, i}; endfor endfor",
    ),
    row(
        "list append to 10000",
        2_000_000,
        target(15.0, 16.5),
        "{n} = args; for round in [1..n / 10000] l = {}; for i in [1..10000] l = {@l, i}; endfor endfor",
    ),
    row(
        "list index",
        2_000_000,
        target(16.0, 7.3),
        "{n} = args; l = {}; for i in [1..1000] l = {@l, i}; endfor s = 0; \
         for round in [1..n / 1000] for i in [1..1000] s = s + l[i]; endfor endfor return s;",
    ),
    row(
        "list set",
        2_000_000,
        target(25.0, 10.2),
        "{n} = args; l = {}; for i in [1..1000] l = {@l, i}; endfor \
         for round in [1..n / 1000] for i in [1..1000] l[i] = l[i] + 1; endfor endfor return l;",
    ),
    row(
        "nested list set",
        1_000_000,
        NONE,
        "{n} = args; l = {}; for i in [1..100] l = {@l, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}; endfor \
         for round in [1..n / 1000] for i in [1..100] for j in [1..10] l[i][j] = round; endfor endfor endfor return l;",
    ),
    row(
        "list iteration",
        5_000_000,
        target(12.0, 28.6),
        "{n} = args; l = {}; for i in [1..1000] l = {@l, i}; endfor s = 0; \
         for round in [1..n / 1000] for x in (l) s = s + x; endfor endfor return s;",
    ),
    row(
        "map set in 100",
        1_000_000,
        NONE,
        "{n} = args; m = []; for i in [1..100] m[i] = 0; endfor \
         for round in [1..n / 100] for i in [1..100] m[i] = round; endfor endfor return m;",
    ),
    row(
        "map get by a name in 1000",
        1_000_000,
        NONE,
        "{n} = args; m = []; for i in [1..1000] m[tostr(\"name\", i)] = i; endfor k = mapkeys(m); s = 0; \
         for round in [1..n / 1000] for i in [1..1000] s = s + m[k[i]]; endfor endfor return s;",
    ),
    row(
        "map iteration",
        2_000_000,
        NONE,
        "{n} = args; m = []; for i in [1..1000] m[i] = i; endfor s = 0; \
         for round in [1..n / 1000] for v, k in (m) s = s + k; endfor endfor return s;",
    ),
    row(
        "string append",
        400_000,
        target(20.0, 310.0),
        "{n} = args; for round in [1..n / 20000] t = \"\"; for i in [1..20000] t = t + \"x\"; endfor endfor",
    ),
    row(
        "tostr append",
        40_000,
        (None, Some(2093.0)),
        "{n} = args; for round in [1..n / 4000] t = \"\"; for i in [1..4000] t = tostr(t, i, \" \"); endfor endfor",
    ),
    row(
        "property increment",
        2_000_000,
        target(22.0, 11.9),
        "{n} = args; for i in [1..n] this.count = this.count + 1; endfor",
    ),
    row(
        "property get",
        3_000_000,
        target(12.0, 6.5),
        "{n} = args; for i in [1..n] x = this.count; endfor",
    ),
    row(
        "inherited property get",
        3_000_000,
        (Some(18.0), None),
        "{n} = args; for i in [1..n] x = this.inherited; endfor",
    ),
    row(
        "property append to 1000",
        500_000,
        (None, Some(39.5)),
        "{n} = args; for round in [1..n / 1000] this.l = {}; for i in [1..1000] this.l = {@this.l, i}; endfor endfor",
    ),
    row(
        "length of a list",
        2_000_000,
        target(15.0, 19.0),
        "{n} = args; l = {1, 2, 3}; for i in [1..n] x = length(l); endfor",
    ),
    row(
        "caught error",
        1_000_000,
        target(20.0, 132.0),
        "{n} = args; for i in [1..n] x = `1 / 0 ! E_DIV => 0'; endfor",
    ),
    row(
        "string index",
        2_000_000,
        target(12.0, 42.0),
        "{n} = args; s = \"\"; for i in [1..10] s = s + \"abcdefghij\"; endfor for i in [1..n] c = s[77]; endfor",
    ),
    row(
        "setadd to 2000",
        20_000,
        (None, Some(8944.0)),
        "{n} = args; for round in [1..n / 2000] l = {}; for i in [1..2000] l = setadd(l, i); endfor endfor",
    ),
    row(
        "integer in a list of 100",
        200_000,
        NONE,
        "{n} = args; l = {}; for i in [1..100] l = {@l, i}; endfor for i in [1..n] x = 75 in l; endfor",
    ),
    row(
        "string in a list of 100",
        200_000,
        NONE,
        "{n} = args; l = {}; for i in [1..100] l = {@l, tostr(\"name\", i)}; endfor for i in [1..n] x = \"name75\" in l; endfor",
    ),
    row(
        "text in a text of 200",
        500_000,
        NONE,
        "{n} = args; s = \"\"; for i in [1..20] s = s + \"abcdefghij\"; endfor s = s + \"needle\"; \
         for i in [1..n] x = index(s, \"needle\"); endfor",
    ),
    row(
        "substring",
        1_000_000,
        NONE,
        "{n} = args; s = \"\"; for i in [1..10] s = s + \"abcdefghij\"; endfor for i in [1..n] c = s[21..50]; endfor",
    ),
    row(
        "map set in 1000",
        500_000,
        target(90.0, 8.4),
        "{n} = args; for round in [1..n / 1000] m = []; for i in [1..1000] m[i] = i; endfor endfor",
    ),
    row(
        "map get in 1000",
        500_000,
        NONE,
        "{n} = args; m = []; for i in [1..1000] m[i] = i; endfor s = 0; \
         for round in [1..n / 1000] for i in [1..1000] s = s + m[i]; endfor endfor return s;",
    ),
    row(
        "map get by a name in 20",
        500_000,
        NONE,
        "{n} = args; m = []; for i in [1..20] m[tostr(\"name\", i)] = i; endfor for i in [1..n] x = m[\"name15\"]; endfor",
    ),
    Row {
        shape: Shape::Tasks,
        ..row(
            "task that reads a property",
            100_000,
            (Some(1000.0), None),
            "return this.count;",
        )
    },
    Row {
        shape: Shape::Tasks,
        ..row(
            "task that creates and recycles",
            50_000,
            NONE,
            "recycle(create(#1));",
        )
    },
    Row {
        shape: Shape::Tasks,
        ..row(
            "task that moves there and back",
            50_000,
            NONE,
            "move(this, #2); move(this, #6);",
        )
    },
    Row {
        shape: Shape::Tasks,
        ..row(
            "task that reads 5 and writes 2",
            50_000,
            (Some(3000.0), None),
            "x = this.p1 + this.p2 + this.p3; this.p4 = this.p4 + 1; this.p5 = this.p5 + x;",
        )
    },
];
