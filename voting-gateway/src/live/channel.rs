//! What a client can ask to be told of.

use std::fmt;

use voting_core::ids::{BallotHash, ElectionId};

/// Something that changes, and that clients follow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Channel {
    /// All elections; drafts are for administrators.
    Elections { drafts: bool },
    /// One election.
    Election(ElectionId, Aspect),
    /// An account's own votes, by the account's id.
    Me(String),
    /// A ballot on its way, by its hash.
    Ballot(BallotHash),
    /// The network.
    Network,
}

/// What of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Aspect {
    /// Phase and certified keys.
    Status,
    /// How many have voted.
    Turnout,
    /// The running count and the result.
    Results,
    /// Ballots, by their codes.
    Board,
}

impl Aspect {
    const ALL: [(Self, &str); 4] =
        [(Self::Status, "status"), (Self::Turnout, "turnout"), (Self::Results, "results"), (Self::Board, "board")];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Turnout => "turnout",
            Self::Results => "results",
            Self::Board => "board",
        }
    }
}

impl Channel {
    /// Whether what it tells stands in the ledger, so that any gateway can go on with it. Of the others this gateway finds
    /// out by asking, and their positions mean something on one connection only.
    pub(super) const fn is_ledger(&self) -> bool {
        !matches!(self, Self::Ballot(_) | Self::Network)
    }

    /// The channel that a viewer means by a name: the account's id, and whether it sees drafts.
    pub(super) fn parse(name: &str, account: Option<&str>, drafts: bool) -> Result<Self, ChannelError> {
        match name {
            "elections" => return Ok(Self::Elections { drafts }),
            "network" => return Ok(Self::Network),
            "me" => return account.map(|id| Self::Me(id.to_owned())).ok_or(ChannelError::NotSignedIn),
            _ => {}
        }
        if let Some(hash) = name.strip_prefix("ballot:") {
            return hash.parse().map(Self::Ballot).map_err(|_| ChannelError::Unknown);
        }
        let mut parts = name.split(':');
        if let (Some("election"), Some(id), Some(aspect), None) = (parts.next(), parts.next(), parts.next(), parts.next())
            && let Some((aspect, _)) = Aspect::ALL.iter().find(|(_, word)| *word == aspect)
        {
            let id = id.parse().map_err(|_| ChannelError::UnknownElection)?;
            return Ok(Self::Election(id, *aspect));
        }
        Err(ChannelError::Unknown)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elections { .. } => f.write_str("elections"),
            Self::Election(id, aspect) => write!(f, "election:{id}:{}", aspect.as_str()),
            Self::Me(_) => f.write_str("me"),
            Self::Ballot(hash) => write!(f, "ballot:{hash}"),
            Self::Network => f.write_str("network"),
        }
    }
}

/// Why a name is no channel for a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChannelError {
    Unknown,
    UnknownElection,
    NotSignedIn,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_what_they_are_called() {
        let id = ElectionId([7; 16]);
        for (aspect, word) in Aspect::ALL {
            let name = format!("election:{id}:{word}");
            let channel = Channel::parse(&name, None, false);
            assert_eq!(channel, Ok(Channel::Election(id, aspect)));
            assert_eq!(channel.map(|channel| channel.to_string()), Ok(name));
        }
        assert_eq!(Channel::parse("me", None, true), Err(ChannelError::NotSignedIn));
        assert_eq!(Channel::parse("me", Some("a"), false), Ok(Channel::Me("a".to_owned())));
        assert_eq!(Channel::parse("elections", Some("a"), true), Ok(Channel::Elections { drafts: true }));
        let ballot = format!("ballot:{}", BallotHash([0xab; 32]));
        let channel = Channel::parse(&ballot, None, false);
        assert_eq!(channel, Ok(Channel::Ballot(BallotHash([0xab; 32]))));
        assert_eq!(channel.map(|channel| channel.to_string()), Ok(ballot));
        for wrong in ["", "ballot:", "ballot:abcd", "elections:", "election:x:board:y", "Me", "election::board"] {
            assert!(Channel::parse(wrong, Some("a"), true).is_err(), "{wrong}");
        }
        assert_eq!(Channel::parse("election:xyz:board", None, false), Err(ChannelError::UnknownElection));
        assert_eq!(Channel::parse(&format!("election:{id}:votes"), None, false), Err(ChannelError::Unknown));
    }
}
