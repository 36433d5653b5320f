//! Statements and blocks.
//!
//! Invariant: a header that is wrong does not hide its block, so the block's own errors are found too.

use moo_model::Value;

use super::{Parser, Stop};
use crate::ast::{Arm, Codes, Except, Expr, HEIGHT_MAX, Stmt, StmtKind, Var};
use crate::token::{Mark, TokenKind, Word};

/// The greatest number of `except` clauses in one statement.
const CLAUSES_MAX: usize = 255;

/// What a `for` runs over.
enum Over {
    /// With the variable of the index or key.
    List(Option<Var>, Expr),
    Range(Expr, Expr),
}

fn placeholder() -> Expr {
    Expr::Literal(Value::int(0))
}

impl Parser<'_> {
    /// `statements = { statement }`, up to one of the words that may end a block around this place
    pub(super) fn statements(&mut self, closers: &'static [Word]) -> Result<Vec<Stmt>, Stop> {
        self.closers.push(closers);
        let mut body = Vec::new();
        loop {
            self.take_comments(self.at, &mut body);
            match self.kind() {
                TokenKind::End => break,
                TokenKind::Word(word) if word.closes() => {
                    if self.closes_open_block(word) {
                        break;
                    }
                    self.stray(word)?;
                }
                _ => self.statement_or_skip(&mut body)?,
            }
        }
        self.closers.pop();
        Ok(body)
    }

    /// A word that ends no open block.
    fn stray(&mut self, word: Word) -> Result<(), Stop> {
        let stop = self.unexpected("a statement");
        self.advance();
        if matches!(word, Word::ElseIf | Word::Except) {
            self.skip_header(self.at);
        }
        if stop == Stop::Program { Err(stop) } else { Ok(()) }
    }

    fn statement_or_skip(&mut self, out: &mut Vec<Stmt>) -> Result<(), Stop> {
        match self.statement(out) {
            Ok(Some(kind)) => {
                // Comments inside a simple statement move before it; a block has taken its own.
                self.take_comments(self.at - 1, out);
                out.push(Stmt { line: 0, kind });
            }
            Ok(None) => {}
            Err(Stop::Statement) => self.skip_statement(),
            Err(Stop::Program) => return Err(Stop::Program),
        }
        Ok(())
    }

    /// `statement = ";" | expression ";" | return | break | continue | if | for | while | fork | try`
    fn statement(&mut self, out: &mut Vec<Stmt>) -> Result<Option<StmtKind>, Stop> {
        if self.eat(Mark::Semicolon) {
            return Ok(None);
        }
        if self.depth + 1 >= HEIGHT_MAX {
            self.too_deep();
            return Err(Stop::Program);
        }
        let TokenKind::Word(word) = self.kind() else {
            let expr = *self.deeper(1, Self::expression)?.expr;
            self.end_statement()?;
            return Ok(Some(StmtKind::Expr(expr)));
        };
        self.deeper(1, |parser| match word {
            Word::If => parser.if_statement(out),
            Word::For => parser.for_statement(out),
            Word::While => parser.while_statement(out),
            Word::Fork => parser.fork_statement(out),
            Word::Try => parser.try_statement(),
            Word::Return => parser.return_statement(),
            Word::Break => Ok(StmtKind::Break(parser.leave_loop("break")?)),
            Word::Continue => Ok(StmtKind::Continue(parser.leave_loop("continue")?)),
            _ => Err(parser.unexpected("a statement")),
        })
        .map(Some)
    }

    fn end_statement(&mut self) -> Result<(), Stop> {
        self.expect(Mark::Semicolon)
    }

    /// Parses a header; one that is wrong is skipped, and `instead` stands for it.
    fn header<T>(&mut self, instead: T, parse: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        let start = self.at;
        match parse(self) {
            Err(Stop::Statement) => {
                self.skip_header(start);
                Ok(instead)
            }
            result => result,
        }
    }

    /// Takes the word that ends a block. A block that is not ended is one error, and counts as ended.
    fn end_block(&mut self, word: Word) -> Result<(), Stop> {
        if self.eat_word(word) || self.unexpected(&format!("`{}`", word.text())) != Stop::Program {
            Ok(())
        } else {
            Err(Stop::Program)
        }
    }

    /// `condition = "(" expression ")"`
    fn condition(&mut self) -> Result<Expr, Stop> {
        self.expect(Mark::LeftParen)?;
        let expr = *self.expression()?.expr;
        self.expect(Mark::RightParen)?;
        Ok(expr)
    }

    /// `[ name ]`
    fn optional_name(&mut self) -> Option<Var> {
        let token = self.token();
        (token.kind == TokenKind::Name).then(|| {
            self.advance();
            self.variable(token)
        })
    }

    /// `if = "if" condition statements { "elseif" condition statements } [ "else" statements ] "endif"`
    fn if_statement(&mut self, out: &mut Vec<Stmt>) -> Result<StmtKind, Stop> {
        const ARM_ENDS: &[Word] = &[Word::ElseIf, Word::Else, Word::EndIf];
        let mut arms = Vec::new();
        while arms.is_empty() || self.at_word(Word::ElseIf) {
            self.advance();
            let condition = self.header(placeholder(), Self::condition)?;
            if arms.is_empty() {
                self.take_comments(self.at - 1, out);
            }
            arms.push(Arm {
                line: 0,
                condition,
                body: self.statements(ARM_ENDS)?,
            });
        }
        let otherwise = if self.eat_word(Word::Else) {
            Some(self.statements(&[Word::EndIf])?)
        } else {
            None
        };
        self.end_block(Word::EndIf)?;
        Ok(StmtKind::If { arms, otherwise })
    }

    /// `for = "for" name ( [ "," name ] "in" condition | "in" "[" expression ".." expression "]" ) statements "endfor"`
    fn for_statement(&mut self, out: &mut Vec<Stmt>) -> Result<StmtKind, Stop> {
        self.advance();
        let (var, over) = self.header((Var(0), Over::List(None, placeholder())), Self::for_header)?;
        self.take_comments(self.at - 1, out);
        // Either variable names the loop.
        let around = self.loops.len();
        self.loops.push(Some(var));
        if let Over::List(Some(key), _) = over {
            self.loops.push(Some(key));
        }
        let body = self.statements(&[Word::EndFor])?;
        self.loops.truncate(around);
        self.end_block(Word::EndFor)?;
        Ok(match over {
            Over::List(key, list) => StmtKind::ForList { var, key, list, body },
            Over::Range(from, to) => StmtKind::ForRange { var, from, to, body },
        })
    }

    fn for_header(&mut self) -> Result<(Var, Over), Stop> {
        let Some(var) = self.optional_name() else {
            return Err(self.unexpected("a variable"));
        };
        let key = if self.eat(Mark::Comma) {
            let key = self.optional_name();
            Some(key.ok_or_else(|| self.unexpected("a variable"))?)
        } else {
            None
        };
        if !self.eat_word(Word::In) {
            return Err(self.unexpected("`in`"));
        }
        if key.is_some() || !self.eat(Mark::LeftBracket) {
            return Ok((var, Over::List(key, self.condition()?)));
        }
        let from = *self.expression()?.expr;
        self.expect(Mark::To)?;
        let to = *self.expression()?.expr;
        self.expect(Mark::RightBracket)?;
        Ok((var, Over::Range(from, to)))
    }

    /// `[ name ] condition`
    fn named_condition(&mut self, out: &mut Vec<Stmt>) -> Result<(Option<Var>, Expr), Stop> {
        self.advance();
        let header = self.header((None, placeholder()), |parser| {
            Ok((parser.optional_name(), parser.condition()?))
        })?;
        self.take_comments(self.at - 1, out);
        Ok(header)
    }

    /// `while = "while" [ name ] condition statements "endwhile"`
    fn while_statement(&mut self, out: &mut Vec<Stmt>) -> Result<StmtKind, Stop> {
        let (var, condition) = self.named_condition(out)?;
        self.loops.push(var);
        let body = self.statements(&[Word::EndWhile])?;
        self.loops.pop();
        self.end_block(Word::EndWhile)?;
        Ok(StmtKind::While { var, condition, body })
    }

    /// `fork = "fork" [ name ] condition statements "endfork"`
    fn fork_statement(&mut self, out: &mut Vec<Stmt>) -> Result<StmtKind, Stop> {
        let (var, delay) = self.named_condition(out)?;
        // The new task is in none of the loops around its `fork`.
        let loops = std::mem::take(&mut self.loops);
        let body = self.statements(&[Word::EndFork])?;
        self.loops = loops;
        self.end_block(Word::EndFork)?;
        Ok(StmtKind::Fork { var, delay, body })
    }

    /// `try = "try" statements ( except { except } | "finally" statements ) "endtry"`
    fn try_statement(&mut self) -> Result<StmtKind, Stop> {
        self.advance();
        let body = self.statements(&[Word::Except, Word::Finally, Word::EndTry])?;
        if self.eat_word(Word::Finally) {
            let finally = self.statements(&[Word::EndTry])?;
            self.end_block(Word::EndTry)?;
            return Ok(StmtKind::TryFinally { body, finally });
        }
        let mut clauses = Vec::new();
        while self.at_word(Word::Except) {
            let clause = self.except(&clauses)?;
            clauses.push(clause);
        }
        if clauses.is_empty() {
            let stop = self.unexpected("`except` or `finally`");
            if stop == Stop::Program {
                return Err(stop);
            }
            self.eat_word(Word::EndTry);
        } else {
            self.end_block(Word::EndTry)?;
        }
        Ok(StmtKind::TryExcept { body, clauses })
    }

    /// `except = "except" [ name ] "(" codes ")" statements`
    fn except(&mut self, earlier: &[Except]) -> Result<Except, Stop> {
        let word = self.token();
        if earlier.last().is_some_and(|last| last.codes == Codes::Any) {
            self.error_at(word, "Unreachable EXCEPT clause", None);
        } else if earlier.len() == CLAUSES_MAX {
            self.error_at(
                word,
                format!("Too many EXCEPT clauses (max. {CLAUSES_MAX})"),
                None,
            );
        }
        self.advance();
        let (var, codes) = self.header((None, Codes::List(Vec::new())), |parser| {
            let var = parser.optional_name();
            parser.expect(Mark::LeftParen)?;
            let (codes, _) = parser.codes()?;
            parser.expect(Mark::RightParen)?;
            Ok((var, codes))
        })?;
        let body = self.statements(&[Word::Except, Word::EndTry])?;
        Ok(Except {
            line: 0,
            var,
            codes,
            body,
        })
    }

    /// `return = "return" [ expression ] ";"`
    fn return_statement(&mut self) -> Result<StmtKind, Stop> {
        self.advance();
        let value = if self.at_mark(Mark::Semicolon) {
            None
        } else {
            Some(*self.expression()?.expr)
        };
        self.end_statement()?;
        Ok(StmtKind::Return(value))
    }

    /// `( "break" | "continue" ) [ name ] ";"`
    fn leave_loop(&mut self, word: &str) -> Result<Option<Var>, Stop> {
        let at_word = self.token();
        self.advance();
        let name = self.token();
        let var = self.optional_name();
        match var {
            None if self.loops.is_empty() => {
                self.error_at(at_word, format!("No enclosing loop for `{word}' statement"), None);
            }
            Some(_) if !self.loops.contains(&var) => {
                let message = format!("Invalid loop name in `{word}' statement: {}", self.text(name));
                self.error_at(name, message, None);
            }
            _ => {}
        }
        self.end_statement()?;
        Ok(var)
    }
}
