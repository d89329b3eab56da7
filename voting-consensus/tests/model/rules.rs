//! What must hold in every state, and what must be possible. Written from what authorities have said and committed, with
//! no use of the engine's own notion of a quorum, a parent or a contradiction.

use stateright::Property;

use crate::setup::QUORUM;
use crate::system::{State, System};
use crate::words::Word;

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

/// All of them; what must be possible depends on the bounds.
pub(crate) fn all() -> Vec<Property<System>> {
    vec![
        Property::always(AGREEMENT, |_, state: &State| agree(state)),
        Property::always(SKIP_OR_FINALIZE, |_, state: &State| is_skipped_or_final(state)),
        Property::always(ONE_NOTARIZED, |_, state: &State| has_one_notarized(state)),
        Property::always(CONSISTENT, |_, state: &State| state.nodes.iter().all(|node| is_consistent(&node.said))),
        Property::always(PARENTS, |_, state: &State| have_parents(state)),
        Property::always(CERTIFIED, |_, state: &State| is_certified(state)),
        Property::always(INNOCENT, |_, state: &State| state.nodes.iter().all(|node| !node.local.faults.accuses && !node.local.faults.conflict)),
        Property::always(DURABLE, |_, state: &State| state.nodes.iter().all(|node| !node.local.faults.forgets)),
        Property::always(COUNTED, |_, state: &State| state.nodes.iter().all(|node| !node.local.faults.overlooks)),
        Property::sometimes(FINAL, |_, state: &State| is_final(state)),
        Property::sometimes(FINAL_AFTER_SKIP, |_, state: &State| state.nodes.iter().any(|node| node.commits.iter().any(|block| block.skips()))),
        Property::sometimes(FINAL_AFTER_CRASH, |system: &System, state: &State| state.crashes < system.table.setup.crashes && is_final(state)),
        Property::sometimes(EQUIVOCATION, |_, state: &State| are_divided(state)),
    ]
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

/// Statements that there can be a certificate for: the liar's vote is always to be had.
fn certifiable(state: &State) -> Vec<Word> {
    tally(state).into_iter().filter(|(_, by)| by.count_ones() + 1 >= QUORUM).map(|(word, _)| word).collect()
}

fn agree(state: &State) -> bool {
    let [one, two, three] = state.nodes.each_ref().map(|node| &node.commits);
    [(one, two), (one, three), (two, three)].iter().all(|(one, other)| one.iter().zip(other.iter()).all(|(one, other)| one == other))
}

fn is_skipped_or_final(state: &State) -> bool {
    let certain = certifiable(state);
    !certain.iter().any(|word| matches!(word, Word::Finalize(block) if certain.contains(&Word::Skip(block.view))))
}

fn has_one_notarized(state: &State) -> bool {
    let certain = certifiable(state);
    let notarized = |word: &&Word| matches!(word, Word::Notarize(_));
    !certain.iter().filter(notarized).any(|one| certain.iter().filter(notarized).any(|other| one.contradicts(other)))
}

fn is_consistent(said: &[Word]) -> bool {
    !said.iter().any(|one| said.iter().any(|other| one.contradicts(other)))
}

fn have_parents(state: &State) -> bool {
    let certain = certifiable(state);
    let voted = state.nodes.iter().flat_map(|node| &node.said).filter_map(|word| match word {
        Word::Notarize(block) => Some(block),
        _ => None,
    });
    let notarized = |number: u16| certain.iter().any(|word| matches!(word, Word::Notarize(parent) if parent.number == number));
    let skipped = |view: u8| certain.contains(&Word::Skip(view));
    voted.into_iter().all(|block| {
        (block.parent == 0 || notarized(block.parent)) && (block.parent_view + 1..block.view).all(skipped)
    })
}

fn is_certified(state: &State) -> bool {
    let certain = certifiable(state);
    state.nodes.iter().filter_map(|node| node.commits.last()).all(|tip| certain.contains(&Word::Finalize(*tip)))
}

fn is_final(state: &State) -> bool {
    state.nodes.iter().any(|node| !node.commits.is_empty())
}

fn are_divided(state: &State) -> bool {
    let made = tally(state);
    let notarize = |(word, _): &&(Word, u8)| matches!(word, Word::Notarize(_));
    made.iter().filter(notarize).any(|(one, _)| made.iter().filter(notarize).any(|(other, _)| one.contradicts(other)))
}
