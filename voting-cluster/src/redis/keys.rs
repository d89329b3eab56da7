//! Every key and channel is built here. `docs/redis.md` lists them all.
//!
//! ```text
//!  NAMESPACE:{TAG}:CLASS:PATH
//! ```
//!
//! What stands in the braces decides the slot: keys with one tag are changed together.

use voting_core::ids::PartitionId;
use voting_core::seams::{KeyClass, StoreKey};

use super::Namespace;

/// Slots of a Redis Cluster.
const SLOTS: u16 = 16_384;

/// Builds keys and channels in a namespace.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Namespace);

impl Keys {
    pub(crate) const fn new(namespace: Namespace) -> Self {
        Self(namespace)
    }

    fn key(&self, tag: &str, class: KeyClass, path: &str) -> String {
        format!("{}:{{{tag}}}:{}:{path}", self.0, class.as_str())
    }

    /// A value of the store.
    pub(crate) fn value(&self, key: &StoreKey) -> String {
        self.key(key.tag(), key.class(), key.path())
    }

    /// What stands before the path in the keys of a tag and class.
    pub(crate) fn values(&self, tag: &str, class: KeyClass) -> String {
        self.key(tag, class, "")
    }

    /// The paths of a tag and class, in order. No path contains a brace, so this is no value's key.
    pub(crate) fn paths(&self, tag: &str, class: KeyClass) -> String {
        self.key(tag, class, "{paths}")
    }

    /// When the expiring values of a tag and class end.
    pub(crate) fn ends(&self, tag: &str, class: KeyClass) -> String {
        self.key(tag, class, "{ends}")
    }

    /// That a batch took place which leaves no other trace.
    pub(crate) fn done(&self, tag: &str, batch: &str) -> String {
        self.key(tag, KeyClass::Ephemeral, &format!("{{done}}:{batch}"))
    }

    /// A part of one bucket of the ballot queue.
    pub(crate) fn queue(&self, partition: PartitionId, bucket: u16, part: &str) -> String {
        self.key(&format!("queue:{}:{bucket}", partition.0), KeyClass::Queue, part)
    }

    /// The channel on which a bucket of the queue says that something has come in.
    pub(crate) fn queue_arrivals(&self, partition: PartitionId, bucket: u16) -> String {
        self.key(&format!("queue:{}:{bucket}", partition.0), KeyClass::Ephemeral, "arrivals")
    }

    /// A part of a lock.
    pub(crate) fn lock(&self, name: &str, part: &str) -> String {
        self.key(&format!("lock:{name}"), KeyClass::Ephemeral, part)
    }

    /// The channel of one client of the locks.
    pub(crate) fn lock_client(&self, client: &str) -> String {
        self.key(&format!("client:{client}"), KeyClass::Ephemeral, "turn")
    }

    /// The channel of messages to one node.
    pub(crate) fn node(&self, name: &str) -> String {
        self.key(&format!("node:{name}"), KeyClass::Ephemeral, "messages")
    }

    /// The channel of messages to all nodes.
    pub(crate) fn nodes(&self) -> String {
        self.key("nodes", KeyClass::Ephemeral, "messages")
    }
}

/// The slot of a key: CRC-16 (XMODEM) of what stands between the first brace and the next, or of all.
#[must_use]
pub fn slot_of(key: &str) -> u16 {
    let tag = key.find('{').and_then(|open| {
        let rest = &key[open + 1..];
        rest.find('}').filter(|length| *length > 0).map(|length| &rest[..length])
    });
    crc16(tag.unwrap_or(key).as_bytes()) % SLOTS
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys() -> Keys {
        Keys::new(Namespace::new("n").unwrap())
    }

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot_of("foo"), 12_182);
        assert_eq!(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
        assert_eq!(slot_of("foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS, "an empty tag is none");
        assert_eq!(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    }

    #[test]
    fn keys_of_a_tag_share_a_slot_and_differ() {
        let keys = keys();
        let key = StoreKey::new("e:1", KeyClass::Account, "a:b").unwrap();
        let built = [
            keys.value(&key),
            keys.values("e:1", KeyClass::Account),
            keys.paths("e:1", KeyClass::Account),
            keys.ends("e:1", KeyClass::Account),
            keys.done("e:1", "7"),
        ];
        assert_eq!(built[0], "n:{e:1}:account:a:b");
        assert!(built.iter().all(|key| slot_of(key) == slot_of("{e:1}")));
        assert_eq!(built.iter().collect::<BTreeSet<_>>().len(), built.len());
    }

    #[test]
    fn buckets_of_the_queue_spread_over_the_slots() {
        let slots: BTreeSet<_> =
            (0..8).map(|bucket| slot_of(&keys().queue(PartitionId(0), bucket, "stream")) * 3 / SLOTS).collect();
        assert_eq!(slots.len(), 3, "three shards of a third of the slots each get some");
        let bucket = keys();
        assert_eq!(slot_of(&bucket.queue(PartitionId(0), 3, "stream")), slot_of(&bucket.queue_arrivals(PartitionId(0), 3)));
    }

    #[test]
    fn names_of_locks_cannot_reach_other_keys() {
        let names = ["a", "}", "a}:ephemeral:holder", "{", "a:b"];
        let built: BTreeSet<_> = names.iter().flat_map(|name| ["holder", "fence"].map(|part| keys().lock(name, part))).collect();
        assert_eq!(built.len(), 2 * names.len());
        for name in names {
            assert_eq!(slot_of(&keys().lock(name, "holder")), slot_of(&keys().lock(name, "fence")));
        }
    }
}
