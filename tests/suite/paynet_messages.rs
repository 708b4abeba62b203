//! The messages of `fixtures/paynet/messages`: each request is sent as it stands there, and the answer
//! must be what stands below it, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::harness::{Answer, Sandbox, start_instant};
use crate::portal::{FORM, local};

/// One request and its answer.
#[derive(Debug, Default)]
struct Message {
    title: String,
    request: Vec<String>,
    answer: Vec<String>,
}

/// A request line or a status, header lines, a body.
struct Parts<'m> {
    first: &'m str,
    headers: Vec<(&'m str, &'m str)>,
    body: String,
}

#[test]
fn every_message_of_the_fixtures_is_answered_as_it_stands_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/paynet/messages");
    let mut played = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder of messages") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let text = fs::read_to_string(&path).expect("text");
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            played.insert(name.clone(), play(&name, &messages(&text)));
        }
    }

    let names: BTreeSet<&str> = played.keys().map(String::as_str).collect();
    let wanted = [
        "guard",
        "token",
        "token-errors",
        "v1-download",
        "v1-errors",
        "v1-types",
        "v2-errors",
        "v2-report",
        "v2-summary",
    ];
    assert_eq!(names, BTreeSet::from(wanted));
    assert!(played.values().all(|messages| *messages > 0), "{played:?}");
}

fn messages(text: &str) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            messages.push(Message {
                title: title.to_owned(),
                ..Message::default()
            });
        }
        let Some(last) = messages.last_mut() else { continue };
        // A line may be empty behind its mark.
        if let Some(sent) = line.strip_prefix('>') {
            last.request.push(sent.strip_prefix(' ').unwrap_or(sent).to_owned());
        } else if let Some(answered) = line.strip_prefix('<') {
            last.answer.push(answered.strip_prefix(' ').unwrap_or(answered).to_owned());
        }
    }
    messages
}

fn parts(lines: &[String]) -> Parts<'_> {
    let mut lines = lines.iter().map(String::as_str);
    let first = lines.next().expect("a first line");
    let headers = lines.by_ref().take_while(|line| !line.is_empty());
    let headers = headers.map(|line| line.split_once(": ").expect("a header")).collect();
    Parts {
        first,
        headers,
        body: lines.collect::<Vec<_>>().join("\n"),
    }
}

/// Plays one file against a sandbox of its own, and says how many messages it has.
fn play(file: &str, messages: &[Message]) -> usize {
    let sandbox = Sandbox::start();
    let mut known = BTreeMap::from([
        ("token", token(&sandbox)),
        ("timestamp", start_instant().as_second().to_string()),
        ("signature", signature()),
        ("origin", sandbox.emulator.base_url("paynet").to_owned()),
    ]);
    for message in messages {
        let title = format!("{file}: {}", message.title);
        let put_in = |text: &str| {
            known.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            })
        };
        let request = parts(&message.request);
        let (method, target) = request.first.split_once(' ').expect("a method and a target");
        let headers: Vec<(&str, String)> =
            request.headers.iter().map(|(name, value)| (*name, put_in(value))).collect();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();

        let answer =
            sandbox.send("paynet", method, &put_in(target), &headers, request.body.as_bytes());

        let (wanted, origin) = (parts(&message.answer), known["origin"].clone());
        compare(&title, &wanted, &answer, &origin);
        if let Some((_, url)) = answer.text().split_once("\"url\":\"") {
            let url = url.split('"').next().unwrap_or_default().replace("\\u0026", "&");
            known.insert("path", local(&url));
        }
    }
    messages.len()
}

fn compare(title: &str, wanted: &Parts<'_>, answer: &Answer, origin: &str) {
    assert_eq!(answer.status.to_string(), wanted.first, "{title}: {}", answer.text());
    for (name, value) in &wanted.headers {
        assert_eq!(answer.header(name), Some(*value), "{title}: {name}");
    }
    let text = answer.text();
    let wanted = wanted.body.replace("{origin}", origin);
    // What is made anew each time stands in braces, and is one word.
    let mut rest = text.trim_end_matches('\n');
    let mut pieces = wanted.split("{token}").flat_map(|piece| piece.split("{ott}")).peekable();
    while let Some(piece) = pieces.next() {
        rest = rest.strip_prefix(piece).unwrap_or_else(|| panic!("{title}: {text}\n{wanted}"));
        if pieces.peek().is_some() {
            let end = rest.find('"').expect("a word in quotes");
            assert!(end > 20, "{title}: {text}");
            rest = &rest[end..];
        }
    }
    assert_eq!(rest, "", "{title}: {text}\n{wanted}");
}

fn token(sandbox: &Sandbox) -> String {
    let form =
        b"grant_type=client_credentials&client_id=demo-paynet&client_secret=demoPaynetSecret0001";
    let answer = sandbox.send("paynet", "POST", "/token", &[FORM], form);
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

/// Of the instant at which every sandbox stands, made with
/// `printf 1767225600 | openssl dgst -sha256 -hmac demoPaynetSecret0001`.
fn signature() -> String {
    "159cdafb2c0d67b309d5fdf15f6264d79ba80889267ac17635756500887d4696".to_owned()
}
