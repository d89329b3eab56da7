//! Checks 10, 11, 14, 16, 17 and 18: what the blocks lead to, and the count.

use std::sync::Arc;

use super::check::Done;
use super::ledger::Replay;
use super::recount::Recount;
use super::{AuthoritySummary, BallotFinding, Check, Failure, KnownBlock, Location, Options, Runner, Summary, sealed};
use crate::block::BlockHeader;
use crate::bundle::{Closing, Manifest};
use crate::codec::Canonical;
use crate::election::ElectionDefinition;
use crate::epoch::Authority;
use crate::ids::{Digest, Height};
use crate::sealed::Aggregate;
use crate::state::{ElectionState, LedgerState, SealedState};
use crate::tally::{ElectionReport, ElectionTally};

/// Everything that can be checked once the last block has been replayed.
pub(super) fn finish(
    mut replay: Replay<'_>,
    closing: &Closing,
    options: &Options,
    runner: &Runner<'_>,
    done: &mut Done,
    byte: u64,
) -> Result<(Summary, Arc<ElectionState>), Failure> {
    let at = Location::byte(byte);
    let counted = std::mem::take(&mut replay.recount);
    let (Some(first), Some((last, certified))) = (&replay.first, &replay.last) else {
        return Err(Failure::new(Check::Format, at, "the bundle has no block"));
    };
    let at_last = Location { height: Some(last.height), ..at };
    if !certified {
        return Err(Failure::new(Check::Certificates, at_last, "the last block has no certificate"));
    }
    done.pass(Check::Certificates);
    let election = replay.state.election(replay.election());
    let election = election.ok_or_else(|| Failure::new(Check::LifeCycle, at, "the election is never defined"))?;

    check_complete(&replay, closing, election, last, at_last)?;
    done.pass(Check::Complete);
    check_extends(options, first, last, at_last, done)?;
    check_counts(&replay, closing, election, at)?;
    done.pass(Check::Counts);
    check_codes(&replay, election, at)?;
    done.pass(Check::Codes);
    let counted = count(counted, &replay, election, runner, at)?;
    let decrypted = sealed::check(&replay, election, &counted, at, done)?;
    let recount = recount(election, counted, decrypted, at)?;
    done.pass(Check::LastVote);
    let report = check_report(closing, election, recount.as_ref(), at, done)?;
    Ok((summary(&replay, election, first, last, closing, report, options), Arc::clone(election)))
}

fn check_complete(
    replay: &Replay<'_>,
    closing: &Closing,
    election: &ElectionState,
    last: &BlockHeader,
    at: Location,
) -> Result<(), Failure> {
    let leaf = LedgerState::election_leaf(replay.election(), election.digest());
    if closing.path.root(leaf) == last.state_root {
        return Ok(());
    }
    let reason = "the entries in the bundle lead to another digest of this election than the one certified: \
                  an entry is missing, hidden, or in another order";
    Err(Failure::new(Check::Complete, at, reason))
}

/// Blocks in the middle were compared on the way; what is left are those outside.
fn check_extends(options: &Options, first: &BlockHeader, last: &BlockHeader, at: Location, done: &mut Done) -> Result<(), Failure> {
    let mut compared = false;
    for KnownBlock { height, hash } in &options.known {
        if *height > last.height {
            let reason = format!("the bundle ends at height {}, before the block known at height {height}", last.height);
            return Err(Failure::new(Check::Extends, at, reason));
        }
        let child = Height(height.0.saturating_add(1));
        if child == first.height && first.parent.hash != *hash {
            let reason = format!("the first block's parent is {}, known from elsewhere is {hash}", first.parent.hash);
            return Err(Failure::new(Check::Extends, at, reason));
        }
        compared |= child >= first.height;
    }
    if compared {
        done.pass(Check::Extends)
    } else {
        done.not_applicable(Check::Extends)
    }
    Ok(())
}

