//! Verified entries that wait for a block, in the order they came.
//!
//! An entry is *ready* when the finalized state would take it, *held* when it is refused for a reason
//! that a block still on its way may remove (a ballot that overtook its voter's certification), and
//! *refused* otherwise. Only ready entries count as work: every authority judges by the same
//! finalized state, so an idle cluster is idle everywhere.
//!
//! Entries of blocks that are not final yet stay here until they are, because such a block may be
//! skipped; the speculative state that a proposal is built on keeps them from being proposed twice.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use voting_core::crypto::PublicKey;
use voting_core::entry::{Entry, VerifiedEntry};
use voting_core::ids::{BlockHash, ElectionId, EntryHash};
use voting_core::state::{Applied, BlockDraft, LedgerState, Refusal};

/// Ready and held entries together: some 15 MB of ballots, several seconds of work.
pub const MAX_ENTRIES: usize = 50_000;
/// Held entries: only races produce them.
pub const MAX_HELD: usize = 5_000;
/// Changes of the authorities that wait at a time: one can take effect, and the others are refused then.
const MAX_CHANGES_WAITING: usize = 4;
/// How long an entry may be held: many times the time to finality.
pub const HOLD: Duration = Duration::from_millis(1_000);

/// A block and the state after it: what the next block builds on.
#[derive(Debug, Clone)]
pub struct Tip {
    /// Hash of the block; [`BlockHash::GENESIS`] before the first.
    pub hash: BlockHash,
    /// State after it.
    pub state: LedgerState,
}

/// What became of an entry on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Waits for a block.
    Ready,
    /// Waits for the state to catch up with it.
    Held,
    /// Was here already.
    Known,
    /// Is in the ledger already.
    Final,
    /// Will be in no block.
    Refused(Refusal),
    /// No room; whoever sent it will send it again.
    Full,
}

/// The mempool of one authority.
#[derive(Debug, Default)]
pub struct Mempool {
    entries: HashMap<EntryHash, Slot>,
    ready: BTreeMap<u64, Arc<VerifiedEntry>>,
    held: BTreeMap<u64, EntryHash>,
    by_voter: HashMap<(ElectionId, PublicKey), Vec<EntryHash>>,
    /// Authorities that wish to lead: one wish each, so that a liar takes no room.
    wishes: HashMap<PublicKey, EntryHash>,
    /// Authorities that contradicted themselves: one proof of each.
    accused: HashMap<(u32, PublicKey), EntryHash>,
    /// Changes of the authorities.
    changes: HashSet<EntryHash>,
    next: u64,
}

#[derive(Debug)]
struct Slot {
    entry: Arc<VerifiedEntry>,
    number: u64,
    held_until: Option<Duration>,
}

impl Mempool {
    /// Takes an entry in, judging by the finalized state. `now` is monotonic time.
    pub fn admit(&mut self, entry: Arc<VerifiedEntry>, tip: &Tip, now: Duration) -> Admission {
        if self.entries.contains_key(&entry.hash()) {
            return Admission::Known;
        }
        if tip.state.position_of(&entry).is_some() {
            return Admission::Final;
        }
        if self.entries.len() >= MAX_ENTRIES {
            return Admission::Full;
        }
        let held_until = match judge(&entry, tip) {
            Ok(()) => None,
            Err(refusal) if refusal.is_permanent() => return Admission::Refused(refusal),
            Err(_) if self.held.len() >= MAX_HELD => return Admission::Full,
            Err(_) => Some(now + HOLD),
        };
        if let Entry::Prefer(wish) = entry.entry() {
            if self.wishes.contains_key(&wish.content.authority) {
                return Admission::Full;
            }
            self.wishes.insert(wish.content.authority, entry.hash());
        }
        if let Entry::Accuse(accusation) = entry.entry() {
            let accused = (accusation.epoch, accusation.key);
            if self.accused.contains_key(&accused) {
                return Admission::Full;
            }
            self.accused.insert(accused, entry.hash());
        }
        if matches!(entry.entry(), Entry::Change(_)) {
            if self.changes.len() >= MAX_CHANGES_WAITING {
                return Admission::Full;
            }
            self.changes.insert(entry.hash());
        }
        let number = self.next;
        self.next += 1;
        if let Some(voter) = voter_of(&entry) {
            self.by_voter.entry(voter).or_default().push(entry.hash());
        }
        match held_until {
            None => drop(self.ready.insert(number, Arc::clone(&entry))),
            Some(_) => drop(self.held.insert(number, entry.hash())),
        }
        self.entries.insert(entry.hash(), Slot { entry, number, held_until });
        if held_until.is_some() { Admission::Held } else { Admission::Ready }
    }

