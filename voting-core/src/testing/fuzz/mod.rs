//! Whatever bytes come from outside: one function per family of decoders, which takes any bytes and panics only if a rule is
//! broken. The programs in `fuzz/` call them with what a fuzzer makes up, ordinary tests with what [`corpus`] holds and with
//! damaged variants of it.

pub mod corpus;
mod known;

use std::fmt::{Debug, Display};
use std::str::FromStr;

pub use corpus::{Seed, Target};
pub use known::{KNOWN_TRUSTEES, KNOWN_VOTERS, Known, known};

use crate::ballot::{Ballot, SignedBallot};
use crate::block::{Block, BlockHeader, EntryBytes, FinalizedBlock};
use crate::bundle::{BundleBlock, BundleItem, BundleReader, Closing, Manifest, Opening};
use crate::certificate::Certificate;
use crate::codec::Canonical;
use crate::count::Amount;
use crate::crypto::{PublicKey, SigningKey};
use crate::election::{CountMethodId, ElectionDefinition};
use crate::entry::{Certification, Challenge, Entry, OfficerAct, TrusteeAct, VerifiedEntry};
use crate::epoch::change::{EpochChange, Epochs, Handover};
use crate::epoch::{Epoch, Genesis, LeaderPolicy, QuorumRule};
use crate::evidence::Accusation;
use crate::formats::blt::Blt;
use crate::formats::rankings_csv::{RankingsCsv, ScoresCsv};
use crate::ids::{BallotCode, BallotHash, BlockHash, ChainId, Digest, ElectionId, EntryHash, PartitionId, Pseudonym};
use crate::preference::PreferLeader;
use crate::receipt::{ElectionProof, Receipt};
use crate::sealed::ceremony::{CeremonyRecord, SignedMessage};
use crate::sealed::{BallotOpening, PartialDecryption};
use crate::state::{LedgerState, Place};
use crate::tally::ElectionReport;
use crate::testing::sealed::trustee_key;
use crate::testing::{TestChain, key};
use crate::text::{check_line, check_paragraph};
use crate::time::Timestamp;
use crate::verify::{Options, verify};

/// Every target of this crate.
pub const TARGETS: [Target; 9] = [
    Target { name: "core_canonical", run: canonical, variants: 2_000 },
    Target { name: "core_entry", run: entry, variants: 1_000 },
    Target { name: "core_bundle", run: bundle, variants: 300 },
    Target { name: "core_receipt", run: receipt, variants: 1_000 },
    Target { name: "core_proof", run: proof, variants: 1_000 },
    Target { name: "core_handover", run: handover, variants: 1_000 },
    Target { name: "core_blt", run: blt, variants: 4_000 },
    Target { name: "core_csv", run: csv, variants: 4_000 },
    Target { name: "core_text", run: text, variants: 4_000 },
];

/// Checks that bytes are refused or are the one encoding of a value, and that the value can be shown.
///
/// # Panics
/// If they decode and are not.
pub fn one_spelling<T: Canonical + Debug>(bytes: &[u8]) -> Option<T> {
    let value = T::from_canonical(bytes).ok()?;
    assert_eq!(value.to_canonical(), bytes, "another encoding of {value:?}");
    assert!(bytes.len() <= T::MAX_BYTES);
    let tagged = value.to_tagged();
    assert!(tagged.ends_with(bytes) && tagged.len() == 1 + T::TAG.len() + bytes.len());
    Some(value)
}

macro_rules! canonical_types {
    ($($number:literal: $type:ty),+ $(,)?) => {
        /// Any type with canonical bytes: the first byte says which, the rest is decoded.
        pub fn canonical(data: &[u8]) {
            let Some((number, bytes)) = data.split_first() else { return };
            match number {
                $($number => drop(one_spelling::<$type>(bytes)),)+
                _ => {}
            }
        }

        /// An input of [`canonical`] for bytes of the type with this domain tag.
        #[must_use]
        pub fn canonical_input(tag: &str, bytes: &[u8]) -> Option<Vec<u8>> {
            let number: u8 = match tag {
                $(<$type>::TAG => $number,)+
                _ => return None,
            };
            Some([&[number], bytes].concat())
        }

        /// How many types [`canonical`] decodes.
        pub const CANONICAL_TYPES: usize = [$($number),+].len();
    };
}

