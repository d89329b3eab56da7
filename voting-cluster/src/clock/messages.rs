//! Asking for the time, and answering.

use borsh::{BorshDeserialize, BorshSerialize};
use voting_consensus::clock::{Answer, Corrected};
use voting_core::codec::Canonical;
use voting_core::crypto::{Signature, SigningKey};
use voting_core::epoch::Epoch;
use voting_core::ids::{AuthorityIndex, ChainId};

/// What a message of kind [`Clock`](voting_core::seams::MessageKind::Clock) says.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum ClockMessage {
    /// What time is it? The number is random: nobody can answer before the question is there.
    Question(u64),
    /// The answer.
    Answer(SignedClockAnswer),
}

impl Canonical for ClockMessage {
    const TAG: &'static str = "voting/clock-message/v1";
    const MAX_BYTES: usize = 1 + SignedClockAnswer::MAX_BYTES;
}

/// What an authority says of its clock. Times are microseconds since 1970, by its machine's clock.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ClockAnswer {
    pub(crate) chain: ChainId,
    /// Number of the epoch that it is in.
    pub(crate) epoch: u32,
    pub(crate) authority: AuthorityIndex,
    /// Number of the question.
    pub(crate) number: u64,
    /// When the question arrived.
    pub(crate) received_us: i64,
    /// When the answer left.
    pub(crate) answered_us: i64,
    /// How far its corrected time is ahead of its machine's and the bound of its error, in microseconds; none while it has none.
    pub(crate) corrected: Option<(i64, i64)>,
}

impl Canonical for ClockAnswer {
    const TAG: &'static str = "voting/clock-answer/v1";
    const MAX_BYTES: usize = 32 + 4 + 2 + 8 + 8 + 8 + 17;
}

impl ClockAnswer {
    /// The times in it.
    pub(crate) fn times(&self) -> Answer {
        let corrected = self.corrected.map(|(ahead_us, bound_us)| Corrected { ahead_us, bound_us });
        Answer { received_us: self.received_us, answered_us: self.answered_us, corrected }
    }
}

/// An answer with its authority's signature.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct SignedClockAnswer {
    answer: ClockAnswer,
    signature: Signature,
}

impl SignedClockAnswer {
    const MAX_BYTES: usize = ClockAnswer::MAX_BYTES + 64;

    /// Signs an answer.
    pub(crate) fn sign(answer: ClockAnswer, key: &SigningKey) -> Self {
        let signature = key.sign(&answer.to_tagged());
        Self { answer, signature }
    }

    /// The answer, if the authority that it names signed it for this chain and epoch.
    pub(crate) fn verify(self, chain: ChainId, epoch: &Epoch) -> Option<ClockAnswer> {
        let author = epoch.authority(self.answer.authority)?;
        let is_ours = self.answer.chain == chain && self.answer.epoch == epoch.number;
        let holds = is_ours && author.key.verify(&self.answer.to_tagged(), &self.signature);
        holds.then_some(self.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voting_core::testing::TestChain;
    use voting_core::testing::chain::authority_key;

    #[test]
    fn an_answer_is_its_authoritys_for_one_chain_and_epoch() {
        let network = TestChain::new(4);
        let (chain, epoch) = (network.chain(), &network.genesis.epoch);
        let answer = ClockAnswer {
            chain,
            epoch: 0,
            authority: AuthorityIndex(2),
            number: u64::MAX,
            received_us: i64::MAX,
            answered_us: i64::MIN,
            corrected: Some((i64::MIN, i64::MAX)),
        };
        let signed = SignedClockAnswer::sign(answer.clone(), &authority_key(2));
        let bytes = ClockMessage::Answer(signed.clone()).to_canonical();
        assert_eq!(ClockMessage::from_canonical(&bytes), Ok(ClockMessage::Answer(signed.clone())));
        assert_eq!(signed.clone().verify(chain, epoch), Some(answer.clone()));
        let other = Epoch { number: 1, ..epoch.clone() };
        assert_eq!(signed.clone().verify(chain, &other), None);
        let forged = ClockAnswer { number: 1, ..answer.clone() };
        assert_eq!(SignedClockAnswer { answer: forged, ..signed }.verify(chain, epoch), None);
        assert_eq!(SignedClockAnswer::sign(answer, &authority_key(1)).verify(chain, epoch), None);
    }
}