    /// Whether some entry is ready for a block.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Number of entries ready for a block.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Number of entries, held ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A verified entry by hash, so that its signature need not be checked again.
    #[must_use]
    pub fn get(&self, hash: &EntryHash) -> Option<&Arc<VerifiedEntry>> {
        self.entries.get(hash).map(|slot| &slot.entry)
    }

    /// Whether an entry is here and can be in the next block, as far as can be told.
    #[must_use]
    pub fn is_ready(&self, hash: &EntryHash) -> bool {
        self.entries.get(hash).is_some_and(|slot| slot.held_until.is_none())
    }

    /// Puts entries into a draft, oldest first, as long as they fit. Returns them with what each did.
    pub fn fill(&self, draft: &mut BlockDraft, max_entries: usize, max_bytes: usize) -> (Vec<Arc<VerifiedEntry>>, Vec<Applied>) {
        let (mut chosen, mut effects, mut bytes) = (Vec::new(), Vec::new(), 0);
        for entry in self.ready.values() {
            let size = entry.bytes().as_slice().len();
            if chosen.len() >= max_entries || bytes + size > max_bytes {
                break;
            }
            if let Ok(applied) = draft.try_apply(entry) {
                bytes += size;
                chosen.push(Arc::clone(entry));
                effects.push(applied);
            }
        }
        (chosen, effects)
    }

    /// Forgets what a finalized block contains, and judges anew what the block may have decided:
    /// other ballots of its voters, every entry of an election an officer acted on, and what is held.
    /// Returns the entries that no later block can contain.
    pub fn finalized(&mut self, block: &[Arc<VerifiedEntry>], tip: &Tip, now: Duration) -> Vec<(EntryHash, Refusal)> {
        let mut suspects = Vec::new();
        for entry in block {
            self.remove(&entry.hash());
            match entry.entry() {
                Entry::Cast(_) | Entry::Challenge(_) => {
                    if let Some(others) = voter_of(entry).and_then(|voter| self.by_voter.get(&voter)) {
                        suspects.extend(others);
                    }
                }
                Entry::Act(_) | Entry::Certify(_) | Entry::Trustee(_) => {
                    let election = entry.entry().election();
                    let is_ballot = |entry: &VerifiedEntry| matches!(entry.entry(), Entry::Cast(_));
                    let acted = matches!(entry.entry(), Entry::Act(_));
                    let affected = self.ready.values().filter(|e| e.entry().election() == election && (acted || !is_ballot(e)));
                    suspects.extend(affected.map(|entry| entry.hash()));
                }
                Entry::Prefer(_) => suspects.extend(self.wishes.values()),
                Entry::Change(_) => suspects.extend(self.changes.iter().chain(self.wishes.values())),
                Entry::Accuse(_) => suspects.extend(self.accused.values()),
            }
        }
        let mut refused = self.judge_again(suspects, tip, now);
        refused.extend(self.expire(tip, now));
        refused
    }

    /// Judges held entries anew; those held for too long are refused for the reason they are held.
    pub fn expire(&mut self, tip: &Tip, now: Duration) -> Vec<(EntryHash, Refusal)> {
        let held: Vec<_> = self.held.values().copied().collect();
        self.judge_again(held, tip, now)
    }

    /// When the first held entry has been held for too long.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Duration> {
        self.held.values().next().and_then(|hash| self.entries.get(hash)?.held_until)
    }

    fn judge_again(&mut self, suspects: Vec<EntryHash>, tip: &Tip, now: Duration) -> Vec<(EntryHash, Refusal)> {
        let mut refused = Vec::new();
        for hash in suspects {
            let Some(slot) = self.entries.get_mut(&hash) else { continue };
            match judge(&slot.entry, tip) {
                Ok(()) => {
                    if slot.held_until.take().is_some() {
                        self.held.remove(&slot.number);
                        self.ready.insert(slot.number, Arc::clone(&slot.entry));
                    }
                }
                Err(refusal) if refusal.is_permanent() || slot.held_until.is_some_and(|until| until <= now) => {
                    self.remove(&hash);
                    refused.push((hash, refusal));
                }
                Err(_) => {
                    if slot.held_until.is_none() {
                        slot.held_until = Some(now + HOLD);
                        self.ready.remove(&slot.number);
                        self.held.insert(slot.number, hash);
                    }
                }
            }
        }
        refused
    }

    fn remove(&mut self, hash: &EntryHash) {
        let Some(slot) = self.entries.remove(hash) else { return };
        self.ready.remove(&slot.number);
        self.held.remove(&slot.number);
        match slot.entry.entry() {
            Entry::Prefer(wish) => drop(self.wishes.remove(&wish.content.authority)),
            Entry::Change(_) => drop(self.changes.remove(hash)),
            Entry::Accuse(accusation) => drop(self.accused.remove(&(accusation.epoch, accusation.key))),
            Entry::Act(_) | Entry::Certify(_) | Entry::Cast(_) | Entry::Trustee(_) | Entry::Challenge(_) => {}
        }
        if let Some(voter) = voter_of(&slot.entry)
            && let Some(others) = self.by_voter.get_mut(&voter)
        {
            others.retain(|other| other != hash);
            if others.is_empty() {
                self.by_voter.remove(&voter);
            }
        }
    }
}