canonical_types! {
    0: Genesis, 1: Epoch, 2: EpochChange, 3: Handover, 4: ElectionDefinition, 5: OfficerAct, 6: Certification, 7: Ballot,
    8: SignedBallot, 9: PreferLeader, 10: Entry, 11: BlockHeader, 12: Block, 13: FinalizedBlock, 14: Certificate, 15: Receipt,
    16: ElectionReport, 17: Opening, 18: BundleBlock, 19: Closing, 20: Accusation,
    21: TrusteeAct, 22: Challenge, 23: BallotOpening, 24: SignedMessage, 25: CeremonyRecord, 26: PartialDecryption,
    27: ElectionProof,
}

/// An entry, verified and applied to chains with open elections and a sealed one, open and closed; and what it says once more, signed
/// anew, so that a damaged proof is met by more than a signature that does not fit.
pub fn entry(data: &[u8]) {
    let known = known();
    for chain in [&known.chain, &known.sealed.chain, &known.closed.chain] {
        enter(chain, EntryBytes::new(data.to_vec()));
    }
    let again = Entry::from_canonical(data).ok().as_ref().and_then(signed_anew);
    if let Some(again) = again {
        for chain in [&known.chain, &known.sealed.chain, &known.closed.chain] {
            enter(chain, again.to_bytes());
        }
    }
}

/// The same, signed by whom it names, if that is a voter or trustee of the known elections.
fn signed_anew(entry: &Entry) -> Option<Entry> {
    let voter = |named: PublicKey| (0..KNOWN_VOTERS).map(key).find(|key| key.public() == named);
    let trustee = |named: PublicKey| (1..=KNOWN_TRUSTEES).map(trustee_key).find(|key| key.public() == named);
    match entry {
        Entry::Cast(signed) => Some(Entry::Cast(signed.ballot.clone().sign(&voter(signed.ballot.voter)?))),
        Entry::Challenge(signed) => Some(Entry::challenge(signed.content.clone(), &voter(signed.content.ballot.voter)?)),
        Entry::Trustee(signed) => Some(Entry::trustee(signed.content.clone(), &trustee(signed.content.trustee)?)),
        _ => None,
    }
}

fn enter(chain: &TestChain, bytes: EntryBytes) {
    let Ok(entry) = VerifiedEntry::verify(bytes.clone(), chain.chain()) else { return };
    assert_eq!(entry.entry().to_canonical(), bytes.as_slice());
    let (height, parent) = (chain.state.height().next(), chain.head().map_or(BlockHash::GENESIS, |head| head.hash));
    let timestamp = chain.state.timestamp().saturating_add(std::time::Duration::from_secs(1));
    let place = Place { height, parent, timestamp, view: crate::View(height.0 + 1) };
    let mut draft = chain.state.begin(place).expect("the next height, a later time");
    if let Err(refusal) = draft.try_apply(&entry) {
        assert!(!refusal.code().is_empty() && !refusal.to_string().is_empty());
        assert_eq!(draft.finish().root(), chain.state.root(), "a refusal changes nothing");
        return;
    }
    assert!(draft.try_apply(&entry).is_err(), "no entry counts twice");
    let seen = |state: &LedgerState| (state.root(), state.preference(), state.successor());
    assert_ne!(seen(&draft.finish()), seen(&chain.state), "a header tells of what is applied");
}

/// A bundle without certificates, of which servers may hold different ones for the same block.
#[derive(Debug, PartialEq, Eq)]
struct Content {
    opening: Opening,
    blocks: Vec<(BlockHeader, Vec<BundleItem>)>,
    closing: Option<Closing>,
}

