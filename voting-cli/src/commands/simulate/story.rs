//! One run told in full: its story, its events, and the least that breaks the same rule.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use voting_consensus::sim::{self, Actor, Script, TraceEvent};

use super::Args;
use crate::exit::Result;
use crate::state;

/// What is told beside the report.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) shortest: Vec<String>,
    pub(super) story: Vec<String>,
}

/// Tells what was asked for.
pub(super) fn tell(script: &Script, args: &Args) -> Result<Told> {
    let mut told = Told::default();
    let shortest = if args.shrink { sim::shrink(script) } else { None };
    if let Some((short, _)) = &shortest {
        told.shortest = short.to_string().lines().map(str::to_owned).collect();
    }
    if args.trace || args.events.is_some() {
        let (_, events) = sim::trace(shortest.as_ref().map_or(script, |(short, _)| short));
        if args.trace {
            told.story = events.iter().filter_map(TraceEvent::line).collect();
        }
        if let Some(path) = &args.events {
            write(path, &events)?;
        }
    }
    Ok(told)
}

fn write(path: &Path, events: &[TraceEvent]) -> Result<()> {
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        for event in events {
            serde_json::to_writer(&mut file, event)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    write().map_err(|error| state::cannot("write", path, &error))
}

/// `KIND=K`.
pub(super) fn parse_liars(text: &str) -> Result<(Actor, usize), String> {
    let kinds = || Actor::ALL.map(Actor::word).join(", ");
    let (kind, number) = text.split_once('=').ok_or("give a kind and a number, such as forger=1")?;
    let actor = Actor::ALL.into_iter().find(|actor| actor.word() == kind);
    let actor = actor.ok_or_else(|| format!("there is no liar of the kind `{kind}`; there are {}", kinds()))?;
    Ok((actor, number.parse().map_err(|_| format!("`{number}` is not a number"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn liars_are_a_kind_and_a_number() {
        assert_eq!(parse_liars("late-leader=2"), Ok((Actor::LateLeader, 2)));
        for (wrong, advice) in [("forger", "such as"), ("thief=1", "withholder"), ("forger=some", "not a number")] {
            assert!(parse_liars(wrong).is_err_and(|error| error.contains(advice)), "{wrong}");
        }
    }
}
