//! What happened in a run, for people to read and for programs to replay.

use serde::Serialize;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraceEvent {
    /// Milliseconds of simulated time since the start of the run.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// The kinds of things that happen. Nodes are named as authorities; the second of two twins has a `'` after its name.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Happening {
    /// The run begins. Always the first event.
    Run {
        /// The seed.
        seed: u64,
        /// Names of the nodes.
        nodes: Vec<String>,
        /// Those that are authorities to begin with.
        authorities: Vec<String>,
        /// Votes of distinct authorities that make a certificate.
        quorum: u16,
        /// Who leads.
        leader: String,
        /// Who lies, and how.
        liars: Vec<(String, &'static str)>,
    },
    /// A node starts, for the first time or again.
    Start {
        /// Which.
        node: String,
        /// Height of its last final block.
        height: u64,
        /// Records in its journal.
        journal: usize,
    },
    /// A node ends.
    Crash {
        /// Which.
        node: String,
        /// What it led when it ended, if anything.
        leads: Option<u64>,
        /// How, and how far it came.
        how: String,
    },
    /// A node goes on in the next epoch: the last block of the one before is final there.
    Epoch {
        /// Which node.
        node: String,
        /// Number of the epoch.
        epoch: u32,
        /// Its authorities, in their order.
        authorities: Vec<String>,
        /// Votes of distinct authorities that make a certificate.
        quorum: u16,
        /// Who leads.
        leader: String,
    },
    /// A node enters a view.
    View {
        /// Which node.
        node: String,
        /// The view.
        view: u64,
        /// Who leads it, as far as the node can tell.
        leader: String,
    },
    /// A timer of a node runs out.
    Timer {
        /// Which node.
        node: String,
        /// `leader`, `view`, `catch_up` or `standstill`.
        timer: &'static str,
        /// The view it is in.
        view: u64,
    },
    /// A node proposes a block.
    Proposal {
        /// Which node.
        node: String,
        /// The view.
        view: u64,
        /// Height of the block.
        height: u64,
        /// The first 8 digits of the block's hash.
        block: String,
        /// View of its parent.
        parent_view: u64,
        /// Entries in it.
        entries: u32,
    },
    /// A node votes, for the first time in this way.
    Vote {
        /// Which node.
        node: String,
        /// `notarize`, `skip` or `finalize`.
        vote: &'static str,
        /// The view.
        view: u64,
        /// The first 8 digits of the block's hash.
        block: Option<String>,
    },
    /// A node put a certificate together from votes.
    Certificate {
        /// Which node.
        node: String,
        /// `notarize`, `skip` or `finalize`.
        vote: &'static str,
        /// The view.
        view: u64,
        /// The first 8 digits of the block's hash.
        block: Option<String>,
    },
    /// A block is final at a node.
    Final {
        /// Which node.
        node: String,
        /// Height of the block.
        height: u64,
        /// Its view.
        view: u64,
        /// The first 8 digits of its hash.
        block: String,
        /// Entries in it.
        entries: u32,
    },
    /// A message from one node to another.
    Message {
        /// From which node.
        from: String,
        /// To which node.
        to: String,
        /// `proposal`, `notarize`, `skip`, `finalize`, `certificate`, `hello`, `request_blocks`, `blocks`, `request_block` or `block`.
        message: &'static str,
        /// The view it speaks of, if it speaks of one.
        view: Option<u64>,
        /// When it arrives, in milliseconds; absent if it is lost or cut off. A doubled message is two events.
        arrives_ms: Option<u64>,
    },
    /// A liar lies.
    Lie {
        /// Which node.
        node: String,
        /// How.
        what: &'static str,
    },
    /// A node proves that an authority contradicted itself.
    Evidence {
        /// Which node.
        node: String,
        /// The authority accused.
        accused: String,
        /// In which view.
        view: u64,
    },
    /// A fault of the script begins.
    Fault {
        /// What it is.
        what: String,
    },
    /// A rule is broken. Nothing comes after it but the end.
    Violation {
        /// Which rule.
        rule: &'static str,
        /// By whom, where.
        detail: String,
    },
    /// The run ends. Always the last event.
    End {
        /// Blocks final anywhere.
        blocks: usize,
        /// Entries final anywhere.
        entries: usize,
    },
}

impl TraceEvent {
    /// A line of the story; messages and the like tell nothing to people.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        Some(format!("{:>8.3} s  {}", self.at_ms as f64 / 1_000.0, self.what.line()?))
    }
}

