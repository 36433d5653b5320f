//! Expressions, from assignments down to literals.
//!
//! Invariant: each function leaves the current token just past what it parsed. The functions that call each other in
//! a circle keep few locals, and the branches off it are not inlined into it, because hostile source nests them as
//! deep as the height limit allows and must fit a common stack.

use moo_model::{Obj, Value, View};

use super::{ERRORS_MAX, Parser, Stop, Tall, UnknownBuiltins};
use crate::ast::{Arg, BinaryOp, Codes, Expr, HEIGHT_MAX, UnaryOp};
use crate::lexer::unescape;
use crate::operator::{self, ASSIGN, COND, LOGIC, POWER};
use crate::token::{Mark, Token, TokenKind, Word};

/// An operator between two operands.
#[derive(Clone, Copy)]
enum Infix {
    And,
    Or,
    Binary(BinaryOp),
}

impl Infix {
    fn level(self) -> u8 {
        match self {
            Infix::And | Infix::Or => LOGIC,
            Infix::Binary(op) => operator::binary_level(op),
        }
    }

    fn join(self, left: Box<Expr>, right: Box<Expr>) -> Expr {
        match self {
            Infix::And => Expr::And(left, right),
            Infix::Or => Expr::Or(left, right),
            Infix::Binary(op) => Expr::Binary(op, left, right),
        }
    }
}

/// Items between two brackets, and the height of the highest.
pub(super) struct Items {
    pub(super) args: Vec<Arg>,
    pub(super) height: usize,
}

