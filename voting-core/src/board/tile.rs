//! Tiles: a log as immutable files (<https://c2sp.org/tlog-tiles>).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: usize = 256;
/// Highest level there can be.
const MAX_LEVEL: u8 = 63;

/// Why a tile's path or content cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TileError {
    /// Not the path of a tile.
    #[error("`{path}` is not the path of a tile: {reason}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A bundle that is cut off, or has other entries than its tile says.
    #[error("the bundle of entries is damaged at byte {at}: {reason}")]
    Bundle {
        /// Where.
        at: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

/// What a tile consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileLevel {
    /// Entries.
    Entries,
    /// Hashes: of leaves at level 0, of full tiles of the level below at every other.
    Hashes(u8),
}

/// The name of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    level: TileLevel,
    index: u64,
    /// Between 1 and [`TILE_WIDTH`].
    width: u16,
}

impl TileId {
    /// A tile; `None` if there is none with this level or width.
    #[must_use]
    pub fn new(level: TileLevel, index: u64, width: usize) -> Option<Self> {
        let is_level = !matches!(level, TileLevel::Hashes(level) if level > MAX_LEVEL);
        let is_width = (1..=TILE_WIDTH).contains(&width);
        (is_level && is_width).then_some(Self { level, index, width: width as u16 })
    }

    /// What it consists of.
    #[must_use]
    pub const fn level(self) -> TileLevel {
        self.level
    }

    /// Its place in the level, from 0.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// Hashes or entries in it.
    #[must_use]
    pub const fn width(self) -> usize {
        self.width as usize
    }

    /// Whether it has all that it can have: it never changes again.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width() == TILE_WIDTH
    }

    /// Whether a log of this size has it: as full tile, or as the partial tile that this size makes.
    #[must_use]
    pub fn is_of(self, size: u64) -> bool {
        let height = match self.level {
            TileLevel::Entries => 0,
            TileLevel::Hashes(level) => u32::from(level) * 8,
        };
        let hashes = size.checked_shr(height).unwrap_or(0);
        let first = self.index.checked_mul(TILE_WIDTH as u64);
        first.and_then(|first| first.checked_add(u64::from(self.width))).is_some_and(|end| end <= hashes)
    }
}

/// Every tile of a log of this size, entries first: full ones, and the partial ones at the end.
pub fn tiles_of(size: u64) -> impl Iterator<Item = TileId> {
    let levels = (0..8u8).map(move |level| (TileLevel::Hashes(level), size >> (u32::from(level) * 8)));
    std::iter::once((TileLevel::Entries, size)).chain(levels).flat_map(|(level, hashes)| {
        let (full, rest) = (hashes / TILE_WIDTH as u64, (hashes % TILE_WIDTH as u64) as u16);
        let partial = (rest > 0).then_some(TileId { level, index: full, width: rest });
        (0..full).map(move |index| TileId { level, index, width: TILE_WIDTH as u16 }).chain(partial)
    })
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            TileLevel::Entries => f.write_str("tile/entries")?,
            TileLevel::Hashes(level) => write!(f, "tile/{level}")?,
        }
        let digits = self.index.to_string();
        let padded = format!("{digits:0>width$}", width = digits.len().div_ceil(3) * 3);
        let groups = padded.len() / 3;
        for group in 0..groups {
            let mark = if group + 1 < groups { "x" } else { "" };
            write!(f, "/{mark}{}", &padded[group * 3..group * 3 + 3])?;
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for TileId {
    type Err = TileError;

    /// Reads `tile/LEVEL/INDEX[.p/WIDTH]`, in the one spelling that there is.
    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let wrong = |reason| TileError::Path { path: path.to_owned(), reason };
        let rest = path.strip_prefix("tile/").ok_or_else(|| wrong("it does not begin with `tile/`"))?;
        let (level, rest) = rest.split_once('/').ok_or_else(|| wrong("it has no index"))?;
        let level = match level {
            "entries" => TileLevel::Entries,
            number => TileLevel::Hashes(number.parse().map_err(|_| wrong("its level is neither a number nor `entries`"))?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().map_err(|_| wrong("its width is no number"))?),
            None => (rest, TILE_WIDTH),
        };
        let mut number = 0_u64;
        for group in index.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            let value = digits.parse::<u16>().ok().filter(|_| digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()));
            let value = value.ok_or_else(|| wrong("its index is not in groups of three digits"))?;
            number = number
                .checked_mul(1_000)
                .and_then(|number| number.checked_add(u64::from(value)))
                .ok_or_else(|| wrong("its index is too large"))?;
        }
        let id = Self::new(level, number, width).ok_or_else(|| wrong("there is no such level or width"))?;
        // Leading zeros, a missing `x`, `.p/256`: every tile has one name.
        if id.to_string() == path { Ok(id) } else { Err(wrong("it is not spelt as tiles are")) }
    }
}

/// The entries of a tile, each after its length in two bytes, the higher first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryBundle(pub Vec<Vec<u8>>);

