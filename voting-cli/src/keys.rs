//! A voter's secret keys: one per server, election and account, made here and never sent anywhere.

use std::path::Path;

use data_encoding::HEXLOWER;
use voting_core::crypto::SigningKey;
use zeroize::{Zeroize as _, Zeroizing};

use crate::exit::{CliError, Result};
use crate::state;

/// The key kept in a directory, made at the first call.
pub(crate) fn load_or_create(dir: &Path) -> Result<SigningKey> {
    let path = dir.join("key");
    if let Some(key) = load(&path)? {
        return Ok(key);
    }
    let seed = random_seed()?;
    state::write_new(&path, format!("{}\n", Zeroizing::new(HEXLOWER.encode(seed.as_slice())).as_str()).as_bytes())?;
    load(&path)?.ok_or_else(|| state::damaged(&path, "it vanished right after it was written"))
}

/// 32 bytes from the system's source of randomness.
pub(crate) fn random_seed() -> Result<Zeroizing<[u8; 32]>> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|error| {
        CliError::failure(format!("the system gives no random bytes: {error}"), "check /dev/urandom and run again")
    })?;
    Ok(seed)
}

fn load(path: &Path) -> Result<Option<SigningKey>> {
    let Some(bytes) = state::read(path)?.map(Zeroizing::new) else { return Ok(None) };
    let damaged = || state::damaged(path, "a key is 64 lower-case hexadecimal digits");
    let mut decoded = HEXLOWER.decode(bytes.trim_ascii()).map_err(|_| damaged())?;
    let seed: Result<[u8; 32], _> = decoded.as_slice().try_into().map_err(|_| damaged());
    decoded.zeroize();
    seed.map(|seed| Some(SigningKey::from_seed(seed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_then_stays() {
        let root = tempfile::tempdir().unwrap();
        let (here, there) = (root.path().join("a"), root.path().join("b"));
        let first = load_or_create(&here).unwrap().public();
        assert_eq!(load_or_create(&here).unwrap().public(), first);
        assert_ne!(load_or_create(&there).unwrap().public(), first);
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("key"), "zz").unwrap();
        let Err(error) = load_or_create(root.path()) else { panic!("made a new key over a damaged one") };
        assert!(error.what.contains("is damaged"));
        assert_eq!(std::fs::read(root.path().join("key")).unwrap(), b"zz");
    }
}
