//! Rules for text that people read: names, titles, descriptions.
//!
//! Two labels that look the same must be the same bytes, and a label must not change how its
//! surroundings are read. So text is NFC, without control, bidirectional-override or zero-width
//! characters, and not blank at either end.

use thiserror::Error;
use unicode_normalization::is_nfc;

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing but white space, or nothing at all.
    #[error("must not be empty")]
    Empty,
    /// More bytes of UTF-8 than allowed.
    #[error("is {actual} bytes long, at most {max} are allowed")]
    TooLong {
        /// Length in bytes of UTF-8.
        actual: usize,
        /// Largest accepted length.
        max: usize,
    },
    /// White space at the beginning or the end.
    #[error("begins or ends with white space")]
    Untrimmed,
    /// A character that is invisible or changes the direction of its surroundings.
    #[error("contains the character U+{code:04X}, which is invisible or changes how text is read")]
    Hidden {
        /// The code point.
        code: u32,
    },
    /// Not in Unicode normalization form C.
    #[error("is not in Unicode normalization form C (NFC)")]
    NotNormalized,
}

/// Checks one line: a name, a title, a label.
///
/// # Errors
/// [`TextError`] with the first rule broken.
pub fn check_line(text: &str, max_bytes: usize) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    check(text, max_bytes, false)
}

/// Checks a paragraph: may be empty and may contain line feeds.
///
/// # Errors
/// [`TextError`] with the first rule broken.
pub fn check_paragraph(text: &str, max_bytes: usize) -> Result<(), TextError> {
    check(text, max_bytes, true)
}

fn check(text: &str, max_bytes: usize, line_feeds: bool) -> Result<(), TextError> {
    if text.len() > max_bytes {
        return Err(TextError::TooLong { actual: text.len(), max: max_bytes });
    }
    if text.trim() != text {
        return Err(TextError::Untrimmed);
    }
    if let Some(c) = text.chars().find(|c| is_hidden(*c) && !(line_feeds && *c == '\n')) {
        return Err(TextError::Hidden { code: u32::from(c) });
    }
    if !is_nfc(text) {
        return Err(TextError::NotNormalized);
    }
    Ok(())
}

/// Control, format, bidirectional and zero-width characters, line and paragraph separators,
/// variation-free blanks that render as nothing, and non-characters.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFEFF | 0xFFA0
            | 0xFFF0..=0xFFFB | 0xFFFE..=0xFFFF | 0xE0000..=0xE0FFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_ordinary_names() {
        for text in ["Ada Lovelace", "Škoda", "Überlingen – Süd", "山田 太郎", "O’Brien"] {
            assert_eq!(check_line(text, 200), Ok(()), "{text}");
        }
    }

    #[test]
    fn refuses_what_misleads() {
        assert_eq!(check_line("  ", 200), Err(TextError::Empty));
        assert_eq!(check_line("Ada ", 200), Err(TextError::Untrimmed));
        assert_eq!(check_line("A\u{202E}da", 200), Err(TextError::Hidden { code: 0x202E }));
        assert_eq!(check_line("A\u{200B}da", 200), Err(TextError::Hidden { code: 0x200B }));
        assert_eq!(check_line("A\nda", 200), Err(TextError::Hidden { code: 0x0A }));
        assert_eq!(check_line("e\u{0301}", 200), Err(TextError::NotNormalized));
        assert_eq!(check_line("abc", 2), Err(TextError::TooLong { actual: 3, max: 2 }));
        assert_eq!(check_paragraph("one\ntwo", 200), Ok(()));
    }
}
