//! The codec of every canonical type: what is encoded decodes to itself, and whatever decodes is the one encoding of its
//! value. Bytes from outside, damaged or invented, never panic and never make the decoder take memory that they only claim.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use voting_core::ballot::{Ballot, Selection, SignedBallot};
use voting_core::block::{Block, BlockHeader, EntryBytes, FinalizedBlock, Parent};
use voting_core::bundle::{BundleBlock, BundleItem, Closing, Manifest, Opening, PathStep};
use voting_core::certificate::{Certificate, Statement, Vote};
use voting_core::codec::{Canonical, DecodeError};
use voting_core::count::{Amount, Verdict};
use voting_core::crypto::{InclusionProof, PublicKey, Signature};
use voting_core::election::{
    Contest, ContestOption, CountMethodId, ElectionDefinition, Majority, Phase, ResultVisibility, RevoteRule, Secrecy, Thresholds,
    Timing,
};
use voting_core::entry::{Act, Certification, CertifiedVoter, Entry, OfficerAct, Signed};
use voting_core::epoch::change::{ApprovedChange, EpochChange, Handover};
use voting_core::epoch::{Authority, Epoch, Genesis, LeaderPolicy, Officer, Timers};
use voting_core::evidence::{Accusation, Evidence};
use voting_core::ids::{
    AuthorityIndex, BallotHash, BlockHash, ChainId, Digest, ElectionId, EntryHash, Height, PartitionId, Pseudonym, View,
};
use voting_core::preference::{PreferLeader, Preference};
use voting_core::ranking::Ranking;
use voting_core::receipt::Receipt;
use voting_core::state::Position;
use voting_core::tally::{ContestReport, Counts, ElectionReport, OptionResult};
use voting_core::time::Timestamp;

// Values of every kind, also those that no rule accepts: the codec knows bytes, not rules.

fn bytes32() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn digest() -> impl Strategy<Value = Digest> {
    bytes32().prop_map(Digest)
}

fn signature() -> impl Strategy<Value = Signature> {
    (bytes32(), bytes32()).prop_map(|(r, s)| Signature([r, s].concat().try_into().unwrap()))
}

fn key() -> impl Strategy<Value = PublicKey> {
    bytes32().prop_map(PublicKey)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..=Timestamp::MAX.as_millis()).prop_map(|millis| Timestamp::from_millis(millis).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..12).prop_map(|characters| characters.into_iter().collect())
}

fn phase() -> impl Strategy<Value = Phase> {
    use Phase::*;
    prop::sample::select(vec![Draft, Ready, Scheduled, Open, Closed, Tallied, Published, Cancelled])
}

fn method() -> impl Strategy<Value = CountMethodId> {
    prop::sample::select(CountMethodId::ALL.to_vec())
}

fn majority() -> impl Strategy<Value = Majority> {
    prop::sample::select(vec![Majority::MostVotes, Majority::Simple, Majority::TwoThirds, Majority::Absolute])
}

fn epoch() -> impl Strategy<Value = Epoch> {
    let leader = prop_oneof![
        Just(LeaderPolicy::Fixed),
        Just(LeaderPolicy::Elected),
        any::<u32>().prop_map(|term| LeaderPolicy::RoundRobin { term })
    ];
    let authority = (text(), key()).prop_map(|(name, key)| Authority { name, key });
    (any::<u32>(), vec(authority, 0..5), any::<u16>(), leader, any::<[u32; 4]>()).prop_map(
        |(number, authorities, quorum, leader, [leader_timeout_ms, view_timeout_ms, timeout_ms_max, standstill_ms])| Epoch {
            number,
            authorities,
            quorum,
            leader,
            timers: Timers { leader_timeout_ms, view_timeout_ms, timeout_ms_max, standstill_ms },
        },
    )
}

fn genesis() -> impl Strategy<Value = Genesis> {
    let officer = (text(), key()).prop_map(|(name, key)| Officer { name, key });
    (text(), time(), epoch(), vec(officer, 0..4), any::<u16>())
        .prop_map(|(network, founded_at, epoch, officers, partitions)| Genesis { network, founded_at, epoch, officers, partitions })
}