fn check_counts(replay: &Replay<'_>, closing: &Closing, election: &ElectionState, at: Location) -> Result<(), Failure> {
    let (counts, claimed) = (&replay.counts, &closing.manifest);
    let voted = replay.voters.values().filter(|voter| voter.counted.is_some()).count() as u64;
    let compared = [
        ("blocks", claimed.blocks, counts.blocks),
        ("certificates", claimed.certificates, counts.certificates),
        ("entries of other elections", claimed.foreign, counts.foreign),
        ("acts", claimed.acts, counts.acts),
        ("certifications", claimed.certifications, counts.certifications),
        ("ballots", claimed.ballots, counts.ballots),
        ("voters entitled", claimed.roll_size, election.roll_size()),
        ("voters certified", claimed.certified, replay.voters.len() as u64),
        ("voters who voted", claimed.voted, voted),
    ];
    if let Some((what, claimed, actual)) = compared.into_iter().find(|(_, claimed, actual)| claimed != actual) {
        return Err(Failure::new(Check::Counts, at, format!("the bundle claims {claimed} {what}, it has {actual}")));
    }
    if claimed.phase != election.phase() {
        let reason = format!("the bundle claims that the election is {}, it is {}", claimed.phase, election.phase());
        return Err(Failure::new(Check::Counts, at, reason));
    }
    let sealed = election.sealed().and_then(SealedState::sums).map(Aggregate::ballots);
    let open = election.tally().and_then(|tally| tally.0.first()).map(|contest| contest.ballots);
    let counted = sealed.or(open).unwrap_or_default();
    if counted != voted || voted > claimed.certified || claimed.certified > claimed.roll_size {
        let reason = format!(
            "{counted} ballots counted, {voted} voters voted, {} certified, {} entitled",
            claimed.certified, claimed.roll_size
        );
        return Err(Failure::new(Check::Counts, at, reason));
    }
    Ok(())
}

/// Every ballot that counts is found by its code, so no two share one.
fn check_codes(replay: &Replay<'_>, election: &ElectionState, at: Location) -> Result<(), Failure> {
    let mut counted = replay.voters.values().filter_map(|voter| voter.counted.as_ref());
    let lost = counted.find(|ballot| election.ballot_of_code(ballot.hash.ballot_code()).map(|(hash, _)| hash) != Some(ballot.hash));
    lost.map_or(Ok(()), |ballot| {
        let reason = format!("the code {} leads to another ballot than the one that counts", ballot.hash.code());
        Err(Failure::new(Check::Codes, at, reason))
    })
}

/// Counts the ballot of each voter that counts, but for those that were counted on the way.
fn count(
    mut counted: Recount,
    replay: &Replay<'_>,
    election: &ElectionState,
    runner: &Runner<'_>,
    at: Location,
) -> Result<Recount, Failure> {
    let last = replay.voters.values().filter_map(|voter| Some((voter.weight, voter.counted.as_ref()?.said.as_ref()?)));
    counted.add(last, election, runner, at)?;
    Ok(counted)
}

/// Compares that with the running count. Of a sealed election the count is what was decrypted; there is none before.
fn recount(
    election: &ElectionState,
    counted: Recount,
    decrypted: Option<ElectionTally>,
    at: Location,
) -> Result<Option<ElectionTally>, Failure> {
    let is_sealed = election.definition().secrecy.trustees().is_some();
    let recounted = if is_sealed { decrypted } else { counted.tally };
    if recounted.as_ref() != election.tally() {
        return Err(Failure::new(Check::LastVote, at, "counting the last ballot of each voter differs from the running count"));
    }
    Ok(recounted)
}

fn check_report(
    closing: &Closing,
    election: &ElectionState,
    recount: Option<&ElectionTally>,
    at: Location,
    done: &mut Done,
) -> Result<Option<ElectionReport>, Failure> {
    let tallied = election.report().and(election.lot_seed()).zip(recount);
    let recounted = tallied.map(|(seed, recount)| (recount, recount.report(election.definition(), seed, election.roll_size())));
    let (claimed, (recount, recounted)) = match (&closing.report, recounted) {
        (Some(claimed), Some(recounted)) => (claimed, recounted),
        (None, None) => {
            [Check::Labels, Check::Totals, Check::Recount].into_iter().for_each(|check| done.not_applicable(check));
            return Ok(None);
        }
        (Some(_), None) => return Err(Failure::new(Check::Recount, at, "a result is claimed, but the election is not tallied")),
        (None, Some(_)) => return Err(Failure::new(Check::Recount, at, "the election is tallied, but the result is missing")),
    };
    check_labels(claimed, election.definition()).map_err(|reason| Failure::new(Check::Labels, at, reason))?;
    done.pass(Check::Labels);
    check_totals(claimed, recount, election.definition()).map_err(|reason| Failure::new(Check::Totals, at, reason))?;
    done.pass(Check::Totals);
    if *claimed != recounted {
        return Err(Failure::new(Check::Recount, at, first_difference(claimed, &recounted)));
    }
    done.pass(Check::Recount);
    Ok(Some(recounted))
}

