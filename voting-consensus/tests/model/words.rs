//! Short names for blocks and statements, so that states are small and rules are read off them.

/// A block by its number, with what rules ask about it. Number 0 is genesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BlockName {
    pub(crate) number: u16,
    pub(crate) view: u8,
    pub(crate) parent: u16,
    pub(crate) parent_view: u8,
}

impl BlockName {
    pub(crate) const GENESIS: Self = Self { number: 0, view: 0, parent: 0, parent_view: 0 };

    /// Whether views between its parent's and its own were passed over.
    pub(crate) const fn skips(&self) -> bool {
        self.parent_view + 1 < self.view
    }
}

/// A statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Word {
    Notarize(BlockName),
    Skip(u8),
    Finalize(BlockName),
}

impl Word {
    pub(crate) const fn view(&self) -> u8 {
        match self {
            Self::Notarize(block) | Self::Finalize(block) => block.view,
            Self::Skip(view) => *view,
        }
    }

    /// Whether no honest authority says both.
    pub(crate) fn contradicts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Notarize(one), Self::Notarize(two)) | (Self::Finalize(one), Self::Finalize(two)) => {
                one.view == two.view && one.number != two.number
            }
            (Self::Skip(view), Self::Finalize(block)) | (Self::Finalize(block), Self::Skip(view)) => *view == block.view,
            _ => false,
        }
    }
}

/// One thing that may happen to an honest authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// It has waited long enough for its view to end.
    Timeout,
    /// Its host has made the block asked for.
    Build,
    /// It is killed, and starts from what is on its disk.
    Restart,
    /// A proposal arrives, by its number.
    Proposal(u16),
    /// Votes for one statement arrive, by the authorities in the mask, in ascending order with the liar's last.
    Votes { word: Word, by: u8 },
    /// Two votes of the liar arrive that contradict each other.
    Exposure(u8),
    /// A certificate arrives.
    Certificate(Word),
    /// A single block arrives that it has asked for.
    Block(BlockName),
    /// Final blocks up to this one arrive, with the certificate of the last.
    Chain(u16),
}