fn contest() -> impl Strategy<Value = Contest> {
    let option = (text(), text()).prop_map(|(name, description)| ContestOption { name, description });
    let thresholds = (majority(), any::<u8>()).prop_map(|(majority, quorum_percent)| Thresholds { majority, quorum_percent });
    let limits = (any::<[u16; 4]>(), any::<bool>(), thresholds, vec(any::<u16>(), 0..3));
    (text(), method(), limits, vec(option, 0..5)).prop_map(
        |(title, method, ([seats, min, max, max_score], allow_blank, thresholds, withdrawn), options)| Contest {
            title,
            method,
            seats,
            min,
            max,
            allow_blank,
            max_score,
            thresholds,
            withdrawn,
            options,
        },
    )
}

fn definition() -> impl Strategy<Value = ElectionDefinition> {
    let rules = (
        prop::sample::select(vec![Timing::Fixed, Timing::Officer]),
        prop::sample::select(vec![RevoteRule::FirstCounts, RevoteRule::LastCounts]),
        prop::sample::select(vec![ResultVisibility::Voters, ResultVisibility::Public]),
    );
    (any::<[u8; 16]>(), [text(), text(), text()], vec(contest(), 0..3), (time(), time()), rules, key()).prop_map(
        |(id, [title, description, created_by], contests, (opens_at, closes_at), (timing, revote, results), registrar)| {
            ElectionDefinition {
                id: ElectionId(id),
                title,
                description,
                contests,
                opens_at,
                closes_at,
                timing,
                revote,
                secrecy: Secrecy::Open,
                results,
                registrar,
                created_by,
            }
        },
    )
}

fn officer_act() -> impl Strategy<Value = OfficerAct> {
    let act = prop_oneof![
        definition().prop_map(Act::Define),
        any::<u64>().prop_map(|size| Act::SetRoll { size }),
        phase().prop_map(|to| Act::Advance { to }),
        digest().prop_map(|report| Act::Tally { report }),
        text().prop_map(|reason| Act::Cancel { reason }),
    ];
    (bytes32(), any::<[u8; 16]>(), any::<u32>(), act, key()).prop_map(|(chain, election, sequence, act, officer)| OfficerAct {
        chain: ChainId(chain),
        election: ElectionId(election),
        sequence,
        act,
        officer,
    })
}

fn certification() -> impl Strategy<Value = Certification> {
    let voter = (bytes32(), key(), any::<u64>());
    let voter = voter.prop_map(|(pseudonym, key, weight)| CertifiedVoter { pseudonym: Pseudonym(pseudonym), key, weight });
    (bytes32(), any::<[u8; 16]>(), vec(voter, 0..5), key()).prop_map(|(chain, election, voters, registrar)| Certification {
        chain: ChainId(chain),
        election: ElectionId(election),
        voters,
        registrar,
    })
}

fn ballot() -> impl Strategy<Value = Ballot> {
    let tiers = vec(vec(0u16..1000, 0..3), 0..5);
    let selection = prop_oneof![
        Just(Selection::Blank),
        vec(any::<u16>(), 0..6).prop_map(Selection::Marks),
        vec(any::<(u16, u16)>(), 0..6).prop_map(Selection::Scores),
        tiers.prop_map(|tiers| Selection::Ranking(Ranking::from_tiers(tiers))),
    ];
    (any::<[u8; 16]>(), digest(), key(), any::<u32>(), vec(selection, 0..4)).prop_map(
        |(election, context, voter, sequence, selections)| Ballot {
            election: ElectionId(election),
            context,
            voter,
            sequence,
            selections,
        },
    )
}

fn signed_ballot() -> impl Strategy<Value = SignedBallot> {
    (ballot(), signature()).prop_map(|(ballot, signature)| SignedBallot { ballot, signature })
}

fn wish() -> impl Strategy<Value = PreferLeader> {
    (bytes32(), any::<[u32; 2]>(), key()).prop_map(|(chain, [term, views], authority)| PreferLeader {
        chain: ChainId(chain),
        term,
        views,
        authority,
    })
}

