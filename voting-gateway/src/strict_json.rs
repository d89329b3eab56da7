//! JSON that can be read in only one way: no duplicate keys, bounded depth, nothing after the end.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Nesting that no request of ours needs.
const MAX_DEPTH: usize = 32;

/// Checks a document.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err("the JSON begins with a byte order mark; leave it out".to_owned());
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Strict(0).deserialize(&mut deserializer).map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())
}

/// Walks a value at a depth.
struct Strict(usize);

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.0 > MAX_DEPTH {
            return Err(D::Error::custom(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Strict(self.0 + 1))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format!("the key `{}` appears twice", key.chars().take(40).collect::<String>())));
            }
            keys.insert(key);
            map.next_value_seed(Strict(self.0 + 1))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn accepts_json() {
        for text in [r#"{"a":[1,2.5,-0,"x",null,true],"b":{}}"#, "[]", "\"\\ud83d\\ude00\"", " 1 "] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn refuses_what_can_be_read_in_two_ways() {
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        let cases: [&[u8]; 11] = [
            br#"{"a":1,"a":2}"#,
            br#"{"a":1,"\u0061":2}"#,
            b"\xEF\xBB\xBF{}",
            b"{} {}",
            b"{}x",
            b"{\"a\":1,}",
            b"NaN",
            b"1e400",
            br#""\ud800""#,
            b"\"\xff\"",
            deep.as_bytes(),
        ];
        for case in cases {
            assert!(check(case).is_err(), "{:?}", String::from_utf8_lossy(case));
        }
    }
}
