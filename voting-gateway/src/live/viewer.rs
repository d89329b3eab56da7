//! Who looks on, and what they may see.

use voting_core::election::{Phase, ResultVisibility};
use voting_core::state::ElectionState;

use crate::accounts::{Account, Role};
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

    /// Whether they may see how it stands: who has voted may, and everyone once it is published, or where the election
    /// says so.
    pub(crate) fn sees_results(&self, secret: &[u8; 32], election: &ElectionState) -> bool {
        if election.phase() == Phase::Published || election.definition().results == ResultVisibility::Public {
            return !matches!(election.phase(), Phase::Draft | Phase::Ready);
        }
        self.0.as_ref().is_some_and(|account| {
            let pseudonym = roll::pseudonym(secret, election.id(), &account.email);
            election.voter(&pseudonym).is_some_and(|record| record.counted.is_some())
        })
    }
}
