//! What is explored, and the bounds of it.

use std::collections::BTreeSet;

use voting_consensus::leader::leader;
use voting_consensus::sim::Mutation;
use voting_core::epoch::{Epoch, LeaderPolicy};
use voting_core::ids::{AuthorityIndex, Height, View};

/// Authorities.
pub(crate) const AUTHORITIES: u16 = 4;
/// Votes of a certificate.
pub(crate) const QUORUM: u32 = 3;

/// One model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) policy: LeaderPolicy,
    /// The authority that may say anything, to anyone, at any time.
    pub(crate) liar: u16,
    /// Nothing is proposed or skipped in views above this one.
    pub(crate) views: u64,
    /// Crashes of honest authorities, all together.
    pub(crate) crashes: u8,
    /// Blocks that the liar makes for one parent.
    pub(crate) payloads: u8,
    /// Votes come one at a time, instead of all those for a statement at once.
    pub(crate) one_by_one: bool,
    /// Honest authorities that lead nothing are exchangeable.
    pub(crate) symmetric: bool,
    /// Whatever the honest can say and make final together is noted.
    pub(crate) noted: bool,
    /// A rule that is left out.
    pub(crate) mutation: Option<Mutation>,
}

impl Setup {
    /// Two views, led by the liar and an honest authority.
    pub(crate) const SMALL: Self = Self {
        policy: LeaderPolicy::RoundRobin { term: 1 },
        liar: 0,
        views: 2,
        crashes: 0,
        payloads: 2,
        one_by_one: false,
        symmetric: true,
        noted: false,
        mutation: None,
    };

    /// The honest, ascending.
    pub(crate) fn honest(&self) -> [u16; 3] {
        let mut others = (0..AUTHORITIES).filter(|authority| *authority != self.liar);
        std::array::from_fn(|_| others.next().expect("one of four is the liar"))
    }

    /// Who may lead a view, whatever happened before.
    pub(crate) fn leaders(&self, epoch: &Epoch, view: u64) -> BTreeSet<u16> {
        (1..=view).map(|height| leader(epoch, View(view), Height(height), None).0).collect()
    }

    /// Two honest authorities that lead no view within the bounds: nothing but their numbers tells them apart.
    pub(crate) fn alike(&self, epoch: &Epoch) -> Option<(AuthorityIndex, AuthorityIndex)> {
        if !self.symmetric {
            return None;
        }
        let leading: BTreeSet<u16> = (1..=self.views).flat_map(|view| self.leaders(epoch, view)).collect();
        let mut plain = self.honest().into_iter().filter(|authority| !leading.contains(authority)).map(AuthorityIndex);
        Some((plain.next()?, plain.next()?))
    }
}
