//! Who looks on, and what they may see.

use voting_core::election::{Phase, ResultVisibility};
use voting_core::state::ElectionState;

use crate::accounts::{Account, Role};
use crate::api::is_counted;
use crate::roll;
use crate::state::is_visible;

/// Someone at the other end of a socket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Viewer(Option<Account>);

impl Viewer {
    pub(crate) const fn new(account: Option<Account>) -> Self {
        Self(account)
    }

    pub(crate) const fn account(&self) -> Option<&Account> {
        self.0.as_ref()
    }

    /// Drafts are for administrators.
    pub(crate) fn sees_drafts(&self) -> bool {
        self.0.as_ref().is_some_and(|account| account.roles.contains(&Role::Admin))
    }

    /// Whether they may know of an election at all.
    pub(crate) fn sees(&self, election: &ElectionState) -> bool {
        is_visible(election.phase(), self.sees_drafts())
    }

    /// Whether they may see the ballots: where they are sealed everyone may, where they are open who may see how it stands.
    pub(crate) fn sees_ballots(&self, secret: &[u8; 32], election: &ElectionState) -> bool {
        let announced = !matches!(election.phase(), Phase::Draft | Phase::Ready);
        (election.definition().secrecy.trustees().is_some() && announced) || self.sees_results(secret, election)
    }

    /// Whether they may see how it stands: who has voted may, and everyone once it is published, or where the election
    /// says so. How a sealed election stands nobody may see before it is counted.
    pub(crate) fn sees_results(&self, secret: &[u8; 32], election: &ElectionState) -> bool {
        if election.definition().secrecy.trustees().is_some() && !is_counted(election.phase()) {
            return false;
        }
        if election.phase() == Phase::Published || election.definition().results == ResultVisibility::Public {
            return !matches!(election.phase(), Phase::Draft | Phase::Ready);
        }
        self.0.as_ref().is_some_and(|account| {
            let pseudonym = roll::pseudonym(secret, election.id(), &account.email);
            election.voter(&pseudonym).is_some_and(|record| record.counted.is_some())
        })
    }
}
