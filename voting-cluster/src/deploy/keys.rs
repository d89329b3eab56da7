//! Secret keys in files: one key a file, in hexadecimal, for the owner's eyes only.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;
use voting_core::crypto::SigningKey;

/// A key file holds 64 digits and a line end; what is much longer is something else.
const MAX_BYTES: u64 = 1_024;

/// Why a key file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("the key file {path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others may read it.
    #[error("the key file {path} can be read by others (mode {mode:03o}); run: chmod 600 {path}")]
    Readable {
        /// Which one.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It does not hold a key.
    #[error("the key file {path} does not hold a secret key: write 64 hexadecimal digits")]
    Malformed {
        /// Which one.
        path: PathBuf,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
}

/// Draws a key.
///
/// # Errors
/// [`KeyFileError::Randomness`].
pub fn generate_key() -> Result<SigningKey, KeyFileError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| KeyFileError::Randomness(error.to_string()))?;
    Ok(SigningKey::from_seed(seed))
}

/// Reads a key that only its owner can read.
///
/// # Errors
/// [`KeyFileError`] naming the file.
pub fn read_key(path: &Path) -> Result<SigningKey, KeyFileError> {
    let file = |source| KeyFileError::File { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(file)?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Readable { path: path.to_owned(), mode });
        }
    }
    if metadata.len() > MAX_BYTES {
        return Err(KeyFileError::Malformed { path: path.to_owned() });
    }
    let bytes = fs::read(path).map_err(file)?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    text.trim().parse().map_err(|_| KeyFileError::Malformed { path: path.to_owned() })
}

/// Writes a key into a new file.
///
/// # Errors
/// [`KeyFileError::File`]; a file that is there already is left as it is.
pub fn write_key(path: &Path, key: &SigningKey) -> Result<(), KeyFileError> {
    let write = || {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let digits: String = key.to_seed().iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(file, "{digits}")?;
        file.sync_all()
    };
    write().map_err(|source| KeyFileError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_written_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        let key = generate_key().unwrap();
        write_key(&path, &key).unwrap();
        assert_eq!(read_key(&path).unwrap().public(), key.public());
        assert!(matches!(write_key(&path, &generate_key().unwrap()), Err(KeyFileError::File { .. })));
        assert_eq!(read_key(&path).unwrap().public(), key.public());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused_by_name() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        write_key(&path, &generate_key().unwrap()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_key(&path).unwrap_err().to_string();
        assert!(error.contains("a.key") && error.contains("640") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn what_is_no_key_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        assert!(matches!(read_key(&path), Err(KeyFileError::File { .. })));
        for content in ["", "xyz", &"0".repeat(63), &"0".repeat(5_000)] {
            fs::write(&path, content).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            assert!(matches!(read_key(&path), Err(KeyFileError::Malformed { .. })), "{content}");
        }
    }
}