fn check_labels(claimed: &ElectionReport, definition: &ElectionDefinition) -> Result<(), String> {
    if claimed.election != definition.id {
        return Err(format!("the result is of election {}", claimed.election));
    }
    if claimed.contests.len() != definition.contests.len() {
        return Err(format!("the result has {} contests, the election {}", claimed.contests.len(), definition.contests.len()));
    }
    for (report, contest) in claimed.contests.iter().zip(&definition.contests) {
        if (&report.title, report.method, report.seats) != (&contest.title, contest.method, contest.seats) {
            return Err(format!("the contest `{}` is called or counted otherwise in the result", contest.title));
        }
        if report.options.len() != contest.options.len() {
            return Err(format!("the contest `{}` has another number of options in the result", contest.title));
        }
        for line in &report.options {
            let named = contest.options.get(usize::from(line.option)).map(|option| &option.name);
            if named != Some(&line.name) {
                return Err(format!("the result calls option {} of `{}` by the name `{}`", line.option, contest.title, line.name));
            }
        }
    }
    Ok(())
}

/// No total exceeds what those who voted can give: for each option, and for whatever else is summed.
fn check_totals(claimed: &ElectionReport, recount: &ElectionTally, definition: &ElectionDefinition) -> Result<(), String> {
    for ((report, counted), contest) in claimed.contests.iter().zip(&recount.0).zip(&definition.contests) {
        let counts = &report.counts;
        let most = counted.weight.saturating_mul(u64::from(contest.max_score.max(1)));
        if let Some(line) = report.options.iter().find(|line| line.votes > most) {
            return Err(format!("`{}` has a total of {}, those who voted can give {most}", report.title, line.votes));
        }
        let special = [counts.weight, counts.blank, counts.undervotes, counts.overvotes];
        if let Some(sum) = special.into_iter().find(|sum| *sum > counted.weight) {
            return Err(format!("`{}` has a total of {sum}, those who voted weigh {}", report.title, counted.weight));
        }
        if counts.ballots > counted.ballots {
            return Err(format!("`{}` has {} ballots, {} were counted", report.title, counts.ballots, counted.ballots));
        }
    }
    Ok(())
}

fn first_difference(claimed: &ElectionReport, recounted: &ElectionReport) -> String {
    for (claimed, recounted) in claimed.contests.iter().zip(&recounted.contests) {
        for (claim, count) in claimed.options.iter().zip(&recounted.options) {
            if claim != count {
                return format!(
                    "`{}`: claimed is `{}` with {} votes{}, counted was `{}` with {}{}",
                    recounted.title,
                    claim.name,
                    claim.votes,
                    if claim.elected() { ", elected" } else { "" },
                    count.name,
                    count.votes,
                    if count.elected() { ", elected" } else { "" },
                );
            }
        }
        if claimed != recounted {
            return format!("`{}`: sums, rounds or lots differ from the recount", recounted.title);
        }
    }
    format!("the result claims lots drawn by {}, they are drawn by {}", claimed.seed, recounted.seed)
}

fn summary(
    replay: &Replay<'_>,
    election: &ElectionState,
    first: &BlockHeader,
    last: &BlockHeader,
    closing: &Closing,
    report: Option<ElectionReport>,
    options: &Options,
) -> Summary {
    let genesis = &replay.opening.genesis;
    let mut authorities: Vec<&Authority> = Vec::new();
    for (begins, epoch) in replay.epochs.iter() {
        let in_office = *begins <= last.height && replay.epochs.at(first.height).number <= epoch.number;
        for authority in epoch.authorities.iter().filter(|_| in_office) {
            if authorities.iter().all(|known| known.key != authority.key) {
                authorities.push(authority);
            }
        }
    }
    let epoch = replay.epochs.at(last.height);
    let counting: std::collections::HashSet<_> =
        replay.voters.values().filter_map(|voter| voter.counted.as_ref().map(|ballot| ballot.hash)).collect();
    let counts: Manifest = closing.manifest;
    let report_digest: Option<Digest> = report.as_ref().map(Canonical::digest);
    Summary {
        network: genesis.network.clone(),
        genesis: replay.genesis,
        genesis_pinned: options.genesis.is_some(),
        chain: replay.chain,
        partition: replay.opening.partition,
        partitions: genesis.partitions,
        authorities: authorities
            .into_iter()
            .map(|authority| AuthoritySummary {
                name: authority.name.clone(),
                fingerprint: authority.key.fingerprint(),
                signatures: replay.signatures.get(&authority.key).copied().unwrap_or_default(),
            })
            .collect(),
        epoch: epoch.number,
        quorum: epoch.quorum,
        first_height: first.height,
        last: KnownBlock { height: last.height, hash: last.hash() },
        last_timestamp: last.timestamp,
        state_root: last.state_root,
        election: election.id(),
        title: election.definition().title.clone(),
        phase: election.phase(),
        cancel_reason: election.cancel_reason().map(str::to_owned),
        counts,
        report,
        report_digest,
        ballots: options
            .ballots
            .iter()
            .map(|ballot| BallotFinding {
                ballot: *ballot,
                position: election.ballot_position(*ballot),
                counts: counting.contains(ballot),
            })
            .collect(),
    }
}
