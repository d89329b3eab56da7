//! Writing BLT files.

use std::fmt::{self, Write as _};

use super::blt::Blt;
use crate::ranking::Tier;

impl Blt {
    /// The file that [`Blt::parse`] reads back, to the same value.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Blt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.candidates.len(), self.seats)?;
        self.withdrawn.iter().try_for_each(|place| writeln!(f, "-{}", place + 1))?;
        for ballot in &self.ballots {
            write!(f, "{}", ballot.count)?;
            ballot.ranking.tiers().try_for_each(|tier| write_tier(f, tier))?;
            f.write_str(" 0\n")?;
        }
        f.write_str("0\n")?;
        self.candidates.iter().try_for_each(|name| write_name(f, name))?;
        if self.title.is_empty() { Ok(()) } else { write_name(f, &self.title) }
    }
}

fn write_tier(f: &mut fmt::Formatter<'_>, tier: Tier<'_>) -> fmt::Result {
    let mut before = ' ';
    if tier.is_skipped() {
        return f.write_str(" -");
    }
    tier.options().try_for_each(|option| {
        f.write_char(std::mem::replace(&mut before, '='))?;
        write!(f, "{}", option + 1)
    })
}

/// In quotes; a quote inside is doubled.
fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    writeln!(f, "\"{}\"", name.replace('"', "\"\""))
}
