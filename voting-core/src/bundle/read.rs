//! Reading a bundle, frame by frame, from bytes that nobody vouches for.

use std::io::{self, Read as _};

use thiserror::Error;

use super::{BundleBlock, Closing, FrameKind, MAGIC, Opening, VERSION};
use crate::codec::{Canonical, DecodeError};

/// Why a file is no bundle.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadBundleError {
    /// The input failed.
    #[error("the bundle cannot be read: {0}")]
    Io(String),
    /// Something else altogether.
    #[error("this is not a bundle: it does not begin with `voting/bundle/`")]
    NotABundle,
    /// A bundle of another version.
    #[error("this is a bundle of version `{0}`, only `v1` can be read")]
    Version(String),
    /// Ends in the middle.
    #[error("the bundle is cut off")]
    Truncated,
    /// Goes on after its end.
    #[error("there are bytes after the end of the bundle")]
    Trailing,
    /// A frame of a kind that cannot stand here.
    #[error("a frame of kind {0} cannot stand here")]
    Kind(u8),
    /// A frame whose content is malformed.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl From<io::Error> for ReadBundleError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// Reads a bundle in memory for one frame. Decodes strictly, and checks nothing beyond the format:
/// that is [`crate::verify`]'s work.
#[derive(Debug)]
pub struct BundleReader<R> {
    input: R,
    offset: u64,
    opening: Opening,
    closing: Option<Closing>,
}

impl<R: io::Read> BundleReader<R> {
    /// Reads the beginning.
    ///
    /// # Errors
    /// [`ReadBundleError`].
    pub fn open(mut input: R) -> Result<Self, ReadBundleError> {
        let mut offset = 0;
        let start = take(&mut input, &mut offset, MAGIC.len() + VERSION.len())?;
        match start.split_at(MAGIC.len()) {
            (magic, _) if magic != MAGIC => return Err(ReadBundleError::NotABundle),
            (_, version) if version != VERSION => {
                return Err(ReadBundleError::Version(String::from_utf8_lossy(version).into_owned()));
            }
            _ => {}
        }
        let kind = read_kind(&mut input, &mut offset)?;
        if kind != FrameKind::Opening as u8 {
            return Err(ReadBundleError::Kind(kind));
        }
        let opening = read_content(&mut input, &mut offset)?;
        Ok(Self { input, offset, opening, closing: None })
    }

    /// What the bundle is about.
    #[must_use]
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }

    /// The next block, or `None` at the end of the bundle: [`BundleReader::closing`] then has the rest.
    ///
    /// # Errors
    /// [`ReadBundleError`].
    pub fn next_block(&mut self) -> Result<Option<BundleBlock>, ReadBundleError> {
        if self.closing.is_some() {
            return Ok(None);
        }
        let kind = read_kind(&mut self.input, &mut self.offset)?;
        if kind == FrameKind::Block as u8 {
            return read_content(&mut self.input, &mut self.offset).map(Some);
        }
        if kind != FrameKind::Closing as u8 {
            return Err(ReadBundleError::Kind(kind));
        }
        let closing = read_content(&mut self.input, &mut self.offset)?;
        match take(&mut self.input, &mut self.offset, 1) {
            Err(ReadBundleError::Truncated) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(ReadBundleError::Trailing),
        }
        self.closing = Some(closing);
        Ok(None)
    }

    /// The closing frame, once every block has been read.
    #[must_use]
    pub const fn closing(&self) -> Option<&Closing> {
        self.closing.as_ref()
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}

fn read_kind(input: &mut impl io::Read, offset: &mut u64) -> Result<u8, ReadBundleError> {
    take(input, offset, 1)?.first().copied().ok_or(ReadBundleError::Truncated)
}

fn read_content<T: Canonical>(input: &mut impl io::Read, offset: &mut u64) -> Result<T, ReadBundleError> {
    let length = take(input, offset, 4)?.try_into().map_err(|_| ReadBundleError::Truncated)?;
    let actual = u32::from_le_bytes(length) as usize;
    if actual > T::MAX_BYTES {
        return Err(DecodeError::TooLong { what: T::TAG, actual, max: T::MAX_BYTES }.into());
    }
    Ok(T::from_canonical(&take(input, offset, actual)?)?)
}

/// Exactly `length` bytes. Memory grows with what arrives, not with what is claimed.
fn take(input: &mut impl io::Read, offset: &mut u64, length: usize) -> Result<Vec<u8>, ReadBundleError> {
    let mut bytes = Vec::new();
    input.by_ref().take(length as u64).read_to_end(&mut bytes)?;
    *offset += bytes.len() as u64;
    if bytes.len() == length { Ok(bytes) } else { Err(ReadBundleError::Truncated) }
}
