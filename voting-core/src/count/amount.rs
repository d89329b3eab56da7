//! Exact numbers of votes: whole units of a decimal fraction that the rule fixes.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A number of votes, points or seats: `units / 10^decimals`, never rounded but by a rule that says how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Amount {
    /// In units of the last decimal.
    pub units: u128,
    /// Digits after the point.
    pub decimals: u8,
}

impl Amount {
    /// A whole number.
    #[must_use]
    pub const fn whole(number: u64) -> Self {
        Self { units: number as u128, decimals: 0 }
    }

    /// So many units of the last decimal.
    #[must_use]
    pub const fn new(units: u128, decimals: u8) -> Self {
        Self { units, decimals }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = usize::from(self.decimals) + 1;
        let digits = format!("{:0width$}", self.units);
        let (whole, part) = digits.split_at(digits.len() - usize::from(self.decimals));
        f.pad(&if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") })
    }
}

/// As a string of decimals: a JSON number would be read as a floating point number by some.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a number of votes: write digits, a point and more digits, or digits alone")]
pub struct ParseAmountError(String);

impl FromStr for Amount {
    type Err = ParseAmountError;

    /// As many decimals as are written.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, part) = text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let decimals = u8::try_from(part.map_or(0, str::len)).ok().filter(|_| digits(whole) && part.is_none_or(digits));
        let units = format!("{whole}{}", part.unwrap_or_default()).parse().ok();
        match (units, decimals) {
            (Some(units), Some(decimals)) => Ok(Self { units, decimals }),
            _ => Err(ParseAmountError(text.chars().take(40).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_all_their_decimals() {
        let shown = |units, decimals| Amount::new(units, decimals).to_string();
        assert_eq!([shown(0, 0), shown(12, 0), shown(5, 5), shown(1_234_567, 5)], ["0", "12", "0.00005", "12.34567"]);
        assert_eq!(format!("{:>8}", Amount::new(15, 1)), "     1.5");
        let large = Amount::new(u128::MAX, 38);
        assert_eq!(serde_json::to_string(&large).unwrap(), "\"3.40282366920938463463374607431768211455\"");
        assert_eq!(serde_json::from_str::<Amount>(&serde_json::to_string(&large).unwrap()).unwrap(), large);
        for wrong in ["", ".", "1.", ".5", "-1", "1e3", "1.2.3", "340282366920938463463374607431768211456"] {
            assert!(wrong.parse::<Amount>().is_err(), "{wrong}");
        }
    }
}
