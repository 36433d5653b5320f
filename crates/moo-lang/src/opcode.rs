//! THE table of instructions: name, operands and meaning. Listing, manual and verifier follow from it.
//!
//! An instruction is 8 bytes. `r` operands are registers of the frame; `k` index a table of the program; `to` are
//! instruction indexes; `ticks` are charged for the code since the last charge, before the instruction does anything.
//! Notation: `R[x]` is a register, `K[k]` a constant, `N[k]` a name.
//!
//! Invariant: an instruction that raises leaves its operands as they were.

/// What an operand is, so that the verifier can check it and the listing can show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A register that is read or written.
    Register(u16),
    /// The first of this many registers.
    Window(u16, u32),
    /// An index into the constants.
    Constant(u16),
    /// An index into the names.
    Name(u16),
    /// An index into the built-in functions.
    Builtin(u16),
    /// An index into the scattering assignments.
    Scatter(u16),
    /// Where to go on.
    Target(u32),
    /// A number.
    Number(i32),
}

macro_rules! opcodes {
    ($($(#[doc = $doc:literal])* $name:ident { $($field:ident : $kind:tt),* } $raises:ident;)*) => {
        /// An instruction.
        #[allow(rustdoc::broken_intra_doc_links, reason = "R[to] is a register, not a link")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Op {
            $($(#[doc = $doc])* #[allow(missing_docs, reason = "the line above names the operands")]
              $name { $($field: opcodes!(@type $kind)),* },)*
        }

        impl Op {
            /// The instruction's name.
            pub fn name(&self) -> &'static str {
                match self { $(Op::$name { .. } => stringify!($name),)* }
            }

            /// Its operands, in order.
            pub fn operands(&self) -> Vec<Operand> {
                match *self { $(Op::$name { $($field),* } => vec![$(opcodes!(@operand $kind $field)),*],)* }
            }

            /// Changes its operand number `nth`, if it has so many, to what these bits are as such an operand.
            #[cfg(any(test, feature = "testing"))]
            pub fn set_operand(&mut self, nth: usize, bits: u32) {
                let operands: Vec<&mut dyn crate::testing::OfBits> = match self {
                    $(Op::$name { $($field),* } => vec![$($field),*],)*
                };
                if let Some(operand) = operands.into_iter().nth(nth) {
                    operand.set(bits);
                }
            }

            /// The ticks that it charges, of an instruction that charges.
            #[allow(unused_variables, reason = "those of the other operands")]
            pub fn ticks_mut(&mut self) -> Option<&mut u8> {
                match self { $(Op::$name { $($field),* } => opcodes!(@ticks $($kind $field)*),)* }
            }

            /// Whether it may raise an error.
            pub fn may_raise(&self) -> bool {
                match self { $(Op::$name { .. } => opcodes!(@raises $raises),)* }
            }
        }

        /// Every instruction's name and meaning, for the manual.
        pub const MANUAL: &[(&str, &str)] = &[$((stringify!($name), concat!($($doc),*))),*];
    };
    (@type r) => { u16 };
    (@type n) => { u16 };
    (@type few) => { u8 };
    (@type ticks) => { u8 };
    (@type k) => { u16 };
    (@type name) => { u16 };
    (@type bf) => { u16 };
    (@type scatter) => { u16 };
    (@type to) => { u32 };
    (@type imm) => { i32 };
    (@type env) => { Env };
    (@operand r $f:ident) => { Operand::Register($f) };
    (@operand n $f:ident) => { Operand::Number($f as i32) };
    (@operand few $f:ident) => { Operand::Number($f as i32) };
    (@operand ticks $f:ident) => { Operand::Number($f as i32) };
    (@operand k $f:ident) => { Operand::Constant($f) };
    (@operand name $f:ident) => { Operand::Name($f) };
    (@operand bf $f:ident) => { Operand::Builtin($f) };
    (@operand scatter $f:ident) => { Operand::Scatter($f) };
    (@operand to $f:ident) => { Operand::Target($f) };
    (@operand imm $f:ident) => { Operand::Number($f) };
    (@operand env $f:ident) => { Operand::Number($f as i32) };
    (@ticks) => { None };
    (@ticks ticks $f:ident) => { Some($f) };
    (@ticks $kind:tt $f:ident $($rest:tt)*) => { opcodes!(@ticks $($rest)*) };
    (@raises raises) => { true };
    (@raises quiet) => { false };
}

/// Stands for "no variable" in a `Fork` instruction.
pub const NO_VARIABLE: u16 = u16::MAX;

/// What a frame knows besides its registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "named after the variables")]
pub enum Env {
    Player,
    This,
    Caller,
    Verb,
    Args,
    Argstr,
    Dobj,
    Dobjstr,
    Prepstr,
    Iobj,
    Iobjstr,
}

opcodes! {
    /// R[to] = R[from]
    Move { to: r, from: r } quiet;
    /// R[to] = R[from], which is left unset
    Take { to: r, from: r } quiet;
    /// R[to] = R[from]; `E_VARNF` if it was never assigned
    MoveVar { to: r, from: r } raises;
    /// `E_VARNF` if R[var] was never assigned
    CheckVar { var: r } raises;
    /// R[to] = value
    LoadInt { to: r, value: imm } quiet;
    /// R[to] = K[k]
    LoadConst { to: r, k: k } quiet;
    /// R[to] = the frame's this, player, args...
    LoadEnv { to: r, env: env } quiet;
    /// the frame's player, argstr, dobj... = R[from], for the verbs it calls
    StoreEnv { env: env, from: r } quiet;
    /// R[to] = args[index], without making the list
    LoadArg { to: r, index: n } raises;

    /// R[to] = R[a] + R[b]
    Add { to: r, a: r, b: r } raises;
    /// R[to] = R[a] - R[b]
    Sub { to: r, a: r, b: r } raises;
    /// R[to] = R[a] * R[b]
    Mul { to: r, a: r, b: r } raises;
    /// R[to] = R[a] / R[b]
    Div { to: r, a: r, b: r } raises;
    /// R[to] = R[a] % R[b]
    Mod { to: r, a: r, b: r } raises;
    /// R[to] = R[a] ^ R[b]
    Pow { to: r, a: r, b: r } raises;
    /// R[to] = R[a] + value, an integer
    AddInt { to: r, a: r, value: n } raises;
    /// R[to] = R[a] - value, an integer
    SubInt { to: r, a: r, value: n } raises;
    /// R[to] = -R[a]
    Neg { to: r, a: r } raises;
    /// R[to] = !R[a]
    Not { to: r, a: r } quiet;
    /// R[to] = R[a] == R[b]
    Eq { to: r, a: r, b: r } quiet;
    /// R[to] = R[a] != R[b]
    Ne { to: r, a: r, b: r } quiet;
    /// R[to] = R[a] < R[b]
    Lt { to: r, a: r, b: r } raises;
    /// R[to] = R[a] <= R[b]
    Le { to: r, a: r, b: r } raises;
    /// R[to] = R[a] in R[b]
    In { to: r, a: r, b: r } raises;

    /// go on at `to`
    Jump { to: to, ticks: ticks } quiet;
    /// go on at `to`, charging a loop's ticks and looking at the limits
    Loop { to: to, ticks: ticks } quiet;
    /// go on at `to` if R[a] is false
    JumpFalse { a: r, to: to, ticks: ticks } quiet;
    /// go on at `to` if R[a] is true
    JumpTrue { a: r, to: to, ticks: ticks } quiet;
    /// skip the next instruction if R[a] < R[b]
    SkipLt { a: r, b: r, ticks: ticks } raises;
    /// skip the next instruction if R[a] <= R[b]
    SkipLe { a: r, b: r, ticks: ticks } raises;
    /// skip the next instruction if R[a] == R[b]
    SkipEq { a: r, b: r, ticks: ticks } quiet;
    /// skip the next instruction if R[a] != R[b]
    SkipNe { a: r, b: r, ticks: ticks } quiet;
    /// skip the next instruction if R[a] < value
    SkipLtInt { a: r, value: n, ticks: ticks } raises;
    /// skip the next instruction if R[a] > value
    SkipGtInt { a: r, value: n, ticks: ticks } raises;
    /// skip the next instruction if R[a] == value
    SkipEqInt { a: r, value: n, ticks: ticks } quiet;
    /// go back by `back` instructions if R[a] < R[b], charging a loop's ticks
    LoopLt { a: r, b: r, back: n, ticks: ticks } raises;
    /// go back by `back` instructions if R[a] <= R[b], charging a loop's ticks
    LoopLe { a: r, b: r, back: n, ticks: ticks } raises;
    /// go back by `back` instructions if R[a] < value, charging a loop's ticks
    LoopLtInt { a: r, value: n, back: n, ticks: ticks } raises;
    /// go back by `back` instructions if R[a] > value, charging a loop's ticks
    LoopGtInt { a: r, value: n, back: n, ticks: ticks } raises;

    /// R[at], R[at+1] are a range's bounds: `E_TYPE` unless both are integers or both objects; go on at the `Loop*` next
    RangePrepare { at: r } raises;
    /// if R[at] <= R[at+1]: R[var] = R[at], advance R[at], else go on at `exit` (in the next instruction)
    RangeNext { at: r, var: r, ticks: ticks } quiet;
    /// if R[at] <= R[at+1]: R[var] = R[at], advance R[at], go back by `back` instructions, charging a loop's ticks
    RangeLoop { at: r, var: r, back: n, ticks: ticks } quiet;
    /// R[at] is a list to go through, or becomes one, of a map's values or of a string's characters: `E_TYPE` for all
    /// else; R[at+1] = 0
    ListPrepare { at: r } raises;
    /// as `ListPrepare`; R[at+2] = the list of a map's keys, or left unset
    PairPrepare { at: r } raises;
    /// R[to] = the key, from R[at+2], of the element that was given last; its index where that is unset
    PairKey { at: r, to: r } quiet;
    /// if R[at+1] is inside R[at]: R[var] = that element, advance, else go on at `exit` (in the next instruction)
    ListNext { at: r, var: r, ticks: ticks } quiet;

    /// if R[at+1] is inside R[at]: R[var] = that element, advance, go back by `back` instructions, charging a loop's ticks
    ListLoop { at: r, var: r, back: n, ticks: ticks } quiet;

    /// R[to] = {R[from], ...}, `count` of them, which are taken
    MakeList { to: r, from: r, count: n } raises;
    /// R[to] = {}
    EmptyList { to: r } quiet;
    /// R[to] = {@R[to], R[item]}, in place where nobody else holds the list
    Append { to: r, item: r } raises;
    /// R[to] = {@R[to], @R[items]}
    Splice { to: r, items: r } raises;
    /// `E_TYPE` unless R[a] is a list
    CheckList { a: r } raises;
    /// R[to] = []
    EmptyMap { to: r } quiet;
    /// R[to] = the map R[to] with R[value] at R[key], in place where nobody else holds it; `E_TYPE` unless that may be a key
    MapPut { to: r, key: r, value: r } raises;
    /// R[to] = R[base][R[index]]
    Index { to: r, base: r, index: r } raises;
    /// R[to] = R[base][R[from]..R[from+1]]
    Range { to: r, base: r, from: r } raises;
    /// R[base][R[index]] = R[value], in place where nobody else holds it
    SetIndex { base: r, index: r, value: r } raises;
    /// R[base][R[at]][R[at+1]]... = R[at+depth], in place where nobody else holds it
    SetPath { base: r, at: r, depth: few } raises;
    /// R[base][R[from]..R[from+1]] = R[value]
    SetRange { base: r, from: r, value: r } raises;
    /// R[to] = 1 or the first key of the map R[a], for `^`
    First { to: r, a: r } raises;
    /// R[to] = the length of R[a], or the last key of the map R[a], for `$`
    Last { to: r, a: r } raises;

    /// R[to] = R[obj].N[name]
    GetProp { to: r, obj: r, name: name } raises;
    /// if this.N[name] is an integer that this task has set before, add `value` to it and skip the next three
    /// instructions, which do it otherwise
    AddThisProp { name: name, value: n } quiet;
    /// R[obj].N[name] = R[value]
    SetProp { obj: r, name: name, value: r } raises;
    /// R[to] = this.N[name]
    GetThisProp { to: r, name: name } raises;
    /// this.N[name] = R[value]
    SetThisProp { name: name, value: r } raises;
    /// R[obj].N[name] = {@R[at], R[at+1]}, in place where R[at], which is taken, is that very property
    AddToProp { obj: r, name: name, at: r } raises;
    /// R[obj].N[name] = R[at] with R[at][R[at+1]][R[at+2]]... = R[at+depth+1], in place as with `AddToProp`
    SetPropPath { obj: r, name: name, at: r, depth: few } raises;
    /// R[to] = R[obj].(R[name])
    GetPropNamed { to: r, obj: r, name: r } raises;
    /// R[obj].(R[name]) = R[value]
    SetPropNamed { obj: r, name: r, value: r } raises;

    /// R[at] = R[at]:N[name](R[at+1], ...)
    CallVerb { at: r, name: name, count: n, ticks: ticks } raises;
    /// R[at] = this:N[name](R[at+1], ...)
    CallThis { at: r, name: name, count: n, ticks: ticks } raises;
    /// R[at] = R[at]:N[name](@R[at+1])
    CallVerbList { at: r, name: name, ticks: ticks } raises;
    /// R[at] = R[at]:(R[at+1])(R[at+2], ...)
    CallVerbNamed { at: r, count: n, ticks: ticks } raises;
    /// R[at] = R[at]:(R[at+1])(@R[at+2])
    CallVerbNamedList { at: r, ticks: ticks } raises;
    /// R[at] = B[function](R[at], ...)
    CallBuiltin { at: r, function: bf, count: n, ticks: ticks } raises;
    /// R[at] = B[function](R[arg]), which stays where it is
    CallBuiltinOn { at: r, function: bf, arg: r, ticks: ticks } raises;
    /// R[at] = B[function](@R[at])
    CallBuiltinList { at: r, function: bf, ticks: ticks } raises;
    /// charge `ticks`, of which the next instruction that charges cannot hold so many
    Charge { ticks: ticks } quiet;
    /// leave the frame with R[a]
    Return { a: r, ticks: ticks } quiet;
    /// leave the frame with 0
    ReturnZero { ticks: ticks } quiet;

    /// assign R[from] by the scattering assignment: `E_TYPE`, `E_ARGS`; go on at the first default that is needed
    ScatterFrom { from: r, spec: scatter } raises;
    /// as `ScatterFrom`, from the frame's own args without making the list
    ScatterArgs { spec: scatter } raises;
    /// start a task in R[delay] seconds with this frame's variables, at the instruction after the next one; its id goes
    /// to R[var] in both, unless `var` is [`NO_VARIABLE`]; this task goes on at the next instruction
    Fork { delay: r, var: n } raises;
    /// raise again the error in R[reason+1], where R[reason] is 1
    Reraise { reason: r } raises;
}

/// The size of an instruction, in bytes: two to a cache line's eighth.
const _: () = assert!(size_of::<Op>() == 8);

impl Op {
    /// The register an instruction gives its value to, where it gives one: a verb without the `d` bit puts an error
    /// there and goes on.
    pub fn result(&self) -> Option<u16> {
        use Op::*;
        match *self {
            Move { to, .. }
            | Take { to, .. }
            | MoveVar { to, .. }
            | LoadInt { to, .. }
            | LoadConst { to, .. }
            | LoadEnv { to, .. }
            | LoadArg { to, .. }
            | Add { to, .. }
            | Sub { to, .. }
            | Mul { to, .. }
            | Div { to, .. }
            | Mod { to, .. }
            | Pow { to, .. }
            | AddInt { to, .. }
            | SubInt { to, .. }
            | Neg { to, .. }
            | Not { to, .. }
            | Eq { to, .. }
            | Ne { to, .. }
            | Lt { to, .. }
            | Le { to, .. }
            | In { to, .. }
            | MakeList { to, .. }
            | EmptyList { to }
            | Append { to, .. }
            | Splice { to, .. }
            | Index { to, .. }
            | Range { to, .. }
            | EmptyMap { to }
            | MapPut { to, .. }
            | First { to, .. }
            | Last { to, .. }
            | GetProp { to, .. }
            | GetThisProp { to, .. }
            | GetPropNamed { to, .. } => Some(to),
            CallVerb { at, .. }
            | CallThis { at, .. }
            | CallVerbList { at, .. }
            | CallVerbNamed { at, .. }
            | CallVerbNamedList { at, .. }
            | CallBuiltin { at, .. }
            | CallBuiltinOn { at, .. }
            | CallBuiltinList { at, .. } => Some(at),
            _ => None,
        }
    }
}