impl Content {
    fn read(data: &[u8]) -> Option<Self> {
        let mut reader = BundleReader::open(data).ok()?;
        let mut opening = reader.opening().clone();
        opening.handovers.iter_mut().for_each(|handover| {
            handover.certificate.signatures.clear();
            handover.headers.truncate(1); // the tail, which is a matter of certificates as well
        });
        let mut blocks = Vec::new();
        while let Some(block) = reader.next_block().ok()? {
            blocks.push((block.header, block.items));
        }
        assert_eq!(reader.offset(), data.len() as u64, "a bundle is read to its end");
        let plain = |closing: &Closing| Closing {
            manifest: Manifest { certificates: 0, ..closing.manifest },
            path: closing.path.clone(),
            report: closing.report.clone(),
        };
        Some(Self { opening, blocks, closing: reader.closing().map(plain) })
    }
}

/// A bundle: whatever holds under the genesis of a network whose keys nobody else has is a bundle of that network.
pub fn bundle(data: &[u8]) {
    let content = Content::read(data);
    let unpinned = verify(data, &Options::default());
    assert_eq!(unpinned.holds(), unpinned.summary.is_some());
    assert!(content.is_some() || !unpinned.holds(), "what cannot be read does not hold");
    let pinned = verify(data, &Options { genesis: Some(known().chain.genesis.digest()), ..Options::default() });
    assert!(!pinned.holds() || unpinned.holds());
    if pinned.holds() {
        let content = content.expect("it was read");
        assert!(known().contents.contains(&content), "a bundle is forged: {content:?}");
    }
    if let Some(failure) = pinned.failure {
        assert!(!failure.to_string().is_empty());
    }
}

/// A receipt: whatever holds for the authorities of a network whose keys nobody else has says what its ledger says.
pub fn receipt(data: &[u8]) {
    let Some(receipt) = one_spelling::<Receipt>(data) else { return };
    let known = known();
    let epochs = known.chain.epochs();
    if receipt.verify(&epochs, None).is_ok() {
        let is_true = known.chain.blocks.iter().any(|block| {
            let header = &block.block.header;
            let entry = block.block.entries.get(receipt.position.index as usize);
            header.height == receipt.position.height && entry.map(EntryBytes::hash) == Some(receipt.entry)
        });
        assert!(is_true, "a receipt is forged: {receipt:?}");
    }
    for ballot in &known.ballots {
        if receipt.verify(&epochs, Some(ballot)).is_ok() {
            assert_eq!((receipt.ballot, receipt.election), (ballot.hash(), ballot.ballot.election));
        }
    }
}

/// A proof of what is certified of an election: whatever holds for the authorities of a network whose keys nobody else has was so.
pub fn proof(data: &[u8]) {
    let Some(proof) = one_spelling::<ElectionProof>(data) else { return };
    let known = known();
    for (chain, summaries) in [(&known.chain, &known.summaries), (&known.sealed.chain, &known.sealed_summaries)] {
        if let Ok((summary, _)) = proof.verify(&chain.epochs()) {
            assert!(summaries.contains(summary), "a proof is forged: {summary:?}");
        }
    }
}

/// A handover: whatever a network whose keys nobody else has is said to hand over to, it handed over to.
pub fn handover(data: &[u8]) {
    let Some(handover) = one_spelling::<Handover>(data) else { return };
    let known = known();
    let mut epochs = Epochs::founded(&known.chain.genesis, PartitionId(0)).expect("a usable genesis");
    for (_, true_epoch) in known.chain.state.epochs().iter().skip(1) {
        if epochs.clone().extend(&handover).is_ok() {
            assert_eq!(&handover.epoch, true_epoch.as_ref(), "a handover is forged");
        }
        let number = epochs.last().number;
        let true_one = known.chain.handovers().into_iter().nth(number as usize).expect("a handover for each change");
        epochs.extend(&true_one).expect("the chain's own handover");
    }
    assert!(epochs.extend(&handover).is_err(), "there was no further change");
}

