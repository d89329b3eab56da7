//! Checks 1, 2, 5 to 9, 13 and 15: the chain block by block, and the election's entries replayed by the ledger's rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::recount::{Recount, Said};
use super::sealed::SealedNotes;
use super::{Check, Failure, KnownBlock, Location, Options, Progress, Runner};
use crate::ballot::Ballot;
use crate::block::{BlockHeader, EntryBytes, MAX_BLOCK_ENTRIES, Parent, finalizes, payload_root};
use crate::bundle::{BundleBlock, BundleItem, Opening};
use crate::certificate::{Certificate, CertificateError};
use crate::codec::Canonical;
use crate::crypto::{HashRng, PublicKey};
use crate::election::RevoteRule;
use crate::entry::{Entry, EntryError, VerifiedEntry};
use crate::epoch::change::Epochs;
use crate::ids::{BallotHash, ChainId, Digest, ElectionId, Height, Pseudonym};
use crate::sealed::{BallotRefusal, Part};
use crate::state::{LedgerState, Place, Refusal};

/// Signatures checked at a time: enough to keep many cores busy, few enough to wait for.
const BATCH_SIGNATURES: usize = 4_096;
/// Sealed ballots whose proofs are verified as one batch.
const SEALS_AT_ONCE: usize = 64;
/// Bytes of entries held back for a batch.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// A voter, noted independently of the state machine.
pub(super) struct Voter {
    pub(super) pseudonym: Pseudonym,
    pub(super) weight: u64,
    pub(super) counted: Option<Counted>,
}

/// The ballot of a voter that counts.
pub(super) struct Counted {
    pub(super) hash: BallotHash,
    pub(super) sequence: u32,
    /// What it says, kept as long as another may replace it; what the first ballot says is counted at once.
    pub(super) said: Option<Said>,
}

/// Counts of what was replayed.
#[derive(Default)]
pub(super) struct Replayed {
    pub(super) blocks: u64,
    pub(super) certificates: u64,
    pub(super) foreign: u64,
    pub(super) acts: u64,
    pub(super) certifications: u64,
    pub(super) ballots: u64,
    /// Entries of sealed elections: trustees' steps and tests of the seal.
    pub(super) sealed: u64,
}

/// The chain so far.
pub(super) struct Replay<'a> {
    pub(super) opening: Opening,
    pub(super) genesis: Digest,
    pub(super) chain: ChainId,
    pub(super) epochs: Epochs,
    pub(super) state: LedgerState,
    pub(super) counts: Replayed,
    /// Certificates signed, by authorities' keys.
    pub(super) signatures: BTreeMap<PublicKey, u64>,
    pub(super) voters: BTreeMap<PublicKey, Voter>,
    pub(super) sealed: SealedNotes,
    pub(super) recount: Recount,
    pub(super) first: Option<BlockHeader>,
    pub(super) last: Option<(BlockHeader, bool)>,
    known: &'a [KnownBlock],
    randomness: Option<[u8; 32]>,
    pending: Vec<Pending>,
    pending_signatures: usize,
    pending_bytes: usize,
}

/// A block whose structure holds, waiting for its signatures.
struct Pending {
    header: BlockHeader,
    certificate: Option<Certificate>,
    foreign: u64,
    own: Vec<(u32, EntryBytes)>,
    at: Location,
}

