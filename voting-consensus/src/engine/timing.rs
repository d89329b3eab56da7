//! Timers: when to give up on a view, and when to say things again.
//!
//! Leader and view timers run only while there is a reason to want a block: work, an unfinalized
//! block, or someone who skips. They double for every round of views without finality, up to a cap.

use std::time::Duration;

use voting_core::ids::{AuthorityIndex, Height, View};

use super::Engine;
use crate::input::TimerId;
use crate::message::Message;
use crate::mutation::Mutation;
use crate::output::Output;

/// Views whose certificates and votes are sent again at a standstill: the newest ones matter.
const RESENT_VIEWS: usize = 16;
/// A peer that is behind is sent our certificate at most this often.
const HELP_INTERVAL: Duration = Duration::from_millis(100);
/// A leader not heard of for this many standstill intervals is not waited for.
const SILENT_INTERVALS: u32 = 2;

#[derive(Debug, Clone)]
pub(super) struct Timing {
    /// The leader and view timers run for the current view.
    armed: bool,
    /// Height at the last standstill tick.
    last_height: Option<Height>,
    last_heard: Vec<Duration>,
    /// Whom we helped last and when; those of other epochs share one place.
    last_helped: Vec<Option<Duration>>,
}

impl Timing {
    pub(super) fn new(authorities: usize) -> Self {
        Self {
            armed: false,
            last_height: None,
            last_heard: vec![Duration::ZERO; authorities],
            last_helped: vec![None; authorities + 1],
        }
    }

    #[cfg(feature = "testing")]
    pub(super) const fn is_armed(&self) -> bool {
        self.armed
    }
}

impl Engine {
    pub(super) fn on_start(&mut self) {
        self.timing.last_heard.fill(self.now);
        self.set_timer(TimerId::Standstill, self.standstill());
        self.out.push(Output::Broadcast(Message::Hello { height: self.head.height }));
        self.ask_for_views();
        self.changes += 1;
    }

    pub(super) fn on_timer(&mut self, timer: TimerId) {
        match timer {
            TimerId::Leader => {
                let has_proposal = self.views.get(&self.view).is_some_and(|state| state.proposal.is_some());
                if self.timing.armed && !has_proposal {
                    self.cast_skip();
                }
            }
            TimerId::View => {
                if self.timing.armed {
                    self.cast_skip();
                }
            }
            TimerId::CatchUp => self.on_catch_up_timer(),
            TimerId::Standstill => self.on_standstill(),
        }
    }

    /// Starts the timers of the current view when there is reason to, and stops them when there is none.
    pub(super) fn arm_timers(&mut self) {
        let active = self.is_active();
        if active && !self.timing.armed {
            self.timing.armed = true;
            let factor = self.patience();
            let cap = Duration::from_millis(u64::from(self.config.epoch.timers.timeout_ms_max));
            let scaled = |ms: u32| (Duration::from_millis(u64::from(ms)) * factor).min(cap);
            let timers = self.config.epoch.timers;
            self.set_timer(TimerId::Leader, scaled(timers.leader_timeout_ms));
            self.set_timer(TimerId::View, scaled(timers.view_timeout_ms));
        } else if !active {
            self.disarm_timers();
        }
    }

    pub(super) fn disarm_timers(&mut self) {
        if !self.config.mutated(Mutation::TimerNeverRearmed) && std::mem::take(&mut self.timing.armed) {
            self.out.push(Output::CancelTimer { timer: TimerId::Leader });
            self.out.push(Output::CancelTimer { timer: TimerId::View });
        }
    }

    /// Something became final.
    pub(super) fn progressed(&mut self) {
        self.disarm_timers(); // armed anew, with fresh patience, if there is still something to want
    }

    pub(super) fn heard(&mut self, from: AuthorityIndex) {
        if let Some(at) = self.timing.last_heard.get_mut(usize::from(from.0)) {
            *at = self.now;
        }
    }

    /// Tells an authority that is behind how far we are; at most so often.
    pub(super) fn help(&mut self, to: AuthorityIndex) {
        let is_authority = self.is_authority(to);
        let place = if is_authority { usize::from(to.0) } else { self.config.epoch.len() };
        let Some(last) = self.timing.last_helped.get_mut(place) else { return };
        if last.is_none_or(|last| self.now.saturating_sub(last) >= HELP_INTERVAL) {
            *last = Some(self.now);
            let certificate = self.head_certificate.clone().filter(|_| is_authority);
            self.out.extend(certificate.map(|certificate| Output::Send { to, message: Message::Certificate(certificate) }));
            self.out.push(Output::Send { to, message: Message::Hello { height: self.head.height } });
        }
    }

    /// Whether the leader has not been heard of for long while a quorum has.
    pub(super) fn leader_is_silent(&self) -> bool {
        if !self.is_active() {
            return false;
        }
        let Some(leader) = self.expected_leader().filter(|leader| *leader != self.config.me) else { return false };
        let limit = self.standstill() * SILENT_INTERVALS;
        let silent = |at: &Duration| self.now.saturating_sub(*at) > limit;
        let awake =
            self.timing.last_heard.iter().enumerate().filter(|(i, at)| *i == usize::from(self.config.me.0) || !silent(at)).count();
        let leader_silent = self.timing.last_heard.get(usize::from(leader.0)).is_some_and(silent);
        leader_silent && awake >= usize::from(self.config.epoch.quorum)
    }

    /// Whether there is a reason to want a block.
    fn is_active(&self) -> bool {
        let current = self.views.get(&self.view);
        let someone_acts = current.is_some_and(|state| state.proposal.is_some() || self.any_skip(state));
        self.work || self.target.is_some() || someone_acts || self.views.values().any(|state| state.notarization.is_some())
    }

    fn any_skip(&self, state: &crate::view::ViewState) -> bool {
        (0..self.config.epoch.len() as u16).any(|authority| state.votes.skipped_by(AuthorityIndex(authority)))
    }

    /// Doubles with every round of views without finality.
    fn patience(&self) -> u32 {
        let views = self.view.0.saturating_sub(self.head.view.next().next().0);
        let rounds = views / self.config.epoch.len().max(1) as u64;
        1 << rounds.min(6)
    }

    fn standstill(&self) -> Duration {
        Duration::from_millis(u64::from(self.config.epoch.timers.standstill_ms))
    }

    /// Nothing new is final since the last tick: say again what others may lack.
    fn on_standstill(&mut self) {
        self.set_timer(TimerId::Standstill, self.standstill());
        self.ask_for_views();
        let stands_still = self.timing.last_height.replace(self.head.height) == Some(self.head.height);
        if !stands_still || self.config.mutated(Mutation::StandstillSilent) {
            return;
        }
        self.out.push(Output::Broadcast(Message::Hello { height: self.head.height }));
        if !self.is_active() {
            return;
        }
        let views: Vec<View> = self.views.keys().rev().filter(|view| **view <= self.view).take(RESENT_VIEWS).copied().collect();
        let newest_final = self.target.clone().or_else(|| self.head_certificate.clone());
        self.out.extend(newest_final.map(|certificate| Output::Broadcast(Message::Certificate(certificate))));
        for view in views.into_iter().rev() {
            let Some(state) = self.views.get(&view) else { continue };
            let (certificates, votes) = state.to_resend();
            self.out.extend(certificates.into_iter().map(|certificate| Output::Broadcast(Message::Certificate(certificate))));
            self.out.extend(votes.into_iter().map(|vote| Output::Broadcast(Message::Vote(vote))));
        }
        self.send_proposal(self.view);
    }
}
