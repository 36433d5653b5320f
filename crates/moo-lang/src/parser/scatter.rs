//! Scattering assignments: lists read as targets, and what is wrong with the targets.
//!
//! Invariant: what is wrong is noted, and parsing goes on.

use super::Parser;
use crate::ast::{Arg, Expr, Target};
use crate::token::Token;

/// The greatest number of targets in one scattering assignment.
const TARGETS_MAX: usize = 255;

impl Parser<'_> {
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