/// A signature, or the quorum of them in a certificate.
enum Job<'b> {
    Certificate(&'b Certificate, Height),
    Entry(&'b EntryBytes),
}

enum Verdict {
    Certificate(Result<(), CertificateError>),
    Entry(Box<Result<VerifiedEntry, EntryError>>),
}

impl<'a> Replay<'a> {
    pub(super) fn begin(opening: &Opening, options: &'a Options) -> Result<Self, Failure> {
        let genesis = &opening.genesis;
        let wrong = |reason: String| Failure::new(Check::Genesis, Location::START, reason);
        let digest = genesis.digest();
        if let Some(pinned) = options.genesis.filter(|pinned| *pinned != digest) {
            return Err(wrong(format!("the bundle's genesis has digest {digest}, expected was {pinned}")));
        }
        genesis.check().map_err(|error| wrong(error.to_string()))?;
        let epochs = Epochs::proved(genesis, opening.partition, &opening.handovers).map_err(|error| wrong(error.to_string()))?;
        let names: BTreeSet<_> = epochs.iter().flat_map(|(_, epoch)| &epoch.authorities).map(|authority| authority.key).collect();
        if opening.partition.0 >= genesis.partitions {
            return Err(wrong(format!("partition {} does not exist: there are {}", opening.partition, genesis.partitions)));
        }
        Ok(Self {
            chain: genesis.chain_id(opening.partition),
            genesis: digest,
            state: LedgerState::genesis(genesis, opening.partition),
            counts: Replayed::default(),
            signatures: names.into_iter().map(|key| (key, 0)).collect(),
            epochs,
            voters: BTreeMap::new(),
            sealed: SealedNotes::default(),
            recount: Recount::default(),
            randomness: options.randomness,
            first: None,
            last: None,
            known: &options.known,
            pending: Vec::new(),
            pending_signatures: 0,
            pending_bytes: 0,
            opening: opening.clone(),
        })
    }

    /// Checks what needs no signature and keeps the block for the next batch.
    pub(super) fn accept(&mut self, block: BundleBlock, byte: u64) -> Result<(), Failure> {
        let at = Location { byte, height: Some(block.header.height), entry: None };
        self.check_place(&block, at)?;
        let own = check_items(block.items, &block.header, self.first.is_none(), at)?;
        let BundleBlock { header, certificate, tail, .. } = BundleBlock { items: Vec::new(), ..block };
        if certificate.is_none() && (header.successor.is_some() || !tail.is_empty()) {
            return Err(Failure::new(Check::Certificates, at, "the last block of an epoch has no certificate"));
        }
        if let Some(certificate) = &certificate {
            if !finalizes(certificate, &header, &tail) {
                return Err(Failure::new(Check::Certificates, at, "the certificate does not finalize this block"));
            }
            self.pending_signatures += certificate.signatures.len();
        }
        if self.first.is_none() {
            self.state = LedgerState::replay(&self.opening.genesis, self.opening.partition, header.height, &self.epochs);
            self.first = Some(header.clone());
        }
        self.last = Some((header.clone(), certificate.is_some()));
        self.pending_signatures += own.len();
        self.pending_bytes += own.iter().map(|(_, bytes)| bytes.as_slice().len()).sum::<usize>();
        let foreign = if own.is_empty() { 0 } else { u64::from(header.entries) - own.len() as u64 };
        self.pending.push(Pending { header, certificate, foreign, own, at });
        Ok(())
    }

    fn check_place(&self, block: &BundleBlock, at: Location) -> Result<(), Failure> {
        let wrong = |reason: &str| Err(Failure::new(Check::Parents, at, reason));
        let header = &block.header;
        if header.chain != self.chain {
            return wrong("the block belongs to another network or partition");
        }
        if header.epoch != self.epochs.at(header.height).number {
            return wrong("the block belongs to another epoch");
        }
        let next = self.epochs.at(header.height.next());
        let successor = (next.number != header.epoch).then(|| next.digest());
        if header.successor != successor {
            return wrong("the block and the changes of the authorities listed do not agree on where an epoch ends");
        }
        match &self.last {
            Some((last, _)) if !header.follows(last) => return wrong("the block does not follow the one before it"),
            None if header.height == Height(0) => return wrong("a block cannot have height 0"),
            None if (header.height == Height(1)) != (header.parent == Parent::GENESIS) => {
                return wrong("height and parent contradict each other");
            }
            _ => {}
        }
        let hash = header.hash();
        if let Some(known) = self.known.iter().find(|known| known.height == header.height && known.hash != hash) {
            let reason = format!("the block has hash {hash}, known from elsewhere is {}", known.hash);
            return Err(Failure::new(Check::Extends, at, reason));
        }
        Ok(())
    }

    pub(super) fn batch_is_full(&self) -> bool {
        self.pending_signatures >= BATCH_SIGNATURES || self.pending_bytes >= BATCH_BYTES || self.pending.len() >= BATCH_SIGNATURES
    }

    /// Checks the signatures of the blocks held back, then replays them.
    pub(super) fn flush(&mut self, runner: &Runner<'_>) -> Result<(), Failure> {
        let pending = std::mem::take(&mut self.pending);
        (self.pending_signatures, self.pending_bytes) = (0, 0);
        let mut verdicts = run_jobs(&pending, &self.epochs, runner);
        let mut sealed = false;
        let mut done = 0;
        for block in &pending {
            if !sealed {
                sealed = self.check_seals(&verdicts[done..], runner);
            }
            let jobs = block.own.len() + usize::from(block.certificate.is_some());
            self.replay(block, &mut verdicts[done..done + jobs].iter_mut().map(Option::take))?;
            done += jobs;
        }
        let at = pending.last().map_or(Location::START, |block| block.at);
        self.recount_final(runner, at)
    }

    /// Verifies the proofs of sealed ballots wherever the runner likes, as soon as the key is known; whether it is. The verdicts
    /// are used when the ballots are replayed.
    fn check_seals(&self, verdicts: &[Option<Verdict>], runner: &Runner<'_>) -> bool {
        let election = self.state.election(self.opening.election);
        let Some(seal) = election.and_then(|election| election.sealed()?.seal()) else { return false };
        let entries: Vec<&VerifiedEntry> = verdicts
            .iter()
            .filter_map(|verdict| match verdict {
                Some(Verdict::Entry(entry)) => entry.as_ref().as_ref().ok(),
                _ => None,
            })
            .collect();
        let batches: Vec<_> = entries.chunks(SEALS_AT_ONCE).collect();
        runner(batches.len(), &|index| {
            let Some(batch) = batches.get(index) else { return };
            match &self.randomness {
                Some(seed) => {
                    let seed = [seed.as_slice(), &self.state.height().0.to_le_bytes(), &(index as u64).to_le_bytes()].concat();
                    VerifiedEntry::check_seals(batch, seal.verifier(), &mut HashRng::new(&seed));
                }
                None => batch.iter().for_each(|entry| entry.check_seal(seal.verifier())),
            }
        });
        true
    }

    fn replay(&mut self, block: &Pending, verdicts: &mut impl Iterator<Item = Option<Verdict>>) -> Result<(), Failure> {
        if let Some(certificate) = &block.certificate {
            let verdict = match verdicts.next() {
                Some(Some(Verdict::Certificate(verdict))) => verdict,
                _ => return Err(Failure::new(Check::Certificates, block.at, "the certificate was not checked")),
            };
            verdict.map_err(|error| Failure::new(Check::Certificates, block.at, error))?;
            let epoch = self.epochs.at(block.header.height);
            for (authority, _) in &certificate.signatures {
                if let Some(count) = epoch.authority(*authority).and_then(|author| self.signatures.get_mut(&author.key)) {
                    *count += 1;
                }
            }
            self.counts.certificates += 1;
        }
        let header = &block.header;
        let mut draft = self.state.begin(Place::of(header)).map_err(|error| Failure::new(Check::Parents, block.at, error))?;
        for (index, bytes) in &block.own {
            let at = block.at.entry(*index);
            let verdict = match verdicts.next() {
                Some(Some(Verdict::Entry(verdict))) => *verdict,
                _ => return Err(Failure::new(Check::Signatures, at, "the signature was not checked")),
            };
            let entry = verdict.map_err(|error| Failure::new(check_of_error(&error), at, error))?;
            if entry.bytes() != bytes || entry.entry().election() != Some(self.opening.election) {
                return Err(Failure::new(Check::Entries, at, "the entry belongs to another election"));
            }
            draft.skip_to(*index);
            draft.try_apply(&entry).map_err(|refusal| Failure::new(check_of(&entry, &refusal), at, refusal))?;
            if let Some(election) = draft.election(self.opening.election) {
                let epoch = self.epochs.at(header.height);
                let revote = election.definition().revote;
                let final_one = note(&mut self.voters, &mut self.counts, entry.entry(), revote);
                self.recount.waiting.extend(final_one);
                self.sealed.note(entry.entry(), election, &self.voters, epoch);
            }
        }
        self.state = draft.finish();
        self.counts.blocks += 1;
        self.counts.foreign += block.foreign;
        Ok(())
    }

    /// Counts the ballots that nothing can replace, so that they need not be remembered.
    fn recount_final(&mut self, runner: &Runner<'_>, at: Location) -> Result<(), Failure> {
        let waiting = std::mem::take(&mut self.recount.waiting);
        let Some(election) = self.state.election(self.opening.election).filter(|_| !waiting.is_empty()) else { return Ok(()) };
        self.recount.add(waiting.iter().map(|(weight, said)| (*weight, said)), election, runner, at)
    }

    pub(super) fn progress(&self, bytes: u64) -> Progress {
        let Replayed { blocks, acts, certifications, ballots, sealed, .. } = self.counts;
        Progress { bytes, blocks, entries: acts + certifications + ballots + sealed }
    }

    pub(super) const fn election(&self) -> ElectionId {
        self.opening.election
    }
}

/// Checks the entries listed against the header, and returns the election's own.
fn check_items(items: Vec<BundleItem>, header: &BlockHeader, first: bool, at: Location) -> Result<Vec<(u32, EntryBytes)>, Failure> {
    let wrong = |reason: String| Err(Failure::new(Check::Entries, at, reason));
    if items.is_empty() {
        return if first { wrong("the first block has no entry of this election".to_owned()) } else { Ok(Vec::new()) };
    }
    if items.len() > MAX_BLOCK_ENTRIES || items.len() != header.entries as usize {
        return wrong(format!("{} entries are listed, the header says {}", items.len(), header.entries));
    }
    let hashes: Vec<_> = items.iter().map(BundleItem::hash).collect();
    if payload_root(&hashes) != header.payload_root {
        return wrong("the entries do not hash to the header's payload root".to_owned());
    }
    let own = (0..).zip(items).filter_map(|(index, item)| match item {
        BundleItem::Own(bytes) => Some((index, bytes)),
        BundleItem::Foreign(_) => None,
    });
    let own: Vec<_> = own.collect();
    if own.is_empty() {
        return wrong("entries are listed although none is of this election".to_owned());
    }
    Ok(own)
}

/// Checks certificates and entries wherever the runner likes; verdicts are in the order of the blocks.
fn run_jobs(pending: &[Pending], epochs: &Epochs, runner: &Runner<'_>) -> Vec<Option<Verdict>> {
    let jobs: Vec<_> = pending
        .iter()
        .flat_map(|block| {
            let entries = block.own.iter().map(|(_, bytes)| Job::Entry(bytes));
            block.certificate.iter().map(|certificate| Job::Certificate(certificate, block.header.height)).chain(entries)
        })
        .collect();
    let verdicts: Vec<OnceLock<Verdict>> = jobs.iter().map(|_| OnceLock::new()).collect();
    runner(jobs.len(), &|index| {
        if let (Some(job), Some(verdict)) = (jobs.get(index), verdicts.get(index)) {
            verdict.get_or_init(|| match job {
                Job::Certificate(certificate, height) => {
                    Verdict::Certificate(certificate.verify(epochs.chain(), epochs.at(*height)))
                }
                Job::Entry(bytes) => Verdict::Entry(Box::new(VerifiedEntry::verify((*bytes).clone(), epochs.chain()))),
            });
        }
    });
    verdicts.into_iter().map(OnceLock::into_inner).collect()
}

/// Notes voters and ballots without asking the state machine, for the recount; a ballot that counts and that nothing can replace
/// is returned.
fn note(voters: &mut BTreeMap<PublicKey, Voter>, counts: &mut Replayed, entry: &Entry, revote: RevoteRule) -> Option<(u64, Said)> {
    match entry {
        Entry::Act(_) => counts.acts += 1,
        Entry::Certify(signed) => {
            counts.certifications += 1;
            for voter in &signed.content.voters {
                voters.insert(voter.key, Voter { pseudonym: voter.pseudonym, weight: voter.weight, counted: None });
            }
        }
        Entry::Cast(signed) => {
            counts.ballots += 1;
            let ballot: &Ballot = &signed.ballot;
            if let Some(voter) = voters.get_mut(&ballot.voter) {
                let replaces = match &voter.counted {
                    None => true,
                    Some(counted) => revote == RevoteRule::LastCounts && ballot.sequence > counted.sequence,
                };
                if replaces {
                    let (said, is_final) = (Said::of(ballot), revote == RevoteRule::FirstCounts);
                    let (kept, counted) = if is_final { (None, Some((voter.weight, said))) } else { (Some(said), None) };
                    voter.counted = Some(Counted { hash: ballot.hash(), sequence: ballot.sequence, said: kept });
                    return counted;
                }
            }
        }
        Entry::Trustee(_) | Entry::Challenge(_) => counts.sealed += 1,
        Entry::Prefer(_) | Entry::Change(_) | Entry::Accuse(_) => {} // of no election, and not listed as one's own
    }
    None
}

/// The check that an entry fails which is refused whatever the state.
const fn check_of_error(error: &EntryError) -> Check {
    match error {
        EntryError::Decode(_) => Check::Entries,
        EntryError::Signature(_) | EntryError::Chain(_) => Check::Signatures,
    }
}

/// The check that an entry fails which the state machine refuses.
const fn check_of(entry: &VerifiedEntry, refusal: &Refusal) -> Check {
    match (entry.entry(), refusal) {
        (_, Refusal::Report { .. }) => Check::Recount,
        (_, Refusal::Ceremony(_) | Refusal::CeremonyUnfinished { .. } | Refusal::NotATrustee { .. }) => Check::Ceremony,
        (_, Refusal::Sealed(BallotRefusal::Proof { part: Part::Limit, .. })) => Check::Limits,
        (_, Refusal::Sealed(BallotRefusal::Proof { .. } | BallotRefusal::Point { .. } | BallotRefusal::Form { .. })) => {
            Check::Ranges
        }
        (_, Refusal::CiphertextSeen { .. }) => Check::UniqueBallots,
        (_, Refusal::Part(_) | Refusal::Decryption(_) | Refusal::Decrypted { .. } | Refusal::NotDecrypted { .. }) => {
            Check::Decryptions
        }
        (Entry::Challenge(_), _) | (_, Refusal::Voided { .. }) => Check::Challenges,
        (Entry::Act(_), _) => Check::LifeCycle,
        (Entry::Certify(_), _) | (_, Refusal::NotCertified { .. }) => Check::VoterKeys,
        (_, Refusal::Duplicate { .. }) => Check::UniqueBallots,
        (Entry::Trustee(_), Refusal::Phase { .. } | Refusal::UnknownElection { .. }) => Check::LifeCycle,
        (_, Refusal::Phase { .. } | Refusal::UnknownElection { .. }) => Check::Window,
        (_, Refusal::AlreadyVoted { .. } | Refusal::BallotSequence { .. } | Refusal::ZeroSequence) => Check::Sequence,
        (_, Refusal::Tally(_) | Refusal::Sum(_)) => Check::Totals,
        (Entry::Trustee(_), _) => Check::LifeCycle,
        (Entry::Cast(_), _) => Check::Selections,
        (Entry::Prefer(_) | Entry::Change(_) | Entry::Accuse(_), _) => Check::Entries,
    }
}
