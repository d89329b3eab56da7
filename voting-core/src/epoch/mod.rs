//! Who the authorities are, how many must agree, and the genesis that names them.

pub mod change;

use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec::Canonical;
use crate::crypto::{KeyError, PublicKey};
use crate::ids::{AuthorityIndex, ChainId, Digest, PartitionId};
use crate::text::{TextError, check_line};
use crate::time::Timestamp;

/// Certificates list one signature per authority; beyond this their size would dominate a block.
pub const MAX_AUTHORITIES: usize = 100;
/// Enough for every role a commission hands out; bounds the genesis.
pub const MAX_OFFICERS: usize = 64;
/// Longest name of an authority, officer or network, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 100;

/// One named authority.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Authority {
    /// Name that people know, unique in the set.
    pub name: String,
    /// Key that signs this authority's consensus votes.
    pub key: PublicKey,
}

/// How many authorities make a quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuorumRule {
    /// ⌊n/2⌋ + 1: survives the most crashes, tolerates the fewest lies.
    Majority,
    /// ⌊(n+f)/2⌋ + 1 with f = ⌊(n−1)/3⌋: safe and live with f Byzantine authorities.
    Byzantine,
    /// An explicit number of authorities, more than half.
    Number(u16),
}

impl QuorumRule {
    /// The number of authorities that make a quorum of `n`.
    ///
    /// # Errors
    /// [`EpochError::Quorum`] unless n/2 < q ≤ n, [`EpochError::NoAuthorities`] for n = 0.
    pub fn threshold(self, n: usize) -> Result<u16, EpochError> {
        if n == 0 {
            return Err(EpochError::NoAuthorities);
        }
        if n > MAX_AUTHORITIES {
            return Err(EpochError::TooManyAuthorities { actual: n });
        }
        let quorum = match self {
            Self::Majority => n / 2 + 1,
            Self::Byzantine => (n + (n - 1) / 3) / 2 + 1,
            Self::Number(quorum) => usize::from(quorum),
        };
        if quorum <= n / 2 || quorum > n {
            return Err(EpochError::Quorum { quorum, n });
        }
        Ok(quorum as u16)
    }
}

impl std::str::FromStr for QuorumRule {
    type Err = EpochError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "majority" => Ok(Self::Majority),
            "byzantine" => Ok(Self::Byzantine),
            number => number.parse().map(Self::Number).map_err(|_| EpochError::QuorumRule(text.chars().take(40).collect())),
        }
    }
}

/// Who leads which view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaderPolicy {
    /// The first authority leads as long as its views finalize; a skipped view passes on to the next in order.
    Fixed,
    /// Authorities lead in turn, `term` consecutive views each.
    RoundRobin {
        /// Views per leader, at least 1.
        term: u32,
    },
    /// The authority that the ledger [prefers](crate::preference) leads. Where it fails, or with no preference in
    /// force, leadership passes on as under [`LeaderPolicy::Fixed`].
    Elected,
}

impl std::str::FromStr for LeaderPolicy {
    type Err = EpochError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "fixed" => Ok(Self::Fixed),
            None if text == "elected" => Ok(Self::Elected),
            None if text == "round-robin" => Ok(Self::RoundRobin { term: 1 }),
            Some(("round-robin", term)) => match term.parse() {
                Ok(0) => Err(EpochError::Term),
                Ok(term) => Ok(Self::RoundRobin { term }),
                Err(_) => Err(EpochError::LeaderPolicy(text.chars().take(40).collect())),
            },
            _ => Err(EpochError::LeaderPolicy(text.chars().take(40).collect())),
        }
    }
}

impl std::fmt::Display for LeaderPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed => f.write_str("fixed"),
            Self::RoundRobin { term: 1 } => f.write_str("round-robin"),
            Self::RoundRobin { term } => write!(f, "round-robin:{term}"),
            Self::Elected => f.write_str("elected"),
        }
    }
}

/// Timers of the protocol in milliseconds; part of what authorities sign, so that all have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Timers {
    /// With work at hand and no proposal for this long, a follower votes to skip the view.
    pub leader_timeout_ms: u32,
    /// A view that has not ended after this long is skipped.
    pub view_timeout_ms: u32,
    /// Timeouts grow while nothing finalizes, at most to this.
    pub timeout_ms_max: u32,
    /// Without new finality for this long, an authority sends again what others may lack.
    pub standstill_ms: u32,
}

impl Default for Timers {
    fn default() -> Self {
        Self { leader_timeout_ms: 1_000, view_timeout_ms: 2_000, timeout_ms_max: 30_000, standstill_ms: 3_000 }
    }
}

