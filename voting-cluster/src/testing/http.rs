//! Requests by hand: what a test sends is what stands here, and nothing retries behind its back.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Longest wait for an answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status of the answer.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// What follows them.
    pub body: String,
}

impl Answer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.into_iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// The answer to a GET, if somebody answers.
#[must_use]
pub fn get(url: &str, path: &str) -> Option<Answer> {
    request(url, &format!("GET {path}"), &[], "")
}

/// The answer to a request, if somebody answers: `line` is method and path, the body is JSON.
#[must_use]
pub fn request(url: &str, line: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
    let address = url.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(ANSWERS_WITHIN)).ok()?;
    let mut head = format!("{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !body.is_empty() {
        head.push_str("content-type: application/json\r\n");
    }
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    write!(stream, "{head}\r\n{body}").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(&stream);
            let lines: Vec<_> = reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            reader.read_exact(&mut [0; 2]).unwrap(); // what is left unread would spoil the answer
            write!(stream, "HTTP/1.1 503 Busy\r\nRetry-After: 2\r\n\r\n{{\"code\":\"full\"}}").unwrap();
            lines
        });
        let answer = request(&url, "PUT /votes/1", &[("x-one", "two")], "{}").unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
        assert_eq!(answer.json()["code"], "full");
        let asked = server.join().unwrap();
        assert_eq!(asked[0], "PUT /votes/1 HTTP/1.1");
        assert!(asked.contains(&"x-one: two".to_owned()) && asked.contains(&"content-length: 2".to_owned()), "{asked:?}");
        assert_eq!(get(&url, "/"), None, "nobody is left to answer");
    }
}
