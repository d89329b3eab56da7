//! The description of the API is what is served, is unambiguous, and is complete.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::support::Gateway;

/// Set to write the file anew after the API has changed.
const REGENERATE: &str = "REGENERATE_OPENAPI";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_committed_description_is_the_one_served() {
    let gateway = Gateway::start().await;
    let served = gateway.http.get(gateway.url("/openapi.json")).send().await.unwrap().text().await.unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os(REGENERATE).is_some() {
        std::fs::write(&file, &served).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap();
    let (committed_spec, served_spec): (Value, Value) =
        (serde_json::from_str(&committed).unwrap(), serde_json::from_str(&served).unwrap());
    assert_eq!(committed_spec, served_spec, "openapi.json is stale: run this test with {REGENERATE}=1");
    for text in [&committed, &served] {
        NoDuplicates.deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap();
    }

    let mut ids = HashSet::new();
    let mut models = Vec::new();
    for (path, methods) in served_spec["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let text = |name: &str| operation[name].as_str().unwrap_or_default().to_owned();
            assert!(!text("summary").is_empty(), "{method} {path} has a summary");
            assert!(!text("operationId").is_empty() && ids.insert(text("operationId")), "{method} {path} has an id of its own");
            assert!(operation["security"].is_array(), "{method} {path} says whether it needs a session");
            assert!(operation["responses"].as_object().is_some_and(|answers| !answers.is_empty()), "{method} {path}");
        }
        references(methods, &mut models);
    }
    assert!(ids.len() >= 25, "{}", ids.len());
    assert_eq!(served_spec["components"]["securitySchemes"]["session"]["scheme"], "bearer");
    for model in models {
        let name = model.strip_prefix("#/components/schemas/").unwrap();
        assert!(served_spec["components"]["schemas"][name].is_object(), "{name} is described");
    }
    gateway.stop().await;
}

#[test]
fn every_code_is_documented() {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md")).unwrap();
    let errors = document.split_once("| code | status | meaning |").unwrap().1.split_once("\n\n").unwrap().0;
    let documented: Vec<&str> = errors.lines().skip(2).collect();
    let expected: Vec<String> =
        voting_gateway::CODES.iter().map(|(code, status, meaning)| format!("| `{code}` | {status} | {meaning} |")).collect();
    assert_eq!(documented, expected, "docs/api.md, Errors");
    let distinct: HashSet<&str> = voting_gateway::CODES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(distinct.len(), expected.len(), "a code has one meaning");
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Reads JSON and fails where an object has a key twice.
#[derive(Clone, Copy)]
struct NoDuplicates;

impl<'de> DeserializeSeed<'de> for NoDuplicates {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NoDuplicates {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate keys")
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
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(self)?;
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom(format!("`{key}` appears twice")));
            }
        }
        Ok(())
    }
}
