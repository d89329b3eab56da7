//! Whatever bytes come from other authorities or from the disk: functions that take any bytes and panic only if a rule is
//! broken, and one that plays a whole script to an engine. As [`voting_core::testing::fuzz`].

mod host;
mod script;
mod seeds;

pub use seeds::seeds;
use voting_core::ids::View;
use voting_core::seams::JournalRecord;
use voting_core::testing::fuzz::{Target, one_spelling};

use crate::config::{EngineConfig, OBSERVER};
use crate::engine::Engine;
use crate::journal::{Record, Written};
use crate::message::{Message, ViewReport};

/// Every target of this crate.
pub const TARGETS: [Target; 3] = [
    Target { name: "consensus_message", run: message, variants: 1_000 },
    Target { name: "consensus_journal", run: journal, variants: 1_000 },
    Target { name: "consensus_engine", run: engine, variants: 200 },
];

/// A message of another authority.
pub fn message(data: &[u8]) {
    one_spelling::<Message>(data);
    one_spelling::<ViewReport>(data);
}

/// A record of a journal: an engine starts from it or refuses it, and starts from nothing else.
pub fn journal(data: &[u8]) {
    let written = one_spelling::<Written>(data);
    let record = JournalRecord { view: View(u64::MAX), bytes: data.to_vec() };
    let (key, epoch) = host::authority(host::ME);
    let config = EngineConfig::new(host::CHAIN, epoch.clone(), host::ME, key.clone());
    let started = Engine::recover(config, None, std::slice::from_ref(&record));
    assert!(written.is_some() || started.is_err(), "what cannot be read is no journal");
    let observer = EngineConfig::new(host::CHAIN, epoch, OBSERVER, key);
    drop(Engine::recover(observer, None, std::slice::from_ref(&record)));
    if let Some(Written { epoch, record }) = written {
        let again = record.to_journal(epoch);
        assert_eq!(again.bytes, data);
        assert_eq!(Record::from_journal(&again), Ok((epoch, record)));
    }
}

/// A script, played to one engine by three authorities that do as it says and by a host that keeps its word. See `script`
/// for what the bytes mean.
pub fn engine(data: &[u8]) {
    script::play(data);
}