impl Parser<'_> {
    /// `expression = operation { "=" expression }`
    pub(super) fn expression(&mut self) -> Result<Tall, Stop> {
        self.operation(ASSIGN)
    }

    /// `operation = prefix { "=" ... | "?" ... | operator ... }`, with what binds at least as tightly as `loosest`
    fn operation(&mut self, loosest: u8) -> Result<Tall, Stop> {
        let start = self.at;
        let mut left = self.prefix()?;
        loop {
            left = match self.kind() {
                TokenKind::Mark(Mark::Assign) if loosest <= ASSIGN => self.assignment(left, start)?,
                TokenKind::Mark(Mark::Question) if loosest <= COND => self.conditional(left)?,
                _ => match self.at_infix().filter(|infix| infix.level() >= loosest) {
                    Some(infix) => self.infix(left, infix)?,
                    None => return Ok(left),
                },
            };
        }
    }

    /// `"=" expression`, after the target that began at token `start`
    ///
    /// As in LambdaMOO's grammar the left side may first be anything, and what cannot be assigned to is refused then.
    #[inline(never)]
    fn assignment(&mut self, left: Tall, start: usize) -> Result<Tall, Stop> {
        self.advance();
        let right = self.deeper(1, Self::expression)?;
        let below = left.height.max(right.height);
        let expr = self.assign(left.expr, right.expr, self.tokens[start]);
        self.node(expr, below)
    }

    #[inline(never)]
    fn assign(&mut self, mut target: Box<Expr>, value: Box<Expr>, start: Token) -> Expr {
        if let Expr::List(items) = &mut *target {
            let items = std::mem::take(items);
            if items.is_empty() {
                self.error_at(start, "Empty list in scattering assignment.", None);
            }
            let targets = self.targets_of(items, start);
            self.vet_targets(&targets, start);
            return Expr::Scatter(targets, value);
        }
        if !is_assignable(&target) {
            self.error_at(start, "Illegal expression on left side of assignment.", None);
        }
        Expr::Assign(target, value)
    }

    /// `"?" expression "|" conditional`, after the condition
    #[inline(never)]
    fn conditional(&mut self, condition: Tall) -> Result<Tall, Stop> {
        self.advance();
        let then = self.deeper(1, Self::expression)?;
        self.expect(Mark::Bar)?;
        let otherwise = self.deeper(1, |parser| parser.operation(COND))?;
        let below = condition.height.max(then.height).max(otherwise.height);
        self.node(Expr::Cond(condition.expr, then.expr, otherwise.expr), below)
    }

    /// `operator operation`, after the left operand
    #[inline(never)]
    fn infix(&mut self, left: Tall, infix: Infix) -> Result<Tall, Stop> {
        self.advance();
        let level = infix.level();
        // `^` groups from the right, all others from the left.
        let tighter = if level == POWER { level } else { level + 1 };
        let right = self.deeper(1, |parser| parser.operation(tighter))?;
        let below = left.height.max(right.height);
        self.node(infix.join(left.expr, right.expr), below)
    }

    fn at_infix(&self) -> Option<Infix> {
        match self.kind() {
            TokenKind::Word(Word::In) => Some(Infix::Binary(BinaryOp::In)),
            TokenKind::Mark(Mark::And) => Some(Infix::And),
            TokenKind::Mark(Mark::Or) => Some(Infix::Or),
            TokenKind::Mark(mark) => operator::binary_from_mark(mark).map(Infix::Binary),
            _ => None,
        }
    }

    /// `prefix = { "!" | "-" } postfix`
    fn prefix(&mut self) -> Result<Tall, Stop> {
        let first = self.at;
        while self.at_mark(Mark::Bang) || self.at_mark(Mark::Minus) {
            self.advance();
        }
        let past = self.at;
        let mut operand = self.deeper(past - first, Self::postfix)?;
        for i in (first..past).rev() {
            let op = if self.tokens[i].kind == TokenKind::Mark(Mark::Bang) {
                UnaryOp::Not
            } else {
                UnaryOp::Neg
            };
            operand = self.apply(op, operand)?;
        }
        Ok(operand)
    }

    /// A minus before a number makes a negative number; every other operator stays one.
    #[inline(never)]
    fn apply(&mut self, op: UnaryOp, operand: Tall) -> Result<Tall, Stop> {
        if let (UnaryOp::Neg, Expr::Literal(value)) = (op, &*operand.expr) {
            match value.view() {
                View::Int(i) => return self.literal(Value::int(i.wrapping_neg())),
                View::Float(f) => return self.literal(Value::float(-f)),
                _ => {}
            }
        }
        self.node(Expr::Unary(op, operand.expr), operand.height)
    }

    #[inline(never)]
    fn literal(&mut self, value: Value) -> Result<Tall, Stop> {
        self.node(Expr::Literal(value), 0)
    }

    /// `postfix = primary { "." member | ":" member arguments | "[" expression [ ".." expression ] "]" }`
    fn postfix(&mut self) -> Result<Tall, Stop> {
        let mut base = self.primary()?;
        loop {
            base = match self.kind() {
                TokenKind::Mark(Mark::Dot) => self.property(base)?,
                TokenKind::Mark(Mark::Colon) => self.verb(base)?,
                TokenKind::Mark(Mark::LeftBracket) => self.index(base)?,
                _ => return Ok(base),
            };
        }
    }

    #[inline(never)]
    fn property(&mut self, base: Tall) -> Result<Tall, Stop> {
        self.advance();
        let name = self.member()?;
        let below = base.height.max(name.height);
        self.node(Expr::Prop(base.expr, name.expr), below)
    }

    #[inline(never)]
    fn verb(&mut self, base: Tall) -> Result<Tall, Stop> {
        self.advance();
        let name = self.member()?;
        let items = self.arguments()?;
        let below = base.height.max(name.height).max(items.height);
        self.node(Expr::Verb(base.expr, name.expr, items.args), below)
    }

    /// `member = name | "(" expression ")"`, where a reserved word is a name too
    fn member(&mut self) -> Result<Tall, Stop> {
        match self.kind() {
            TokenKind::Name | TokenKind::Word(_) | TokenKind::Error(_) => {
                let name = Value::str(self.text(self.token()));
                self.advance();
                self.deeper(1, |parser| parser.literal(name))
            }
            TokenKind::Mark(Mark::LeftParen) => {
                self.advance();
                let name = self.deeper(1, Self::expression)?;
                self.expect(Mark::RightParen)?;
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    #[inline(never)]
    fn index(&mut self, base: Tall) -> Result<Tall, Stop> {
        self.advance();
        self.indexes += 1;
        let from = self.deeper(1, Self::expression)?;
        let to = if self.eat(Mark::To) {
            Some(self.deeper(1, Self::expression)?)
        } else {
            None
        };
        self.expect(Mark::RightBracket)?;
        self.indexes -= 1;
        let below = base
            .height
            .max(from.height)
            .max(to.as_ref().map_or(0, |to| to.height));
        let expr = match to {
            Some(to) => Expr::Range(base.expr, from.expr, to.expr),
            None => Expr::Index(base.expr, from.expr),
        };
        self.node(expr, below)
    }

    /// `primary = literal | variable | call | "$" ... | "^" | "(" expression ")" | list | map | catch`
    fn primary(&mut self) -> Result<Tall, Stop> {
        let token = self.token();
        let value = match token.kind {
            TokenKind::Int(i) => Value::int(i),
            TokenKind::Float(f) => Value::float(f),
            TokenKind::Object(number) => Value::obj(Obj::numbered(number)),
            TokenKind::Error(code) => Value::err(code),
            TokenKind::Text => Value::string(unescape(self.text(token))),
            TokenKind::Name => return self.name(token),
            TokenKind::Mark(Mark::Dollar) => return self.dollar(token),
            TokenKind::Mark(Mark::Caret) => {
                self.advance();
                return self.marker(token, Expr::First);
            }
            TokenKind::Mark(Mark::LeftParen) => return self.parenthesised(),
            TokenKind::Mark(Mark::LeftBrace) => return self.list(token),
            TokenKind::Mark(Mark::LeftBracket) => return self.map(),
            TokenKind::Mark(Mark::Backquote) => return self.catch(),
            _ => return Err(self.unexpected("an expression")),
        };
        self.advance();
        self.literal(value)
    }

    /// `"(" expression ")"`
    #[inline(never)]
    fn parenthesised(&mut self) -> Result<Tall, Stop> {
        if self.parens >= HEIGHT_MAX {
            return Err(self.too_deep());
        }
        self.advance();
        self.parens += 1;
        let inner = self.expression()?;
        self.parens -= 1;
        self.expect(Mark::RightParen)?;
        Ok(inner)
    }

    /// `variable = name`, `call = name arguments`
    #[inline(never)]
    fn name(&mut self, token: Token) -> Result<Tall, Stop> {
        self.advance();
        if !self.at_mark(Mark::LeftParen) {
            let var = self.variable(token);
            return self.node(Expr::Var(var), 0);
        }
        let items = self.arguments()?;
        let height = items.height;
        let expr = self.call(token, items.args);
        self.node(expr, height)
    }

    #[inline(never)]
    fn call(&mut self, token: Token, mut args: Vec<Arg>) -> Expr {
        let spelled = self.text(token);
        let name = spelled.to_ascii_lowercase();
        if (self.options.is_builtin)(&name) {
            return Expr::Call(name, args);
        }
        let message = format!("Unknown built-in function: {spelled}");
        if self.options.unknown_builtins == UnknownBuiltins::Refuse {
            self.error_at(token, message, None);
            return Expr::Call(name, args);
        }
        if self.warnings.len() < ERRORS_MAX {
            let warning = self.compile_error(token, message, None);
            self.warnings.push(warning);
        }
        args.insert(0, Arg::Plain(Expr::Literal(Value::str(spelled))));
        Expr::Call("call_function".to_string(), args)
    }

    /// `"$" | "$" name | "$" name arguments`
    #[inline(never)]
    fn dollar(&mut self, token: Token) -> Result<Tall, Stop> {
        self.advance();
        if self.kind() != TokenKind::Name {
            return self.marker(token, Expr::Last);
        }
        let base = Box::new(Expr::Literal(Value::obj(Obj::SYSTEM)));
        let name = self.member()?;
        if !self.at_mark(Mark::LeftParen) {
            return self.node(Expr::Prop(base, name.expr), name.height);
        }
        let items = self.arguments()?;
        self.node(
            Expr::Verb(base, name.expr, items.args),
            items.height.max(name.height),
        )
    }

    /// `"$"` or `"^"`, which have a meaning inside an index only
    #[inline(never)]
    fn marker(&mut self, token: Token, marker: Expr) -> Result<Tall, Stop> {
        if self.indexes == 0 {
            let message = format!("Illegal context for `{}' expression.", self.text(token));
            self.error_at(token, message, None);
        }
        self.node(marker, 0)
    }

    /// `arguments = "(" [ item { "," item } ] ")"`
    fn arguments(&mut self) -> Result<Items, Stop> {
        self.expect(Mark::LeftParen)?;
        let mut items = Items {
            args: Vec::new(),
            height: 0,
        };
        if !self.eat(Mark::RightParen) {
            self.items(&mut items)?;
            self.expect(Mark::RightParen)?;
        }
        Ok(items)
    }

    /// `item { "," item }`
    fn items(&mut self, items: &mut Items) -> Result<(), Stop> {
        loop {
            self.item(items)?;
            if !self.eat(Mark::Comma) {
                return Ok(());
            }
        }
    }

    /// `item = [ "@" ] expression`
    pub(super) fn item(&mut self, items: &mut Items) -> Result<(), Stop> {
        let splice = self.eat(Mark::At);
        let item = self.deeper(1, Self::expression)?;
        items.height = items.height.max(item.height);
        items.args.push(if splice {
            Arg::Splice(*item.expr)
        } else {
            Arg::Plain(*item.expr)
        });
        Ok(())
    }

    /// `list = "{" [ item { "," item } ] "}"`, or a scattering assignment when an item starts with `?`
    #[inline(never)]
    fn list(&mut self, start: Token) -> Result<Tall, Stop> {
        self.advance();
        let mut items = Items {
            args: Vec::new(),
            height: 0,
        };
        if self.eat(Mark::RightBrace) {
            return self.node(Expr::List(items.args), 0);
        }
        loop {
            if self.at_mark(Mark::Question) {
                return self.scatter(items, start);
            }
            self.item(&mut items)?;
            if !self.eat(Mark::Comma) {
                break;
            }
        }
        self.expect(Mark::RightBrace)?;
        self.node(Expr::List(items.args), items.height)
    }

    /// `map = "[" [ expression "->" expression { "," expression "->" expression } ] "]"`
    #[inline(never)]
    fn map(&mut self) -> Result<Tall, Stop> {
        self.advance();
        let mut entries = Vec::new();
        let mut height = 0;
        if self.eat(Mark::RightBracket) {
            return self.node(Expr::Map(entries), height);
        }
        loop {
            let key = self.deeper(1, Self::expression)?;
            self.expect(Mark::MapsTo)?;
            let value = self.deeper(1, Self::expression)?;
            height = height.max(key.height).max(value.height);
            entries.push((*key.expr, *value.expr));
            if !self.eat(Mark::Comma) {
                break;
            }
        }
        self.expect(Mark::RightBracket)?;
        self.node(Expr::Map(entries), height)
    }

    /// ``catch = "`" expression "!" codes [ "=>" expression ] "'"``
    #[inline(never)]
    fn catch(&mut self) -> Result<Tall, Stop> {
        self.advance();
        let body = self.deeper(1, Self::expression)?;
        self.expect(Mark::Bang)?;
        let (codes, codes_height) = self.codes()?;
        let default = if self.eat(Mark::Arrow) {
            Some(self.deeper(1, Self::expression)?)
        } else {
            None
        };
        self.expect(Mark::Quote)?;
        let below = body
            .height
            .max(codes_height)
            .max(default.as_ref().map_or(0, |default| default.height));
        let default = default.map(|default| default.expr);
        self.node(Expr::Catch(body.expr, codes, default), below)
    }

    /// `codes = "ANY" | item { "," item }`, and the height of the highest
    pub(super) fn codes(&mut self) -> Result<(Codes, usize), Stop> {
        if self.eat_word(Word::Any) {
            return Ok((Codes::Any, 0));
        }
        let mut items = Items {
            args: Vec::new(),
            height: 0,
        };
        self.items(&mut items)?;
        Ok((Codes::List(items.args), items.height))
    }
}

/// A variable or a property, or an index into one, or a range of one of these.
fn is_assignable(target: &Expr) -> bool {
    let mut place = target;
    if let Expr::Range(base, ..) = place {
        place = base;
    }
    while let Expr::Index(base, _) = place {
        place = base;
    }
    matches!(place, Expr::Var(_) | Expr::Prop(..))
}
