//! What must hold in every state, and what must be possible. Written from what authorities have said and committed, with
//! no use of the engine's own notion of a quorum, a parent or a contradiction.

use stateright::Property;

use super::setup::QUORUM;
use super::system::{State, System};
use super::words::{BlockName, Word};

pub(crate) const AGREEMENT: &str = "finalized prefixes agree";
pub(crate) const SKIP_OR_FINALIZE: &str = "no view can have a Skip and a Finalize certificate";
pub(crate) const ONE_NOTARIZED: &str = "a view has at most one notarized block";
pub(crate) const CONSISTENT: &str = "honest authorities never contradict themselves";
pub(crate) const PARENTS: &str = "blocks voted for have notarized parents, and skip only views with Skip certificates";
pub(crate) const CERTIFIED: &str = "what is final has a Finalize certificate";
pub(crate) const INNOCENT: &str = "evidence names only the guilty";
pub(crate) const DURABLE: &str = "nothing is said that a restart would forget";
pub(crate) const COUNTED: &str = "a quorum of votes kept is a certificate held";

pub(crate) const FINAL: &str = "a block becomes final";
pub(crate) const FINAL_AFTER_SKIP: &str = "a block becomes final above a view that was skipped";
pub(crate) const FINAL_AFTER_CRASH: &str = "a block becomes final after an authority crashed that had voted";
pub(crate) const EQUIVOCATION: &str = "honest authorities vote for different blocks of a leader that lies";

/// The rules.
pub(crate) const ALWAYS: [&str; 9] =
    [AGREEMENT, SKIP_OR_FINALIZE, ONE_NOTARIZED, CONSISTENT, PARENTS, CERTIFIED, INNOCENT, DURABLE, COUNTED];

/// What the rules say of one state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    agreement: bool,
    skip_or_finalize: bool,
    one_notarized: bool,
    consistent: bool,
    parents: bool,
    certified: bool,
    innocent: bool,
    durable: bool,
    counted: bool,
    is_final: bool,
    is_final_after_skip: bool,
    is_divided: bool,
}

/// All of them; what must be possible depends on the bounds.
pub(crate) fn all() -> Vec<Property<System>> {
    vec![
        Property::always(AGREEMENT, |_, state: &State| state.verdict().agreement),
        Property::always(SKIP_OR_FINALIZE, |_, state: &State| state.verdict().skip_or_finalize),
        Property::always(ONE_NOTARIZED, |_, state: &State| state.verdict().one_notarized),
        Property::always(CONSISTENT, |_, state: &State| state.verdict().consistent),
        Property::always(PARENTS, |_, state: &State| state.verdict().parents),
        Property::always(CERTIFIED, |_, state: &State| state.verdict().certified),
        Property::always(INNOCENT, |_, state: &State| state.verdict().innocent),
        Property::always(DURABLE, |_, state: &State| state.verdict().durable),
        Property::always(COUNTED, |_, state: &State| state.verdict().counted),
        Property::sometimes(FINAL, |_, state: &State| state.verdict().is_final),
        Property::sometimes(FINAL_AFTER_SKIP, |_, state: &State| state.verdict().is_final_after_skip),
        Property::sometimes(FINAL_AFTER_CRASH, |system: &System, state: &State| {
            state.crashes < system.table.setup.crashes && state.verdict().is_final
        }),
        Property::sometimes(EQUIVOCATION, |_, state: &State| state.verdict().is_divided),
    ]
}

/// Looks at all rules at once.
pub(crate) fn judge(state: &State) -> Verdict {
    let made = tally(state);
    // The liar's vote is always to be had.
    let certain: Vec<Word> = made.iter().filter(|(_, by)| by.count_ones() + 1 >= QUORUM).map(|(word, _)| *word).collect();
    let nodes = || state.nodes.iter();
    Verdict {
        agreement: agree(state),
        skip_or_finalize: is_skipped_or_final(&certain),
        one_notarized: !certain
            .iter()
            .any(|one| matches!(one, Word::Notarize(_)) && certain.iter().any(|other| one.contradicts(other))),
        consistent: nodes().all(|node| is_consistent(&node.said)),
        parents: nodes().all(|node| have_parents(&node.said, &certain)),
        certified: nodes().filter_map(|node| node.commits.last()).all(|tip| certain.contains(&Word::Finalize(*tip))),
        innocent: nodes().all(|node| !node.local.faults.accuses && !node.local.faults.conflict),
        durable: nodes().all(|node| !node.local.faults.forgets),
        counted: nodes().all(|node| !node.local.faults.overlooks),
        is_final: nodes().any(|node| !node.commits.is_empty()),
        is_final_after_skip: nodes().any(|node| node.commits.iter().any(BlockName::skips)),
        is_divided: made
            .iter()
            .any(|(one, _)| matches!(one, Word::Notarize(_)) && made.iter().any(|(other, _)| one.contradicts(other))),
    }
}

/// Each statement that an honest authority made, with a mask of those that did.
pub(crate) fn tally(state: &State) -> Vec<(Word, u8)> {
    merge(state.nodes.iter().flat_map(|node| node.said.iter().map(|word| (*word, 1 << node.machine.me.0))).collect())
}

/// Each statement once.
pub(crate) fn merge(mut made: Vec<(Word, u8)>) -> Vec<(Word, u8)> {
    made.sort_unstable();
    made.dedup_by(|(word, by), (first, all)| {
        let same = word == first;
        if same {
            *all |= *by;
        }
        same
    });
    made
}

fn agree(state: &State) -> bool {
    let [one, two, three] = state.nodes.each_ref().map(|node| &node.commits);
    [(one, two), (one, three), (two, three)]
        .iter()
        .all(|(one, other)| one.iter().zip(other.iter()).all(|(one, other)| one == other))
}

fn is_skipped_or_final(certain: &[Word]) -> bool {
    !certain.iter().any(|word| matches!(word, Word::Finalize(block) if certain.contains(&Word::Skip(block.view))))
}

fn is_consistent(said: &[Word]) -> bool {
    !said.iter().any(|one| said.iter().any(|other| one.contradicts(other)))
}

fn have_parents(said: &[Word], certain: &[Word]) -> bool {
    let voted = said.iter().filter_map(|word| if let Word::Notarize(block) = word { Some(block) } else { None });
    let notarized = |number: u16| certain.iter().any(|word| matches!(word, Word::Notarize(parent) if parent.number == number));
    let skipped = |view: u8| certain.contains(&Word::Skip(view));
    voted
        .into_iter()
        .all(|block| (block.parent == 0 || notarized(block.parent)) && (block.parent_view + 1..block.view).all(skipped))
}