fn preference() -> impl Strategy<Value = Preference> {
    (any::<u32>(), any::<u16>(), any::<[u64; 3]>(), time()).prop_map(|(term, leader, [since, height, until], at)| Preference {
        term,
        leader: AuthorityIndex(leader),
        since: View(since),
        height: Height(height),
        at,
        until: View(until),
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        (officer_act(), signature()).prop_map(|(content, signature)| Entry::Act(Signed { content, signature })),
        (certification(), signature()).prop_map(|(content, signature)| Entry::Certify(Signed { content, signature })),
        signed_ballot().prop_map(Entry::Cast),
        (wish(), signature()).prop_map(|(content, signature)| Entry::Prefer(Signed { content, signature })),
        approved_change().prop_map(Entry::Change),
        accusation().prop_map(Entry::Accuse),
    ]
}

fn header() -> impl Strategy<Value = BlockHeader> {
    let hashes = (bytes32(), bytes32(), digest(), digest());
    let rest = (time(), prop::option::of(preference()), prop::option::of(digest()));
    (hashes, any::<[u32; 2]>(), any::<[u64; 3]>(), rest).prop_map(
        |(
            (chain, parent, payload_root, state_root),
            [epoch, entries],
            [view, height, parent_view],
            (timestamp, preference, successor),
        )| {
            BlockHeader {
                chain: ChainId(chain),
                epoch,
                view: View(view),
                height: Height(height),
                parent: Parent { view: View(parent_view), hash: BlockHash(parent) },
                payload_root,
                entries,
                state_root,
                timestamp,
                preference,
                successor,
            }
        },
    )
}

/// Bytes that need not be an entry: a block does not look into them.
fn entry_bytes() -> impl Strategy<Value = EntryBytes> {
    vec(any::<u8>(), 0..40).prop_map(EntryBytes::new)
}

fn block() -> impl Strategy<Value = Block> {
    (header(), vec(entry_bytes(), 0..5)).prop_map(|(header, entries)| Block { header, entries })
}

fn certificate() -> impl Strategy<Value = Certificate> {
    let view_and_block = || (any::<u64>().prop_map(View), bytes32().prop_map(BlockHash));
    let statement = prop_oneof![
        view_and_block().prop_map(|(view, block)| Statement::Notarize { view, block }),
        any::<u64>().prop_map(|view| Statement::Skip { view: View(view) }),
        view_and_block().prop_map(|(view, block)| Statement::Finalize { view, block }),
    ];
    let signature = (any::<u16>().prop_map(AuthorityIndex), signature());
    (statement, vec(signature, 0..5)).prop_map(|(statement, signatures)| Certificate { statement, signatures })
}

fn finalized_block() -> impl Strategy<Value = FinalizedBlock> {
    (block(), prop::option::of(certificate()), vec(header(), 0..3)).prop_map(|(block, certificate, tail)| FinalizedBlock {
        block,
        certificate,
        tail,
    })
}

fn epoch_change() -> impl Strategy<Value = EpochChange> {
    (bytes32(), epoch()).prop_map(|(chain, epoch)| EpochChange { chain: ChainId(chain), epoch })
}

fn approved_change() -> impl Strategy<Value = ApprovedChange> {
    (epoch_change(), vec((key(), signature()), 0..4)).prop_map(|(content, approvals)| ApprovedChange { content, approvals })
}

fn accusation() -> impl Strategy<Value = Accusation> {
    let vote = || {
        let statement = prop_oneof![
            any::<u64>().prop_map(|view| Statement::Skip { view: View(view) }),
            (any::<u64>(), bytes32()).prop_map(|(view, block)| Statement::Finalize { view: View(view), block: BlockHash(block) }),
        ];
        (statement, any::<u16>(), signature()).prop_map(|(statement, authority, signature)| Vote {
            statement,
            authority: AuthorityIndex(authority),
            signature,
        })
    };
    // Evidence is checked where it is used: its bytes can be any two votes.
    let evidence = (vote(), vote()).prop_map(|votes| borsh::from_slice(&borsh::to_vec(&votes).unwrap()).unwrap());
    (bytes32(), any::<u32>(), key(), evidence).prop_map(|(chain, epoch, key, evidence): (_, _, _, Evidence)| Accusation {
        chain: ChainId(chain),
        epoch,
        key,
        evidence,
    })
}

fn handover() -> impl Strategy<Value = Handover> {
    (epoch(), vec(header(), 0..3), certificate()).prop_map(|(epoch, headers, certificate)| Handover { epoch, headers, certificate })
}

fn receipt() -> impl Strategy<Value = Receipt> {
    let ids = (any::<[u8; 16]>(), bytes32(), bytes32());
    let proof = (any::<[u64; 2]>(), vec(digest(), 0..5));
    let proof = proof.prop_map(|([index, size], hashes)| InclusionProof { index, size, hashes });
    (ids, (any::<u64>(), any::<u32>()), proof, vec(header(), 0..4), certificate()).prop_map(
        |((election, ballot, entry), (height, index), proof, headers, certificate)| Receipt {
            election: ElectionId(election),
            ballot: BallotHash(ballot),
            entry: EntryHash(entry),
            position: Position { height: Height(height), index },
            proof,
            headers,
            certificate,
        },
    )
}

fn report() -> impl Strategy<Value = ElectionReport> {
    let total = (any::<u128>(), any::<u8>()).prop_map(|(units, decimals)| Amount { units, decimals });
    let line = (any::<u16>(), text(), any::<u64>(), total, any::<u16>());
    let line = line.prop_map(|(option, name, votes, total, seats)| OptionResult { option, name, votes, total, seats });
    let counts = any::<[u64; 6]>().prop_map(|[ballots, weight, blank, undervotes, overvotes, rankings]| Counts {
        ballots,
        weight,
        blank,
        undervotes,
        overvotes,
        rankings,
    });
    let verdict = (prop::option::of(any::<u128>()), any::<u64>(), any::<u64>());
    let verdict = verdict.prop_map(|(needed, quorum, ballots)| Verdict { needed, quorum, ballots });
    let verdict = prop::option::of(verdict);
    let contest = (text(), method(), any::<u16>(), vec(line, 0..5), counts, vec(any::<u16>(), 0..4), verdict).prop_map(
        |(title, method, seats, options, counts, decided_by_lot, verdict)| ContestReport {
            title,
            method,
            seats,
            options,
            counts,
            decided_by_lot,
            verdict,
        },
    );
    (any::<[u8; 16]>(), digest(), vec(contest, 0..3)).prop_map(|(election, seed, contests)| ElectionReport {
        election: ElectionId(election),
        seed,
        contests,
    })
}

fn opening() -> impl Strategy<Value = Opening> {
    (genesis(), any::<u16>(), vec(handover(), 0..3), any::<[u8; 16]>()).prop_map(|(genesis, partition, handovers, election)| {
        Opening { genesis, partition: PartitionId(partition), handovers, election: ElectionId(election) }
    })
}

fn bundle_block() -> impl Strategy<Value = BundleBlock> {
    let item =
        prop_oneof![bytes32().prop_map(|hash| BundleItem::Foreign(EntryHash(hash))), entry_bytes().prop_map(BundleItem::Own)];
    let finality = (prop::option::of(certificate()), vec(header(), 0..3));
    (header(), finality, vec(item, 0..5)).prop_map(|(header, (certificate, tail), items)| BundleBlock {
        header,
        certificate,
        tail,
        items,
    })
}

fn closing() -> impl Strategy<Value = Closing> {
    let step = prop_oneof![digest().prop_map(PathStep::Left), digest().prop_map(PathStep::Right)];
    // A path is made by the library alone; from outside it comes as bytes or as JSON.
    let path = vec(step, 0..5).prop_map(|steps| serde_json::from_value(serde_json::to_value(steps).unwrap()).unwrap());
    (any::<[u64; 9]>(), phase(), path, prop::option::of(report())).prop_map(|(counts, phase, path, report)| {
        let [blocks, certificates, foreign, acts, certifications, ballots, roll_size, certified, voted] = counts;
        let manifest =
            Manifest { blocks, certificates, foreign, acts, certifications, ballots, roll_size, certified, voted, phase };
        Closing { manifest, path, report }
    })
}

/// What happens to bytes on their way.
#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Put(Index, u8),
    Cut(Index),
    Append(Vec<u8>),
    Insert(Index, u8),
    Remove(Index),
    Claim(Index, u32),
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        4 => (index(), 0u8..8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        2 => (index(), any::<u8>()).prop_map(|(at, byte)| Damage::Put(at, byte)),
        1 => index().prop_map(Damage::Cut),
        1 => vec(any::<u8>(), 1..40).prop_map(Damage::Append),
        1 => (index(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => index().prop_map(Damage::Remove),
        1 => (index(), any::<u32>()).prop_map(|(at, claim)| Damage::Claim(at, claim)),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Self::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Self::Put(at, byte) => bytes[at.index(length)] = *byte,
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Append(more) => bytes.extend(more),
            Self::Insert(at, byte) => bytes.insert(at.index(length), *byte),
            Self::Remove(at) => drop(bytes.splice(at.index(length)..=at.index(length), [])),
            Self::Claim(at, claim) => write_claim(bytes, at.index(length), *claim),
        }
    }
}

fn write_claim(bytes: &mut [u8], at: usize, claim: u32) {
    bytes.iter_mut().skip(at).zip(claim.to_le_bytes()).for_each(|(byte, part)| *byte = part);
}

/// Bytes either decode to a value whose only encoding they are, or are refused; with and without the library's own comparison.
fn one_spelling<T: Canonical + Debug>(bytes: &[u8]) -> Result<(), TestCaseError> {
    let strict = T::from_canonical(bytes);
    let plain = T::try_from_slice(bytes);
    if let Ok(value) = &plain {
        prop_assert_eq!(borsh::to_vec(value).unwrap(), bytes, "a second spelling of {:?}", value);
    }
    prop_assert_eq!(strict.is_ok(), plain.is_ok() && bytes.len() <= T::MAX_BYTES);
    if let Ok(value) = strict {
        prop_assert_eq!(value.to_canonical(), bytes);
    }
    Ok(())
}

fn returns<T: Canonical + PartialEq + Debug>(value: &T) -> Result<(), TestCaseError> {
    let bytes = value.to_canonical();
    prop_assert!(bytes.len() <= T::MAX_BYTES, "the generator stays within the bound");
    let decoded = T::from_canonical(&bytes);
    prop_assert_eq!(decoded.as_ref(), Ok(value));
    let tagged = value.to_tagged();
    let (tag, content) = tagged.split_at(1 + T::TAG.len());
    prop_assert_eq!((usize::from(tag[0]), &tag[1..], content), (T::TAG.len(), T::TAG.as_bytes(), bytes.as_slice()));
    Ok(())
}

/// One value of a type, for tests that need bytes to start from.
fn sample<T: Debug>(strategy: impl Strategy<Value = T>) -> T {
    strategy.new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

macro_rules! codec {
    ($($name:ident: $type:ty),+ $(,)?) => {
        mod encoded_values_return {
            use super::*;
            proptest! {
                $(#[test] fn $name(value in super::$name()) { returns::<$type>(&value)?; })+
            }
        }

        mod damaged_bytes_have_one_spelling {
            use super::*;
            proptest! {
                #![proptest_config(ProptestConfig::with_cases(512))]
                $(#[test] fn $name(value in super::$name(), damages in vec(damage(), 1..4)) {
                    let mut bytes = value.to_canonical();
                    damages.iter().for_each(|damage| damage.apply(&mut bytes));
                    one_spelling::<$type>(&bytes)?;
                })+
            }
        }

        mod nothing_may_follow {
            use super::*;
            proptest! {
                #![proptest_config(ProptestConfig::with_cases(64))]
                $(#[test] fn $name(value in super::$name(), more in vec(any::<u8>(), 1..9), cut in any::<Index>()) {
                    let bytes = value.to_canonical();
                    prop_assert!(<$type>::from_canonical(&bytes[..cut.index(bytes.len())]).is_err());
                    prop_assert!(<$type>::from_canonical(&[bytes, more].concat()).is_err());
                })+
            }
        }

        mod invented_bytes_have_one_spelling {
            use super::*;
            proptest! {
                $(#[test] fn $name(bytes in vec(prop_oneof![3 => Just(0u8), 1 => Just(1u8), 1 => any::<u8>()], 0..700)) {
                    one_spelling::<$type>(&bytes)?;
                })+
            }
        }

        #[test]
        fn too_many_bytes_are_refused_before_anything_else() {
            $(
                let refused = <$type>::from_canonical(&vec![0; <$type>::MAX_BYTES + 1]).unwrap_err();
                let (what, actual, max) = (<$type>::TAG, <$type>::MAX_BYTES + 1, <$type>::MAX_BYTES);
                assert_eq!(refused, DecodeError::TooLong { what, actual, max });
            )+
        }

        #[test]
        fn tags_are_of_one_type_each() {
            let mut tags = vec![$(<$type>::TAG),+];
            assert!(tags.iter().all(|tag| tag.starts_with("voting/") && tag.ends_with("/v1") && tag.is_ascii()));
            let all = tags.len();
            tags.sort_unstable();
            tags.dedup();
            assert_eq!(tags.len(), all);
        }

        /// Length and count fields stand somewhere in the bytes; every place gets a claim of four thousand million.
        #[cfg(target_os = "linux")]
        #[test]
        fn claims_take_no_memory() {
            let before = address_space_peak_kib();
            $(
                let bytes = sample($name()).to_canonical();
                for at in 0..bytes.len() {
                    let mut claimed = bytes.clone();
                    write_claim(&mut claimed, at, u32::MAX);
                    one_spelling::<$type>(&claimed).unwrap();
                }
            )+
            let grown = address_space_peak_kib() - before;
            assert!(grown < CLAIM_GROWTH_KIB_MAX, "decoding small inputs took {grown} KiB of address space");
        }
    };
}

