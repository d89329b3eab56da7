//! The API reference as plain HTML, made from the description: no script, nothing from elsewhere.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The sections in reading order, by the first segment of the path.
const SECTIONS: [(&str, &[&str]); 4] = [
    ("Sessions", &["auth"]),
    ("Elections", &["elections"]),
    ("Ballots and receipts", &["votes", "ballots", "user"]),
    ("The network", &["network", "genesis"]),
];

/// The whole page.
pub(super) fn page(spec: &str) -> String {
    let spec: Value = serde_json::from_str(spec).unwrap_or_default();
    let (mut contents, mut operations, mut models) = (String::new(), String::new(), String::new());
    for (title, segments) in SECTIONS {
        let anchor = title.to_lowercase().replace(' ', "-");
        let _ = write!(contents, "<li><a href=\"#{anchor}\">{title}</a></li>");
        let _ = write!(operations, "<h2 id=\"{anchor}\">{title}</h2>");
        let belongs = |path: &str| segments.contains(&path.split('/').nth(1).unwrap_or_default());
        for (path, methods) in object(&spec["paths"]).filter(|(path, _)| belongs(path)) {
            for (method, operation) in object(methods) {
                operation_html(&mut operations, path, method, operation);
            }
        }
    }
    for (name, schema) in object(&spec["components"]["schemas"]) {
        model_html(&mut models, name, schema);
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>API – Voting gateway</title><link rel=\"stylesheet\" href=\"/style.css\"></head><body><main>\
         <p><a href=\"/\">Start</a></p><h1>API</h1><p>{}</p>\
         <p>A session is the access token that <code>POST /auth/login</code> gives, sent as \
         <code>Authorization: Bearer …</code>. For programs: <a href=\"/openapi.json\">/openapi.json</a>.</p>\
         <nav aria-label=\"Contents\"><ul>{contents}<li><a href=\"#models\">Models</a></li></ul></nav>\
         {operations}<h2 id=\"models\">Models</h2>{models}</main></body></html>",
        prose(&spec["info"]["description"])
    )
}

fn operation_html(html: &mut String, path: &str, method: &str, operation: &Value) {
    let session = match operation["security"].as_array().map(Vec::as_slice) {
        Some([]) => "no session",
        Some([first, ..]) if first.as_object().is_some_and(Map::is_empty) => "a session shows more",
        _ => "needs a session",
    };
    let _ = write!(
        html,
        "<article><h3><code><strong>{}</strong> {}</code></h3><p><strong>{}</strong> <span class=\"muted\">{session}</span></p>",
        method.to_uppercase(),
        escape(path),
        prose(&operation["summary"]),
    );
    if let Some(text) = operation["description"].as_str().filter(|text| !text.is_empty()) {
        let _ = write!(html, "<p>{}</p>", prose(&Value::from(text)));
    }
    let described = |parameter: &&Value| parameter["in"] != "path" || parameter["description"].is_string();
    for parameter in operation["parameters"].as_array().into_iter().flatten().filter(described) {
        let place = parameter["in"].as_str().unwrap_or_default();
        let name = escape(parameter["name"].as_str().unwrap_or_default());
        let _ = write!(html, "<p><code>{name}</code> in the {place}: {}</p>", prose(&parameter["description"]));
    }
    let content = object(&operation["requestBody"]["content"]);
    let bodies: Vec<String> =
        content.map(|(kind, content)| format!("{} <code>{}</code>", type_html(&content["schema"]), escape(media(kind)))).collect();
    if !bodies.is_empty() {
        let _ = write!(html, "<p>Takes {}</p>", bodies.join(" or "));
    }
    let (good, bad): (Vec<_>, Vec<_>) = object(&operation["responses"]).partition(|(status, _)| status.starts_with('2'));
    let answers: Vec<String> = good.into_iter().map(|(status, answer)| answer_html(status, answer)).collect();
    let _ = write!(html, "<p>Answers</p><ul>{}</ul>", answers.concat());
    let errors: Vec<String> = bad.into_iter().map(|(status, answer)| answer_html(status, answer)).collect();
    let _ = write!(html, "<details><summary>Errors</summary><ul>{}</ul></details></article>", errors.concat());
}

fn answer_html(status: &str, answer: &Value) -> String {
    let kinds: Vec<String> = object(&answer["content"])
        .map(|(kind, content)| format!("{} <code>{}</code>", type_html(&content["schema"]), escape(media(kind))))
        .collect();
    format!("<li><code>{}</code> {} {}</li>", escape(status), prose(&answer["description"]), kinds.join(" or "))
}

fn model_html(html: &mut String, name: &str, schema: &Value) {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let _ = write!(html, "<article id=\"{0}\"><h3>{0}</h3><p>{1}</p>", escape(name), prose(&schema["description"]));
    let variants: Vec<String> = ["oneOf", "anyOf"]
        .iter()
        .flat_map(|key| schema[key].as_array().into_iter().flatten())
        .map(type_html)
        .chain(
            schema["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(|v| format!("<code>{}</code>", escape(v))),
        )
        .collect();
    if !variants.is_empty() {
        let _ = write!(html, "<p>One of {}</p>", variants.join(", "));
    }
    let mut rows = String::new();
    for (field, kind) in object(&schema["properties"]) {
        let optional = if required.contains(&field.as_str()) { "" } else { ", optional" };
        let _ = write!(
            rows,
            "<tr><td><code>{}</code></td><td>{}{optional}</td><td>{}</td></tr>",
            escape(field),
            type_html(kind),
            prose(&kind["description"])
        );
    }
    if !rows.is_empty() {
        let _ = write!(html, "<table><tbody>{rows}</tbody></table>");
    }
    html.push_str("</article>");
}

fn type_html(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escape(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    if let Some(all) = schema["allOf"].as_array().and_then(|all| all.first()) {
        return type_html(all);
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_html(&schema["items"])),
        Some(kind) => match schema["format"].as_str() {
            Some(format) => format!("{} ({})", escape(kind), escape(format)),
            None => escape(kind),
        },
        None => String::new(),
    }
}

/// The members of an object; none of anything else.
fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The type of content without its parameters.
fn media(kind: &str) -> &str {
    kind.split(';').next().unwrap_or(kind)
}

/// Text with `code` in it, escaped.
fn prose(text: &Value) -> String {
    let escaped = escape(text.as_str().unwrap_or_default()).replace('\n', " ");
    let mut html = String::with_capacity(escaped.len());
    for (i, part) in escaped.split('`').enumerate() {
        html.push_str(match i {
            0 => "",
            i if i % 2 == 1 => "<code>",
            _ => "</code>",
        });
        html.push_str(part);
    }
    if escaped.matches('`').count() % 2 == 1 {
        html.push_str("</code>");
    }
    html
}

/// Text as HTML shows it.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(prose(&Value::from("a `b<c` & \"d\"")), "a <code>b&lt;c</code> &amp; &quot;d&quot;");
        assert_eq!(prose(&Value::from("odd `x")), "odd <code>x</code>");
    }

    /// A path outside every section would be missing from the page.
    #[test]
    fn every_operation_has_its_place() {
        let spec: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
        let page = page(&spec.to_string());
        for (path, methods) in object(&spec["paths"]) {
            for (method, _) in object(methods) {
                let title = format!("<strong>{}</strong> {}</code>", method.to_uppercase(), escape(path));
                assert_eq!(page.matches(&title).count(), 1, "{method} {path}");
            }
        }
        for (name, _) in object(&spec["components"]["schemas"]) {
            assert!(page.contains(&format!("<article id=\"{name}\">")), "{name}");
        }
    }
}
