//! Coming back without a journal.
//!
//! An authority that has lost its journal may have voted in views that are not final yet, and must not vote in them again:
//! it would contradict itself. It asks the others which view they are in. If it voted in view v, it had entered v, so
//! there was a certificate for view v − 1, signed by q authorities. Of any q others that answer, more than
//! f are among those q, because two quorums share 2q − n > f and this one takes no part in the second; so an honest one of them
//! says v − 1 or more, also if it was restarted meanwhile. With V the highest view that q others state, it has
//! voted in no view above V + 1, and keeps silent up to there. It follows all the while.
//!
//! Answers are signed, and for one question: who replays an old one does not make anybody vote too early. Who is learning
//! itself does not answer. A whole network that lost its journals stands still for good, as it must.
//!
//! An answer shows the certificate that let its author enter the view. So a liar can name no view that the network has not
//! come to, and keeps this authority silent for no longer than the honest would.

use std::collections::BTreeMap;

use voting_core::certificate::Certificate;
use voting_core::ids::{AuthorityIndex, View};

use super::Engine;
use crate::journal::Record;
use crate::message::{Message, SignedView, ViewReport};
use crate::mutation::Mutation;
use crate::output::Output;

/// What an authority knows of its own past votes.
#[derive(Debug, Clone, Default)]
pub(super) struct Learning {
    /// It has lost them, and these are the views that others have stated.
    pub(super) stated: Option<BTreeMap<AuthorityIndex, View>>,
    /// It may have voted in views up to this one, and does not know how.
    pub(super) silent_through: View,
}

impl Engine {
    /// Whether this authority has lost its journal, and does not know yet from which view on it may vote.
    #[must_use]
    pub const fn is_learning(&self) -> bool {
        self.learning.stated.is_some()
    }

    /// Whether this authority keeps silent in the current view, because it has lost its journal and may have voted there.
    #[must_use]
    pub fn is_silenced(&self) -> bool {
        self.is_authority(self.config.me) && !self.may_vote(self.view)
    }

    /// Whether this authority may vote in a view at all.
    pub(super) fn may_vote(&self, view: View) -> bool {
        self.is_authority(self.config.me) && !self.is_learning() && view > self.learning.silent_through
    }

    /// After the journal was read: if it is complete, and if that was learnt, in which epoch.
    pub(super) fn begin_learning(&mut self, complete: Option<Option<u32>>) {
        // What was learnt in one epoch says nothing about votes in the next.
        let epoch = self.config.epoch.number;
        let knows_all = complete.is_some_and(|learnt_in| learnt_in.is_none_or(|learnt_in| learnt_in == epoch));
        self.learning.stated =
            if knows_all || self.config.mutated(Mutation::LearnerVotesAtOnce) { None } else { Some(BTreeMap::new()) };
    }

    /// At the start, and again as long as there are too few answers.
    pub(super) fn ask_for_views(&mut self) {
        if self.is_learning() && self.is_authority(self.config.me) {
            self.out.push(Output::Broadcast(Message::AskView { nonce: self.config.nonce }));
        }
    }

    pub(super) fn on_ask_view(&mut self, from: AuthorityIndex, nonce: [u8; 32]) {
        if self.is_learning() || !self.is_authority(self.config.me) {
            return;
        }
        let (chain, epoch, authority) = (self.config.chain, self.config.epoch.number, self.config.me);
        let report = ViewReport { chain, epoch, view: self.view, nonce, authority };
        let stated = Box::new(SignedView::sign(report, &self.config.key));
        self.out.push(Output::Send { to: from, message: Message::InView { stated, entered: self.entered_by() } });
    }

    /// The certificate that the current view was entered by; none above a final block that has none in this epoch.
    fn entered_by(&self) -> Option<Certificate> {
        let below = View(self.view.0.checked_sub(1)?);
        if below == self.head.view {
            return self.head_certificate.clone();
        }
        self.views.get(&below)?.certificates().next().cloned()
    }

    /// Whether an authority can be in a view: whoever has this authority's head can be in the next.
    fn is_founded(&self, view: View, entered: Option<&Certificate>) -> bool {
        let enters = |certificate: &Certificate| certificate.statement.view().next() == view && self.config.is_certain(certificate);
        view <= self.head.view.next() || entered.is_some_and(enters)
    }

    pub(super) fn on_in_view(&mut self, signed: &SignedView, entered: Option<&Certificate>) {
        if !self.is_learning() {
            return;
        }
        let (nonce, me, quorum) = (self.config.nonce, self.config.me, usize::from(self.config.epoch.quorum));
        let report = signed.verify(self.config.chain, &self.config.epoch);
        let Some(report) = report.filter(|report| report.nonce == nonce && report.authority != me) else { return };
        if !self.is_founded(report.view, entered) {
            return;
        }
        let Some(stated) = self.learning.stated.as_mut() else { return };
        stated.entry(report.authority).or_insert(report.view);
        if stated.len() < quorum {
            return;
        }
        let highest = stated.values().max().copied().unwrap_or_default();
        self.learning = Learning { stated: None, silent_through: highest.next() };
        self.persist(&Record::Silent { through: highest.next() });
        self.persist(&Record::Complete { learnt_in: Some(self.config.epoch.number) });
        self.changes += 1;
    }
}