/// Far below what one claim of u32::MAX bytes would take, far above what the allocator sets aside for the test's threads.
#[cfg(target_os = "linux")]
const CLAIM_GROWTH_KIB_MAX: u64 = 1024 * 1024;

/// The most address space this process ever had. Memory that is claimed but never touched counts too.
#[cfg(target_os = "linux")]
fn address_space_peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmPeak:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

codec! {
    genesis: Genesis,
    definition: ElectionDefinition,
    officer_act: OfficerAct,
    certification: Certification,
    ballot: Ballot,
    signed_ballot: SignedBallot,
    entry: Entry,
    header: BlockHeader,
    block: Block,
    finalized_block: FinalizedBlock,
    certificate: Certificate,
    epoch: Epoch,
    epoch_change: EpochChange,
    handover: Handover,
    accusation: Accusation,
    receipt: Receipt,
    report: ElectionReport,
    opening: Opening,
    bundle_block: BundleBlock,
    closing: Closing,
}

#[test]
fn second_spellings_are_refused() {
    let mut value = sample(finalized_block());
    value.certificate = None;
    value.tail.clear();
    let bytes = value.to_canonical();
    assert!(FinalizedBlock::from_canonical(&bytes).is_ok());
    for option in 1..=u8::MAX {
        let mut spelled = bytes.clone();
        let absent = spelled.len() - 5; // the byte of the absent certificate, before the length of the empty tail
        spelled[absent] = option;
        assert!(FinalizedBlock::from_canonical(&spelled).is_err(), "{option} for an absent value");
    }
    let definition = ElectionDefinition { created_by: "ab".to_owned(), ..sample(definition()) };
    let mut bytes = definition.to_canonical();
    let end = bytes.len();
    bytes[end - 2..].copy_from_slice(&[0xc1, 0x81]); // an overlong `A`
    assert!(matches!(ElectionDefinition::from_canonical(&bytes), Err(DecodeError::Malformed { .. })));
}
