//! Scattering assignments: lists read as targets, and what is wrong with the targets.
//!
//! Invariant: what is wrong is noted, and parsing goes on.

use super::expression::Items;
use super::{Parser, Stop, Tall};
use crate::ast::{Arg, Expr, Target};
use crate::token::{Mark, Token, TokenKind};

/// The greatest number of targets in one scattering assignment.
const TARGETS_MAX: usize = 255;

impl Parser<'_> {
    /// `scatter = "{" target { "," target } "}" "=" expression`, from the first optional target on
    #[inline(never)]
    pub(super) fn scatter(&mut self, first: Items, start: Token) -> Result<Tall, Stop> {
        let mut targets = self.targets_of(first.args, start);
        let mut height = first.height;
        loop {
            let target = if self.at_mark(Mark::Question) {
                Some(self.optional_target(&mut height)?)
            } else {
                let mut item = Items {
                    args: Vec::new(),
                    height,
                };
                self.item(&mut item)?;
                height = item.height;
                item.args.pop().and_then(|item| self.target_of(item, start))
            };
            targets.extend(target);
            if !self.eat(Mark::Comma) {
                break;
            }
        }
        self.expect(Mark::RightBrace)?;
        self.expect(Mark::Assign)?;
        self.vet_targets(&targets, start);
        let value = self.deeper(1, Self::expression)?;
        self.node(Expr::Scatter(targets, value.expr), height.max(value.height))
    }

    /// `"?" name [ "=" expression ]`
    #[inline(never)]
    fn optional_target(&mut self, height: &mut usize) -> Result<Target, Stop> {
        self.advance();
        let name = self.token();
        if name.kind != TokenKind::Name {
            return Err(self.unexpected("a variable"));
        }
        self.advance();
        let var = self.variable(name);
        if !self.eat(Mark::Assign) {
            return Ok(Target::Optional(var, None));
        }
        let default = self.deeper(1, Self::expression)?;
        *height = default.height.max(*height);
        Ok(Target::Optional(var, Some(*default.expr)))
    }

    /// A list's items as targets.
    pub(super) fn targets_of(&mut self, items: Vec<Arg>, start: Token) -> Vec<Target> {
        items
            .into_iter()
            .filter_map(|item| self.target_of(item, start))
            .collect()
    }

    /// A list's item as a target; `None`, with an error noted, for all but a variable.
    pub(super) fn target_of(&mut self, item: Arg, start: Token) -> Option<Target> {
        match item {
            Arg::Plain(Expr::Var(var)) => Some(Target::Required(var)),
            Arg::Splice(Expr::Var(var)) => Some(Target::Rest(var)),
            _ => {
                self.error_at(
                    start,
                    "Scattering assignment targets must be simple variables.",
                    None,
                );
                None
            }
        }
    }

    /// Notes what is wrong with the targets as a whole.
    pub(super) fn vet_targets(&mut self, targets: &[Target], start: Token) {
        if targets
            .iter()
            .filter(|target| matches!(target, Target::Rest(_)))
            .count()
            > 1
        {
            self.error_at(start, "More than one `@' target in scattering assignment.", None);
        }
        if targets.len() > TARGETS_MAX {
            self.error_at(start, "Too many targets in scattering assignment.", None);
        }
    }
}
