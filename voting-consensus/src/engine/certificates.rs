//! Certificates, and what becomes final by them.

use voting_core::block::FinalizedBlock;
use voting_core::certificate::{Certificate, Statement};
use voting_core::ids::AuthorityIndex;

use super::Engine;
use crate::journal::Record;
use crate::mutation::Mutation;
use crate::output::Output;

impl Engine {
    /// A certificate from another authority, from any distance ahead.
    pub(super) fn on_certificate(&mut self, from: AuthorityIndex, certificate: Certificate) {
        let view = certificate.statement.view();
        if view <= self.head.view {
            if view < self.head.view {
                self.help(from);
            }
            return;
        }
        let known = self.views.get_mut(&view).is_some_and(|state| state.slot(&certificate.statement).is_some());
        if known || !self.config.is_certain(&certificate) {
            return;
        }
        self.keep_certificate(certificate);
        self.catch_up.prefer(from);
    }

    /// Journals and notes a verified certificate.
    pub(super) fn keep_certificate(&mut self, certificate: Certificate) {
        let view = certificate.statement.view();
        let slot = self.views.entry(view).or_default().slot(&certificate.statement);
        if slot.is_some() {
            return;
        }
        *slot = Some(certificate.clone());
        self.changes += 1;
        self.persist(&Record::Certificate(certificate.clone()));
        let is_finalize = matches!(certificate.statement, Statement::Finalize { .. });
        if is_finalize && self.target.as_ref().is_none_or(|target| target.statement.view() < view) {
            self.target = Some(certificate);
        }
    }

    /// Commits the block of the highest Finalize certificate with all its ancestors, if they are known.
    pub(super) fn try_commit(&mut self) {
        let Some(target) = &self.target else { return };
        let Some(mut hash) = target.statement.block() else { return };
        let mut chain = Vec::new();
        while hash != self.head.hash {
            let Some(known) = self.blocks.get(&hash) else { return };
            let header = &known.block.header;
            let certificate = self.views.get(&header.view).and_then(|state| state.finalization.clone());
            let own = certificate.filter(|certificate| certificate.statement.block() == Some(hash));
            chain.push(FinalizedBlock { block: known.block.as_ref().clone(), certificate: own, tail: Vec::new() });
            if header.parent.view < self.head.view || (header.parent.view == self.head.view && header.parent.hash != self.head.hash)
            {
                // Final, and not above what is final here: the assumption on liars is broken.
                let conflicting = self.target.take();
                self.out.extend(conflicting.map(Output::Conflict));
                return;
            }
            hash = header.parent.hash;
        }
        chain.reverse();
        if !self.config.mutated(Mutation::TailFinal) {
            cut_at_end_of_epoch(&mut chain);
        }
        self.commit(chain);
        self.progressed();
    }
}

/// What stands above the last block of an epoch makes it final, and is not final itself: its headers, up to the first
/// with a certificate, are that block's proof.
fn cut_at_end_of_epoch(chain: &mut Vec<FinalizedBlock>) {
    let Some(at) = chain.iter().position(|finalized| finalized.block.header.successor.is_some()) else { return };
    let above = chain.split_off(at + 1);
    let Some(last) = chain.last_mut().filter(|last| last.certificate.is_none()) else { return };
    for finalized in above {
        last.tail.push(finalized.block.header);
        if finalized.certificate.is_some() {
            last.certificate = finalized.certificate;
            break;
        }
    }
}
