//! The description of the API: what the framework derives, and what only we know about sessions.

use serde_json::{Value, json};

/// Operations that need no session and do not look at one.
const WITHOUT_SESSION: [&str; 8] =
    ["login", "refresh", "castBallot", "getBallot", "getReceipt", "getNetwork", "getNetworkStatus", "getGenesis"];
/// Operations that show a caller who is signed in more.
const SESSION_OPTIONAL: [&str; 6] = ["listElections", "getElection", "listCandidates", "getResults", "listEvents", "getBundle"];

/// Adds how sessions are shown, operation by operation (every other one needs a session), and what is left empty.
pub(crate) fn complete(derived: &str) -> String {
    let Ok(mut spec) = serde_json::from_str::<Value>(derived) else { return derived.to_owned() };
    spec["components"]["securitySchemes"] = json!({
        "session": {"type": "http", "scheme": "bearer", "description": "The access token that POST /auth/login gives."}
    });
    for operation in spec["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()).flat_map(methods) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        operation["security"] = if WITHOUT_SESSION.contains(&id) {
            json!([])
        } else if SESSION_OPTIONAL.contains(&id) {
            json!([{}, {"session": []}])
        } else {
            json!([{"session": []}])
        };
        for answer in operation["responses"].as_object_mut().into_iter().flat_map(|answers| answers.values_mut()) {
            if answer["description"] == "" {
                answer["description"] = "Success.".into(); // plain payloads have no text of their own
            }
        }
    }
    let mut text = serde_json::to_string_pretty(&spec).unwrap_or_else(|_| derived.to_owned());
    text.push('\n');
    text
}

fn methods(path: &mut Value) -> impl Iterator<Item = &mut Value> {
    path.as_object_mut().into_iter().flat_map(|methods| methods.values_mut()).filter(|operation| operation.is_object())
}