/// Whether the next block after the tip could contain this entry.
fn judge(entry: &VerifiedEntry, tip: &Tip) -> Result<(), Refusal> {
    let state = &tip.state;
    if let Entry::Cast(signed) = entry.entry() {
        let election = signed.ballot.election;
        return state.election(election).ok_or(Refusal::UnknownElection { election })?.check_entry(entry);
    }
    match state.could_follow(tip.hash, entry) {
        // Time passes between the last block and the next; the proposer looks at its clock.
        Err(Refusal::TooEarly { .. }) => Ok(()),
        judged => judged,
    }
}

fn voter_of(entry: &VerifiedEntry) -> Option<(ElectionId, PublicKey)> {
    match entry.entry() {
        Entry::Cast(signed) => Some((signed.ballot.election, signed.ballot.voter)),
        Entry::Challenge(signed) => Some((signed.content.ballot.election, signed.content.ballot.voter)),
        Entry::Act(_) | Entry::Certify(_) | Entry::Prefer(_) | Entry::Change(_) | Entry::Accuse(_) | Entry::Trustee(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voting_core::election::{ElectionDefinition, Phase};
    use voting_core::entry::Act;
    use voting_core::ids::View;
    use voting_core::preference::PreferLeader;
    use voting_core::state::Place;
    use voting_core::testing::{TestChain, ballot, definition, key};

    const NOW: Duration = Duration::from_secs(1);

    fn tip(chain: &TestChain) -> Tip {
        Tip { hash: chain.head().map_or(BlockHash::GENESIS, |head| head.hash), state: chain.state.clone() }
    }

    fn verified(chain: &TestChain, entry: &Entry) -> Arc<VerifiedEntry> {
        Arc::new(VerifiedEntry::verify(entry.to_bytes(), chain.chain()).unwrap())
    }

    fn opened(voters: u64) -> (TestChain, ElectionDefinition) {
        let (mut chain, election) = (TestChain::new(4), definition(1, &["A", "B"]));
        chain.open_election(&election, voters).unwrap();
        (chain, election)
    }

    fn vote(chain: &TestChain, election: &ElectionDefinition, voter: u64, mark: u16) -> Entry {
        Entry::Cast(ballot(chain.chain(), election, &key(voter), &[mark]))
    }

    #[test]
    fn a_second_ballot_is_refused_once_the_first_is_final() {
        let (mut chain, election) = opened(2);
        let (first, second) = (vote(&chain, &election, 0, 0), vote(&chain, &election, 0, 1));
        let mut pool = Mempool::default();
        assert_eq!(pool.admit(verified(&chain, &first), &tip(&chain), NOW), Admission::Ready);
        assert_eq!(pool.admit(verified(&chain, &first), &tip(&chain), NOW), Admission::Known);
        assert_eq!(pool.admit(verified(&chain, &second), &tip(&chain), NOW), Admission::Ready, "not decided yet");

        let block = [verified(&chain, &first)];
        chain.append(std::slice::from_ref(&first)).unwrap();
        let refused = pool.finalized(&block, &tip(&chain), NOW);
        assert!(matches!(refused.as_slice(), [(hash, Refusal::AlreadyVoted { .. })] if *hash == second.to_bytes().hash()));
        assert!(pool.is_empty() && !pool.has_work());
        assert_eq!(pool.admit(verified(&chain, &first), &tip(&chain), NOW), Admission::Final);
    }

    #[test]
    fn a_ballot_that_overtook_its_certification_is_held_until_it_arrives() {
        let (mut chain, election) = (TestChain::new(4), definition(1, &["A", "B"]));
        let early = vote(&chain, &election, 0, 0);
        let mut pool = Mempool::default();
        assert_eq!(pool.admit(verified(&chain, &early), &tip(&chain), NOW), Admission::Held);
        assert!(!pool.has_work(), "held entries are no work");
        chain.open_election(&election, 1).unwrap();
        assert!(pool.finalized(&[], &tip(&chain), NOW).is_empty());
        assert!(pool.has_work());
    }

    #[test]
    fn a_held_ballot_is_refused_with_its_reason_in_the_end() {
        let (chain, election) = (TestChain::new(4), definition(1, &["A", "B"]));
        let mut pool = Mempool::default();
        pool.admit(verified(&chain, &vote(&chain, &election, 0, 0)), &tip(&chain), NOW);
        assert!(pool.expire(&tip(&chain), NOW).is_empty());
        assert_eq!(pool.next_expiry(), Some(NOW + HOLD));
        assert!(matches!(pool.expire(&tip(&chain), NOW + HOLD).as_slice(), [(_, Refusal::UnknownElection { .. })]));
    }

    #[test]
    fn closing_an_election_clears_its_ballots() {
        let (mut chain, election) = opened(2);
        let mut pool = Mempool::default();
        pool.admit(verified(&chain, &vote(&chain, &election, 0, 0)), &tip(&chain), NOW);
        let close = chain.act(election.id, Act::Advance { to: Phase::Closed });
        let block = [verified(&chain, &close)];
        chain.append(&[close]).unwrap();
        assert!(matches!(pool.finalized(&block, &tip(&chain), NOW).as_slice(), [(_, Refusal::Phase { phase: Phase::Closed, .. })]));
    }

    #[test]
    fn an_authority_has_one_wish_to_lead_at_a_time_and_none_in_vain() {
        let mut chain = TestChain::electing(4);
        let wish = |chain: &TestChain, who: usize, term, views| {
            let key = &chain.authorities[who];
            Entry::prefer(PreferLeader { chain: chain.chain(), term, views, authority: key.public() }, key)
        };
        let mut pool = Mempool::default();
        let first = wish(&chain, 0, 1, 10);
        assert_eq!(pool.admit(verified(&chain, &first), &tip(&chain), NOW), Admission::Ready);
        for views in 11..20 {
            assert_eq!(pool.admit(verified(&chain, &wish(&chain, 0, 1, views)), &tip(&chain), NOW), Admission::Full);
        }
        assert_eq!(pool.admit(verified(&chain, &wish(&chain, 1, 1, 10)), &tip(&chain), NOW), Admission::Ready, "of another");
        let place = Place {
            height: chain.state.height().next(),
            parent: BlockHash::GENESIS,
            timestamp: chain.state.timestamp().saturating_add(NOW),
            view: View(1),
        };
        let mut draft = chain.state.begin(place).unwrap();
        assert_eq!(pool.fill(&mut draft, 100, usize::MAX).0.len(), 1, "one of them can be the first");

        let block = [verified(&chain, &first)];
        chain.append(&[first]).unwrap();
        let refused = pool.finalized(&block, &tip(&chain), NOW);
        assert!(matches!(refused.as_slice(), [(_, Refusal::PreferenceTerm { actual: 1, expected: 2 })]), "{refused:?}");
        assert!(pool.is_empty());
        let next = verified(&chain, &wish(&chain, 0, 2, 10));
        assert_eq!(pool.admit(next, &tip(&chain), NOW), Admission::Held, "there is room again, but it is too soon");
        assert!(!pool.has_work(), "nobody is kept busy with it");
        assert!(matches!(pool.expire(&tip(&chain), NOW + HOLD).as_slice(), [(_, Refusal::PreferredTooSoon { .. })]));
        assert!(pool.is_empty() && pool.wishes.is_empty());
    }

    #[test]
    fn a_draft_is_filled_in_order_within_its_bounds_and_without_doubles() {
        let (chain, election) = opened(5);
        let mut pool = Mempool::default();
        for voter in 0..5 {
            pool.admit(verified(&chain, &vote(&chain, &election, voter, 0)), &tip(&chain), NOW);
            pool.admit(verified(&chain, &vote(&chain, &election, voter, 1)), &tip(&chain), NOW);
        }
        let place = Place {
            height: chain.state.height().next(),
            parent: chain.head().unwrap().hash,
            timestamp: chain.state.timestamp().saturating_add(NOW),
            view: View(chain.head().unwrap().view.0 + 1),
        };
        let mut draft = chain.state.begin(place).unwrap();
        assert_eq!(pool.fill(&mut draft, 3, usize::MAX).0.len(), 3);
        let mut draft = chain.state.begin(place).unwrap();
        assert_eq!(pool.fill(&mut draft, 100, usize::MAX).0.len(), 5, "one ballot per voter");
        let mut draft = chain.state.begin(place).unwrap();
        assert!(pool.fill(&mut draft, 100, 10).0.is_empty());
        assert_eq!(pool.ready(), 10, "a proposal takes nothing out");
    }
}