impl EntryBundle {
    /// The bytes of a bundle; `None` if an entry is longer than 65,535 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for entry in &self.0 {
            bytes.extend(u16::try_from(entry.len()).ok()?.to_be_bytes());
            bytes.extend(entry);
        }
        Some(bytes)
    }

    /// Reads a bundle of `width` entries.
    ///
    /// # Errors
    /// [`TileError::Bundle`].
    pub fn parse(bytes: &[u8], width: usize) -> Result<Self, TileError> {
        let (mut rest, mut entries) = (bytes, Vec::new());
        while entries.len() < width.min(TILE_WIDTH) {
            let cut = |reason| TileError::Bundle { at: bytes.len() - rest.len(), reason };
            let (length, behind) = rest.split_first_chunk::<2>().ok_or_else(|| cut("a length is missing"))?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (entry, behind) = behind.split_at_checked(length).ok_or_else(|| cut("an entry is cut off"))?;
            entries.push(entry.to_vec());
            rest = behind;
        }
        if rest.is_empty() {
            Ok(Self(entries))
        } else {
            Err(TileError::Bundle { at: bytes.len() - rest.len(), reason: "there is more than the tile's width" })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hashes(level: u8, index: u64, width: usize) -> TileId {
        TileId::new(TileLevel::Hashes(level), index, width).unwrap()
    }

    #[test]
    fn names_are_those_of_the_specification() {
        for (id, path) in [
            (hashes(0, 0, 256), "tile/0/000"),
            (hashes(1, 1_234_067, 256), "tile/1/x001/x234/067"),
            (hashes(0, 273, 112), "tile/0/273.p/112"),
            (hashes(63, u64::MAX, 1), "tile/63/x018/x446/x744/x073/x709/x551/615.p/1"),
            (TileId::new(TileLevel::Entries, 1_000, 255).unwrap(), "tile/entries/x001/000.p/255"),
        ] {
            assert_eq!(id.to_string(), path);
            assert_eq!(path.parse(), Ok(id));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/00/000",
            "tile/+0/000",
            "tile/64/000",
            "tile/0/0",
            "tile/0/x000",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p",
            "tile/0/00a",
            "tile/0/+01",
            "tile/entry/000",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "/tile/0/000",
            "tile/0/../000",
        ] {
            let error = path.parse::<TileId>().unwrap_err();
            assert!(matches!(error, TileError::Path { .. }), "{path}");
        }
    }

    #[test]
    fn a_log_has_the_tiles_that_the_specification_counts() {
        let tiles: Vec<_> = tiles_of(70_000).filter(|tile| tile.level() != TileLevel::Entries).collect();
        let (full, partial): (Vec<_>, Vec<_>) = tiles.into_iter().partition(|tile| tile.is_full());
        assert_eq!(full.len(), 273 + 1);
        assert_eq!(partial, [hashes(0, 273, 112), hashes(1, 1, 17), hashes(2, 0, 1)]);
        assert_eq!(tiles_of(0).count(), 0);
        let of_256: Vec<_> = tiles_of(256).map(|tile| tile.to_string()).collect();
        assert_eq!(of_256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        assert!(tiles_of(70_000).all(|tile| tile.is_of(70_000)));
        assert!(hashes(0, 273, 111).is_of(70_000) && !hashes(0, 273, 113).is_of(70_000) && !hashes(63, 0, 1).is_of(u64::MAX));
    }

    proptest! {
        #[test]
        fn every_tile_has_one_name(level in 0u8..64, index: u64, width in 1usize..=256, is_entries: bool) {
            let level = if is_entries { TileLevel::Entries } else { TileLevel::Hashes(level) };
            let id = TileId::new(level, index, width).unwrap();
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn reading_any_name_never_panics(path in "tile/[0-9e]{1,3}/[x0-9/.p]{0,30}") {
            if let Ok(id) = path.parse::<TileId>() {
                prop_assert_eq!(id.to_string(), path);
            }
        }

        #[test]
        fn bundles_come_back(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..=256), cut: usize) {
            let bundle = EntryBundle(entries);
            let bytes = bundle.to_bytes().unwrap();
            prop_assert_eq!(EntryBundle::parse(&bytes, bundle.0.len()), Ok(bundle.clone()));
            prop_assert!(EntryBundle::parse(&bytes, bundle.0.len() + 1).is_err() || bundle.0.len() == 256);
            if !bytes.is_empty() {
                prop_assert!(EntryBundle::parse(&bytes[..cut % bytes.len()], bundle.0.len()).is_err());
                prop_assert!(EntryBundle::parse(&bytes, bundle.0.len() - 1).is_err());
            }
        }
    }

    #[test]
    fn an_entry_longer_than_a_bundle_can_say_is_refused() {
        assert!(EntryBundle(vec![vec![0; 65_536]]).to_bytes().is_none());
        assert!(EntryBundle(vec![vec![0; 65_535]]).to_bytes().is_some());
    }
}