/// A BLT file: what is read is written, and read again as the same.
pub fn blt(data: &[u8]) {
    match Blt::parse(data) {
        Ok(file) => {
            let text = file.to_text();
            assert_eq!(Blt::parse(text.as_bytes()).as_ref(), Ok(&file), "{text}");
            assert!(file.ballots.iter().all(|ballot| ballot.count <= file.total()));
            drop(file.first_preferences());
        }
        Err(error) => assert!(error.line > 0 && error.column > 0 && !error.to_string().is_empty()),
    }
}

/// A CSV file, of rankings or of scores.
pub fn csv(data: &[u8]) {
    match RankingsCsv::parse(data) {
        Ok(file) => {
            let named = |place: u16| usize::from(place) < file.candidates.len();
            let tiers = file.ballots.iter().flat_map(|ballot| ballot.ranking.tiers());
            assert!(tiers.into_iter().all(|tier| tier.options().all(named)), "a ballot ranks nobody who is not there");
        }
        Err(error) => assert!(error.line > 0 && !error.to_string().is_empty()),
    }
    match ScoresCsv::parse(data) {
        Ok(file) => {
            let named = |place: u16| usize::from(place) < file.candidates.len();
            assert!(file.ballots.iter().flat_map(|ballot| ballot.scores.iter()).all(|(place, _)| named(*place)));
        }
        Err(error) => assert!(error.line > 0 && !error.to_string().is_empty()),
    }
}

/// Whatever is read from a text is read as the same from what it is shown as.
fn shown_as_read<T: FromStr + Display + PartialEq + Debug>(text: &str)
where
    T::Err: Display,
{
    match text.parse::<T>() {
        Ok(value) => {
            let shown = value.to_string();
            assert_eq!(shown.parse::<T>().ok().as_ref(), Some(&value), "{text:?} is shown as {shown:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The texts that people and programs write for ids, times, amounts, rules and keys.
pub fn text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    shown_as_read::<Digest>(text);
    shown_as_read::<BlockHash>(text);
    shown_as_read::<EntryHash>(text);
    shown_as_read::<BallotHash>(text);
    shown_as_read::<ChainId>(text);
    shown_as_read::<Pseudonym>(text);
    shown_as_read::<ElectionId>(text);
    shown_as_read::<BallotCode>(text);
    shown_as_read::<PublicKey>(text);
    shown_as_read::<Timestamp>(text);
    shown_as_read::<Amount>(text);
    shown_as_read::<LeaderPolicy>(text);
    assert!(text.parse::<CountMethodId>().is_ok_and(|method| method.as_str() == text) || text.parse::<CountMethodId>().is_err());
    if let Ok(rule) = text.parse::<QuorumRule>() {
        assert!((1..=100).all(|n| rule.threshold(n).is_ok_and(|quorum| 2 * usize::from(quorum) > n) || rule.threshold(n).is_err()));
    }
    if let Ok(key) = text.parse::<SigningKey>() {
        assert!(!format!("{key:?}").contains(text.trim()), "a secret is shown");
    }
    for max in [0, 8, 4_096] {
        if check_line(text, max).is_ok() {
            assert!(check_paragraph(text, max).is_ok() && !text.contains(char::is_control) && text.len() <= max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ballot, definition};

    #[test]
    fn what_is_known_holds() {
        let known = known();
        let options = Options { genesis: Some(known.chain.genesis.digest()), ..Options::default() };
        for bytes in &known.bundles {
            assert_eq!(verify(bytes.as_slice(), &options).failure, None);
            bundle(bytes);
        }
        for (receipt, ballot) in known.receipts.iter().zip(&known.ballots) {
            receipt.verify(&known.chain.epochs(), Some(ballot)).unwrap();
        }
        assert!(!known.chain.handovers().is_empty());
        for (chain, proofs) in [(&known.chain, &known.proofs), (&known.sealed.chain, &known.sealed_proofs)] {
            assert!(!proofs.is_empty());
            proofs.iter().for_each(|one| assert!(one.verify(&chain.epochs()).is_ok()));
        }
        let election = definition(1, &["Ada", "Bob"]);
        let fresh = Entry::Cast(ballot(known.chain.chain(), &election, &key(5), &[1]));
        entry(fresh.to_bytes().as_slice());
    }
}