/// A fixed set of authorities with its threshold, leader policy and timers.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 0.
    pub number: u32,
    /// The authorities; [`AuthorityIndex`] is the place in this list.
    pub authorities: Vec<Authority>,
    /// Distinct authorities that make a certificate.
    pub quorum: u16,
    /// Who leads.
    pub leader: LeaderPolicy,
    /// Timers of the protocol.
    pub timers: Timers,
}

impl Canonical for Epoch {
    const TAG: &'static str = "voting/epoch/v1";
    const MAX_BYTES: usize = MAX_AUTHORITIES * (4 + MAX_NAME_BYTES + 32) + 64;
}

impl Epoch {
    /// Checks names, keys, threshold and timers.
    ///
    /// # Errors
    /// [`EpochError`] naming the first thing wrong.
    pub fn check(&self) -> Result<(), EpochError> {
        QuorumRule::Number(self.quorum).threshold(self.authorities.len())?;
        for (i, authority) in self.authorities.iter().enumerate() {
            let named = |reason| EpochError::Name { name: authority.name.clone(), reason };
            check_line(&authority.name, MAX_NAME_BYTES).map_err(named)?;
            authority.key.check().map_err(|reason| EpochError::Key { name: authority.name.clone(), reason })?;
            if self.authorities[..i].iter().any(|other| other.name == authority.name || other.key == authority.key) {
                return Err(EpochError::Duplicate { name: authority.name.clone() });
            }
        }
        if self.leader == (LeaderPolicy::RoundRobin { term: 0 }) {
            return Err(EpochError::Term);
        }
        let Timers { leader_timeout_ms, view_timeout_ms, timeout_ms_max, standstill_ms } = self.timers;
        if leader_timeout_ms == 0 || view_timeout_ms < leader_timeout_ms || timeout_ms_max < view_timeout_ms || standstill_ms == 0 {
            return Err(EpochError::Timers);
        }
        Ok(())
    }

    /// The authority at an index.
    #[must_use]
    pub fn authority(&self, index: AuthorityIndex) -> Option<&Authority> {
        self.authorities.get(usize::from(index.0))
    }

    /// The name of the authority at an index.
    #[must_use]
    pub fn name_of(&self, index: AuthorityIndex) -> Option<&str> {
        self.authority(index).map(|authority| authority.name.as_str())
    }

    /// The index of the authority with this key.
    #[must_use]
    pub fn index_of(&self, key: &PublicKey) -> Option<AuthorityIndex> {
        self.authorities.iter().position(|authority| authority.key == *key).map(|at| AuthorityIndex(at as u16))
    }

    /// Number of authorities.
    #[must_use]
    pub fn len(&self) -> usize {
        self.authorities.len()
    }

    /// Never true of a checked epoch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty()
    }

    /// Authorities that may lie without endangering safety: the largest f with 2q − n > f.
    #[must_use]
    pub fn byzantine_safe(&self) -> usize {
        (2 * usize::from(self.quorum)).saturating_sub(self.len() + 1)
    }

    /// Authorities that may be down while the rest still finalizes: n − q.
    #[must_use]
    pub fn down_tolerated(&self) -> usize {
        self.len() - usize::from(self.quorum)
    }

    /// Leader timeout as a duration.
    #[must_use]
    pub fn leader_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.timers.leader_timeout_ms))
    }
}

/// A named key with power over elections.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Officer {
    /// Name that people know.
    pub name: String,
    /// Key that signs definitions, openings, closings, cancellations and results.
    pub key: PublicKey,
}

/// What a network is founded on. Its hash is in every signature made in it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Genesis {
    /// Name of the network.
    pub network: String,
    /// When it was founded; timestamps in its ledgers are later.
    pub founded_at: Timestamp,
    /// The first authorities.
    pub epoch: Epoch,
    /// Who may define and run elections.
    pub officers: Vec<Officer>,
    /// Number of chains that ballots are spread over, at least 1.
    pub partitions: u16,
}

impl Canonical for Genesis {
    const TAG: &'static str = "voting/genesis/v1";
    const MAX_BYTES: usize = 64 * 1024;
}

impl Genesis {
    /// Checks everything a network needs to start.
    ///
    /// # Errors
    /// [`EpochError`] naming the first thing wrong.
    pub fn check(&self) -> Result<(), EpochError> {
        check_line(&self.network, MAX_NAME_BYTES).map_err(|reason| EpochError::Name { name: self.network.clone(), reason })?;
        self.epoch.check()?;
        if self.epoch.number != 0 {
            return Err(EpochError::FirstEpoch);
        }
        if self.partitions == 0 {
            return Err(EpochError::NoPartitions);
        }
        if self.officers.is_empty() || self.officers.len() > MAX_OFFICERS {
            return Err(EpochError::Officers { actual: self.officers.len() });
        }
        for officer in &self.officers {
            check_line(&officer.name, MAX_NAME_BYTES).map_err(|reason| EpochError::Name { name: officer.name.clone(), reason })?;
            officer.key.check().map_err(|reason| EpochError::Key { name: officer.name.clone(), reason })?;
        }
        Ok(())
    }