impl Happening {
    fn line(&self) -> Option<String> {
        let counted = |entries: &u32| if *entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") };
        let of = |block: &Option<String>| block.as_ref().map_or(String::new(), |block| format!(" block {block}"));
        Some(match self {
            Self::Run { seed, nodes, authorities, quorum, leader, liars } => {
                let liars: Vec<_> = liars.iter().map(|(who, how)| format!("{who} lies ({how})")).collect();
                let liars = if liars.is_empty() { "nobody lies".to_owned() } else { liars.join(", ") };
                let later: Vec<_> = nodes.iter().filter(|node| !authorities.contains(node)).map(String::as_str).collect();
                let later = if later.is_empty() { String::new() } else { format!(" (and later {})", later.join(", ")) };
                let authorities = authorities.join(", ");
                format!("seed {seed}: {authorities}{later}; a quorum is {quorum}, leaders are {leader}; {liars}")
            }
            Self::Start { node, height: 0, journal: 0 | 1 } => format!("{node} starts"),
            Self::Start { node, height, journal } => {
                let plural = |number: u64| if number == 1 { "" } else { "s" };
                let (blocks, records) = (plural(*height), plural(*journal as u64));
                format!("{node} is back, with {height} final block{blocks} and {journal} record{records} in its journal")
            }
            Self::Crash { node, leads: Some(view), how } => format!("{node} (leader of view {view}) is killed {how}"),
            Self::Crash { node, leads: None, how } => format!("{node} is killed {how}"),
            Self::Epoch { node, epoch, authorities, quorum, leader } => {
                format!("{node} enters epoch {epoch} of {}; a quorum is {quorum}, leaders are {leader}", authorities.join(", "))
            }
            Self::View { node, view, leader } if node == leader => format!("{node} enters view {view}, which it leads"),
            Self::View { node, view, leader } => format!("{node} enters view {view}, led by {leader}"),
            Self::Timer { node, timer, view } => match *timer {
                "leader" => format!("{node} has waited long enough for a proposal in view {view}"),
                "view" => format!("{node} has waited long enough for view {view} to end"),
                _ => return None,
            },
            Self::Proposal { node, view, height, block, parent_view, entries } => {
                let on = match parent_view {
                    0 => "on genesis".to_owned(),
                    parent_view => format!("on the block of view {parent_view}"),
                };
                format!("{node} proposes block {block} in view {view}: height {height}, {}, {on}", counted(entries))
            }
            Self::Vote { node, vote: "skip", view, .. } => format!("{node} votes to skip view {view}"),
            Self::Vote { node, vote, view, block } => format!("{node} votes to {vote}{} in view {view}", of(block)),
            Self::Certificate { node, vote: "skip", view, .. } => format!("{node} has a quorum to skip view {view}"),
            Self::Certificate { node, vote, view, block } => format!("{node} has a quorum to {vote}{} in view {view}", of(block)),
            Self::Final { node, height, view, block, entries } => {
                format!("{node} makes block {block} of view {view} final: height {height}, {}", counted(entries))
            }
            Self::Lie { node, what } => format!("{node} lies: {what}"),
            Self::Evidence { node, accused, view } => format!("{node} proves that {accused} contradicted itself in view {view}"),
            Self::Fault { what } => what.clone(),
            Self::Violation { rule, detail } => format!("BROKEN: {rule}: {detail}"),
            Self::End { blocks, entries } => format!("the end: {blocks} blocks are final, with {entries} entries"),
            Self::Message { .. } => return None,
        })
    }
}