    /// The id of one of this network's chains.
    #[must_use]
    pub fn chain_id(&self, partition: PartitionId) -> ChainId {
        let digest = self.digest();
        ChainId(Digest::of_parts("voting/chain/v1", &[&digest.0, &partition.0.to_le_bytes()]).0)
    }
}

/// What is wrong with a genesis, an epoch or a quorum rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EpochError {
    /// An empty authority set.
    #[error("there must be at least one authority")]
    NoAuthorities,
    /// Too many authorities.
    #[error("{actual} authorities, at most {MAX_AUTHORITIES} are supported")]
    TooManyAuthorities {
        /// Number given.
        actual: usize,
    },
    /// A quorum that two halves could form at once, or that can never form.
    #[error("a quorum of {quorum} is not possible with {n} authorities: it must be more than half of them and at most all")]
    Quorum {
        /// The threshold asked for.
        quorum: usize,
        /// Number of authorities.
        n: usize,
    },
    /// Not a rule we know.
    #[error("`{0}` is not a quorum rule: use byzantine, majority or a number")]
    QuorumRule(String),
    /// Not a policy we know.
    #[error("`{0}` is not a leader policy: use fixed, round-robin, round-robin:VIEWS or elected")]
    LeaderPolicy(String),
    /// A bad name.
    #[error("the name `{name}` {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: TextError,
    },
    /// A bad key.
    #[error("the key of `{name}` is unusable: {reason}")]
    Key {
        /// Whose key.
        name: String,
        /// What is wrong with it.
        reason: KeyError,
    },
    /// Two authorities share a name or a key.
    #[error("the authority `{name}` shares its name or its key with another")]
    Duplicate {
        /// The second of the two.
        name: String,
    },
    /// A round-robin term of zero views.
    #[error("a leader's term must be at least one view")]
    Term,
    /// Timers that contradict each other.
    #[error("timers must satisfy 0 < leader_timeout ≤ view_timeout ≤ timeout_max and standstill > 0")]
    Timers,
    /// A genesis whose epoch is not number 0.
    #[error("the epoch of a genesis must have number 0")]
    FirstEpoch,
    /// No partition at all.
    #[error("there must be at least one partition")]
    NoPartitions,
    /// No officer, or too many.
    #[error("{actual} officers, there must be between 1 and {MAX_OFFICERS}")]
    Officers {
        /// Number given.
        actual: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_match_the_table() {
        // n, majority: q / Byzantine safe / down, byzantine: q / safe / down
        let table = [
            (4, (3, 1, 1), (3, 1, 1)),
            (5, (3, 0, 2), (4, 2, 1)),
            (7, (4, 0, 3), (5, 2, 2)),
            (10, (6, 1, 4), (7, 3, 3)),
            (30, (16, 1, 14), (20, 9, 10)),
        ];
        for (n, majority, byzantine) in table {
            for (rule, (q, safe, down)) in [(QuorumRule::Majority, majority), (QuorumRule::Byzantine, byzantine)] {
                let quorum = rule.threshold(n).unwrap();
                assert_eq!(quorum, q, "{rule:?} of {n}");
                assert_eq!(2 * usize::from(quorum) - n - 1, safe, "{rule:?} of {n}");
                assert_eq!(n - usize::from(quorum), down, "{rule:?} of {n}");
            }
        }
    }

    #[test]
    fn refuses_quorums_that_are_not_more_than_half() {
        assert!(QuorumRule::Number(2).threshold(4).is_err());
        assert!(QuorumRule::Number(5).threshold(4).is_err());
        assert!(QuorumRule::Majority.threshold(0).is_err());
        assert_eq!("majority".parse(), Ok(QuorumRule::Majority));
        assert_eq!("3".parse(), Ok(QuorumRule::Number(3)));
        assert!("most".parse::<QuorumRule>().is_err());
    }

    #[test]
    fn leader_policies_are_written_as_they_are_read() {
        for text in ["fixed", "elected", "round-robin", "round-robin:7"] {
            assert_eq!(text.parse::<LeaderPolicy>().unwrap().to_string(), text);
        }
        assert_eq!("round-robin:0".parse::<LeaderPolicy>(), Err(EpochError::Term));
        for text in ["", "robin", "round-robin:", "round-robin:x", "elected:3"] {
            assert_eq!(text.parse::<LeaderPolicy>(), Err(EpochError::LeaderPolicy(text.to_owned())), "{text}");
        }
    }
}
