//! The plan of the house, held against the sources: which room may know which, where each
//! technology lives, and which files every provider has.
//!
//! When a rule stands in the way of a better design, change the rule here, and its page in the
//! documentation, in the same commit.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms from the ground up. A room may use what lies below it, and a neighbour of its own tier that
/// does not use it in turn.
const TIERS: [&[&str]; 8] = [
    &["clock", "config", "ids", "json", "limits", "masking", "money", "stopwatch"],
    &["crypto", "outbound", "store"],
    &["checks", "scenario"],
    &["blueprint", "diagnosis", "recorder"],
    &["exchange", "listener", "notifications", "providers", "timers"],
    &["admin", "console"],
    &["emulator"],
    &["cli"],
];

/// Packages that only some rooms name, so that each can be replaced in one place.
const PACKAGES: [(&str, &[&str]); 13] = [
    ("clap", &["src/cli/"]),
    ("hmac", &["src/crypto/"]),
    ("hyper::client", &["src/outbound.rs"]),
    ("hyper_util::client", &["src/outbound.rs"]),
    ("josekit", &["src/crypto/"]),
    ("md5", &["src/crypto/"]),
    ("openssl", &["src/crypto/"]),
    ("rcgen", &["src/crypto/"]),
    ("rsa", &["src/crypto/"]),
    ("rustls", &["src/crypto/", "src/listener/"]),
    ("sha2", &["src/crypto/"]),
    ("sqlx", &["src/store/"]),
    ("tokio_rustls", &["src/crypto/", "src/listener/"]),
];

/// What prints, so that all output passes one file.
const PRINTING: [&str; 4] = ["eprint", "eprintln", "print", "println"];

/// Files of every provider, so that whoever knows one knows them all.
const PROVIDER_FILES: [&str; 8] = [
    "client.rs",
    "docs.md",
    "errors.rs",
    "messages.rs",
    "mod.rs",
    "security.rs",
    "settings.rs",
    "states.rs",
];

/// Places that exist on one machine only. Put together here, so that this file does not name them.
const MACHINE_PLACES: [&str; 3] =
    [concat!("/", "work/"), concat!("/", "root/"), concat!("/", "Users/")];

/// Folders that are made, not written.
const NOT_WRITTEN: [&str; 6] =
    [".git", ".sandgate", ".venv", "__pycache__", "node_modules", "target"];

#[test]
fn every_room_keeps_to_its_tier_and_its_packages() {
    let sources = sources();

    let slips: Vec<String> =
        sources.iter().flat_map(|(path, source)| slips(path, source)).collect();

    assert!(sources.len() > 20, "only {} sources were found", sources.len());
    assert!(slips.is_empty(), "{}", slips.join("\n"));
}

#[test]
fn no_two_rooms_use_each_other() {
    let uses = uses_between_rooms(&sources());

    let circles = circles(&uses);

    assert!(uses.len() > 20, "only {} uses were found", uses.len());
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn every_provider_has_the_files_that_every_provider_has() {
    let folder = root().join("src/providers");
    let mut providers = 0;
    for entry in fs::read_dir(folder).expect("there is a folder of providers") {
        let provider = entry.expect("readable").path();
        // A folder becomes a provider with its entry in the registry; until then it is parts.
        let registered = fs::read_to_string(provider.join("mod.rs"))
            .is_ok_and(|source| source.contains("impl Provider for "));
        if registered {
            providers += 1;
            let missing: Vec<&str> =
                PROVIDER_FILES.into_iter().filter(|file| !provider.join(file).is_file()).collect();
            assert!(missing.is_empty(), "{} lacks {}", provider.display(), missing.join(", "));
        }
    }
    assert!(providers > 0, "no provider was found");
}

#[test]
fn no_file_names_a_place_that_exists_on_one_machine_only() {
    let files = written_files();

    let named: Vec<String> = files
        .iter()
        .filter_map(|path| Some((path, fs::read_to_string(path).ok()?)))
        .filter_map(|(path, text)| Some(format!("{}: {}", path.display(), machine_place(&text)?)))
        .collect();

    assert!(files.len() > 20, "only {} files were found", files.len());
    assert!(named.is_empty(), "{}", named.join("\n"));
}

#[test]
fn a_planted_slip_is_found() {
    for (path, source, named) in [
        ("src/store/mod.rs", "use crate::checks::Check;", "store may not use checks"),
        ("src/store/mod.rs", "use crate::{limits, recorder::Recorder};", "may not use recorder"),
        ("src/store/mod.rs", "use crate::{ids, /* x */ emulator};", "may not use emulator"),
        ("src/crypto/jose.rs", "fn f() { crate::admin::serve() }", "crypto may not use admin"),
        ("src/crypto/jose.rs", "use super::super::blueprint;", "crypto may not use blueprint"),
        ("src/clock.rs", "use super::store::Store;", "clock may not use store"),
        ("src/ids.rs", "pub(in crate::cli) fn f() {}", "ids may not use cli"),
        ("src/blueprint/call.rs", "pub use crate::exchange as x;", "may not use exchange"),
        ("src/exchange/serve.rs", "use crate::providers::registry;", "may not use providers"),
        ("src/listener/mod.rs", "use crate::providers;", "listener may not use providers"),
        ("src/notifications/mod.rs", "use crate::providers::paco;", "may not use providers"),
        ("src/admin/mod.rs", "use crate::providers::registry;", "admin may not use providers"),
        ("src/cli/serve.rs", "use crate::providers::registry;", "cli may not use providers"),
        ("src/providers/paco/mod.rs", "use crate::exchange::f;", "may not use exchange"),
        ("src/providers/paco/mod.rs", "use crate::providers::paynet::X;", "another provider"),
        ("src/providers/paco/mod.rs", "use super::paynet;", "another provider"),
        ("src/providers/paco/states.rs", "use super::super::paynet::X;", "another provider"),
        ("src/pantry/mod.rs", "fn f() {}", "pantry has no tier"),
        ("src/store/mod.rs", "use crate::pantry::Jam;", "pantry has no tier"),
        ("src/admin/mod.rs", "use openssl::pkey::PKey;", "names openssl"),
        ("src/admin/mod.rs", "use ::{serde, rsa::BigUint};", "names rsa"),
        ("src/admin/mod.rs", "fn f() -> sha2::Sha256 {}", "names sha2"),
        ("src/emulator.rs", "use sqlx as s;", "names sqlx"),
        ("src/emulator.rs", "use hyper_util::{rt, client::legacy::Client};", "hyper_util::client"),
        ("src/admin/mod.rs", "let c = hyper::client::conn::http1::handshake();", "hyper::client"),
        ("src/exchange/mod.rs", "use tokio_rustls::TlsAcceptor;", "names tokio_rustls"),
        ("src/main.rs", "use clap::Parser;", "names clap"),
        ("src/cli/serve.rs", "fn f() { println!(\"x\"); }", "prints"),
        ("src/recorder.rs", "fn f() { std::eprint!(\"x\"); }", "prints"),
        ("src/recorder.rs", "fn f<'a>(c: char) { if c == '\"' { print!(\"\\\"\") } }", "prints"),
    ] {
        let found = slips(path, source);
        assert!(
            found.len() == 1 && found[0].contains(named) && found[0].contains(path),
            "{source} in {path} gave {found:?} instead of one slip with \"{named}\""
        );
    }
    let there_and_back = [
        ("src/exchange/mod.rs".to_owned(), "use crate::listener::A;".to_owned()),
        ("src/listener/mod.rs".to_owned(), "use crate::exchange::B;".to_owned()),
    ];
    assert_eq!(
        circles(&uses_between_rooms(&there_and_back)),
        ["exchange and listener use each other"]
    );
    let place = MACHINE_PLACES[0];
    assert_eq!(machine_place(&format!("see {place}notes")), Some(place));
}

#[test]
fn sound_code_is_not_blamed() {
    for (path, source) in [
        ("src/store/mod.rs", "//! See [`crate::admin`].\nuse crate::{ids, limits};"),
        ("src/store/mod.rs", "/* crate::admin /* nested */ crate::cli */ fn f() {}"),
        ("src/store/mod.rs", "const A: &str = \"crate::admin\"; const B: &str = r#\"\"sqlx::\"#;"),
        ("src/clock.rs", "mod tests { use super::*; use super::Mode; }"),
        ("src/crypto/jose.rs", "use super::keys::PrivateKey; use rsa::BigUint;"),
        ("src/blueprint/call.rs", "fn f(s: &Services) { s.rsa.run(); hmac(); my::rsa::x(); }"),
        ("src/store/mod.rs", "fn f() -> impl Iterator + use<'_> { { let a = [1]; } { a } }"),
        ("src/exchange/mod.rs", "use crate::listener::Accepted; use crate::recorder::Recorder;"),
        ("src/emulator.rs", "use crate::providers::registry; use crate::admin;"),
        ("src/providers/mod.rs", "mod paco; mod paynet; pub fn all() { paco::new(); }"),
        ("src/providers/paco/mod.rs", "use super::paco::states; use crate::providers::paco;"),
        ("src/providers/paco/states.rs", "use super::messages::Order; use crate::checks;"),
        ("src/cli/output.rs", "fn f() { println!(\"x\"); }"),
        ("src/cli/mod.rs", "use clap::Parser; use crate::emulator::Emulator;"),
        ("src/outbound.rs", "use hyper::client::conn::http1;"),
        ("src/admin/mod.rs", "use hyper::{server, StatusCode}; fn f(client: u8) {}"),
        ("src/lib.rs", "pub use crate::emulator::Emulator; pub mod admin;"),
    ] {
        let found = slips(path, source);
        assert!(found.is_empty(), "{source} in {path} gave {found:?}");
    }
    let downward = [
        ("src/exchange/mod.rs".to_owned(), "use crate::listener::A;".to_owned()),
        ("src/listener/mod.rs".to_owned(), "use crate::limits;".to_owned()),
    ];
    assert!(circles(&uses_between_rooms(&downward)).is_empty());
    assert_eq!(machine_place("a home/ and a framework/"), None);
}

/// Everything in one source that the plan does not allow.
fn slips(path: &str, source: &str) -> Vec<String> {
    let paths = paths_in(source);
    let mut found = Vec::new();
    let room = room_of(path);
    if let Some(room) = &room
        && tier(room).is_none()
    {
        found.push(format!("{path}: {room} has no tier; find its place in the order"));
    }
    let used: BTreeSet<Vec<String>> =
        paths.iter().filter_map(|named| inside_the_crate(path, named)).collect();
    for target in used {
        // `lib.rs` and `main.rs` are the map and the door: they belong to no tier.
        let Some(room) = &room else { break };
        if let Some(reason) = objection(path, room, &target) {
            found.push(format!("{path}: {reason}"));
        }
    }
    for (package, rooms) in PACKAGES {
        let wanted: Vec<&str> = package.split("::").collect();
        let names = paths.iter().any(|named| {
            named.segments.len() >= wanted.len()
                && named.segments.iter().zip(&wanted).all(|(segment, wanted)| segment == wanted)
        });
        if names && !rooms.iter().any(|room| path.starts_with(room)) {
            found.push(format!("{path}: names {package}, which is {}'s", rooms.join(" or ")));
        }
    }
    let prints = paths.iter().any(|named| {
        named.is_macro
            && named.segments.last().is_some_and(|name| PRINTING.contains(&name.as_str()))
    });
    if prints && path != "src/cli/output.rs" {
        found.push(format!("{path}: prints, which is src/cli/output.rs's; or use tracing"));
    }
    found
}

/// Why a room may not use something of its own crate.
fn objection(path: &str, room: &str, target: &[String]) -> Option<String> {
    let used = target[0].as_str();
    if used == room {
        let own = provider_of(path)?;
        let other = target.get(1).filter(|_| room == "providers")?;
        return (other != own).then(|| format!("{own} may not use {other}, another provider"));
    }
    let Some(below) = tier(used) else {
        return Some(format!("{used} has no tier; find its place in the order"));
    };
    // An unknown room is named once, above.
    let own = tier(room)?;
    let handed_on = used == "providers" && room != "emulator";
    let apart = room == "providers" && own == below;
    (below > own || handed_on || apart).then(|| format!("{room} may not use {used}"))
}

fn tier(room: &str) -> Option<usize> {
    TIERS.iter().position(|rooms| rooms.contains(&room))
}

/// The room of a source: its first folder or file below `src`; none for the map and the door.
fn room_of(path: &str) -> Option<String> {
    let rest = path.strip_prefix("src/")?;
    let room = rest.split_once('/').map_or(rest, |(room, _)| room).trim_end_matches(".rs");
    (!matches!(room, "lib" | "main")).then(|| room.to_owned())
}

/// The provider to which a source belongs, if it belongs to one.
fn provider_of(path: &str) -> Option<&str> {
    path.strip_prefix("src/providers/")?.split_once('/').map(|(provider, _)| provider)
}

/// Where a path leads, from the root of the crate, if it leads there at all.
fn inside_the_crate(path: &str, named: &Named) -> Option<Vec<String>> {
    let segments = &named.segments;
    if segments[0] == "crate" {
        let target = segments[1..].to_vec();
        return (!target.is_empty()).then_some(target);
    }
    let climbs = segments.iter().take_while(|segment| *segment == "super").count();
    if climbs == 0 {
        return None;
    }
    let mut module: Vec<&str> =
        path.strip_prefix("src/")?.trim_end_matches(".rs").split('/').collect();
    if module.last() == Some(&"mod") {
        module.pop();
    }
    // A module of tests at the foot of a file climbs one step less than it seems to; what it names
    // then is no room and no provider, and is let pass.
    let left = module.len().checked_sub(climbs)?;
    let target: Vec<String> = module[..left]
        .iter()
        .map(|segment| (*segment).to_owned())
        .chain(segments[climbs..].iter().cloned())
        .collect();
    let is_provider = left == 1 && target[0] == "providers" && target.len() > 1 && {
        let name = target[1].as_str();
        name.starts_with(|letter: char| letter.is_ascii_lowercase())
            && Some(name) != provider_of(path)
    };
    let is_room = left == 0 && target.first().is_some_and(|name| tier(name).is_some());
    (is_provider || is_room).then_some(target)
}

/// Which room uses which other.
fn uses_between_rooms(sources: &[(String, String)]) -> BTreeSet<(String, String)> {
    let mut uses = BTreeSet::new();
    for (path, source) in sources {
        let Some(room) = room_of(path) else { continue };
        for named in paths_in(source) {
            if let Some(target) = inside_the_crate(path, &named)
                && target[0] != room
            {
                uses.insert((room.clone(), target[0].clone()));
            }
        }
    }
    uses
}

/// Rooms that use each other, each pair once. The tiers exclude longer circles, except inside one
/// tier, and no tier is that crowded.
fn circles(uses: &BTreeSet<(String, String)>) -> Vec<String> {
    uses.iter()
        .filter(|(room, used)| room < used && uses.contains(&(used.clone(), room.clone())))
        .map(|(room, used)| format!("{room} and {used} use each other"))
        .collect()
}

fn machine_place(text: &str) -> Option<&'static str> {
    MACHINE_PLACES.into_iter().find(|place| text.contains(place))
}

/// A path that a source names.
#[derive(Debug, PartialEq)]
struct Named {
    segments: Vec<String>,
    is_macro: bool,
}

/// Every path in a source, those of `use` groups written out.
fn paths_in(source: &str) -> Vec<Named> {
    let code = tokens(&without_comments_and_texts(source));
    let mut paths = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let follows_path = at > 0 && code[at - 1] == "::" && at > 1 && is_name(&code[at - 2]);
        // `use<'a>` in a return type captures lifetimes and imports nothing.
        if code[at] == "use" && code.get(at + 1).is_some_and(|token| token != "<") {
            at = use_tree(&code, at + 1, &[], &mut paths);
        } else if is_name(&code[at]) && !follows_path {
            let mut segments = vec![code[at].clone()];
            while code.get(at + 1).is_some_and(|token| token == "::")
                && code.get(at + 2).is_some_and(|token| is_name(token))
            {
                segments.push(code[at + 2].clone());
                at += 2;
            }
            let is_macro = code.get(at + 1).is_some_and(|token| token == "!")
                && code.get(at + 2).is_some_and(|token| matches!(token.as_str(), "(" | "[" | "{"));
            // One bare word is a variable as often as a package.
            if segments.len() > 1 || is_macro {
                paths.push(Named { segments, is_macro });
            }
        }
        at += 1;
    }
    paths
}

/// Reads one tree of a `use` and returns where it ends.
fn use_tree(code: &[String], mut at: usize, above: &[String], paths: &mut Vec<Named>) -> usize {
    let mut segments = above.to_vec();
    while let Some(token) = code.get(at) {
        match token.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while code.get(at).is_some_and(|token| token != "}" && token != ";") {
                    at = use_tree(code, at, &segments, paths);
                    if code.get(at).is_some_and(|token| token == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => at += 2,
            "," | "}" | ";" => break,
            name => {
                // `self` in a group stands for the path above it.
                if name != "self" {
                    segments.push(name.to_owned());
                }
                at += 1;
            }
        }
    }
    if !segments.is_empty() {
        paths.push(Named {
            segments,
            is_macro: false,
        });
    }
    at
}

fn tokens(code: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() {
            continue;
        }
        let mut token = letter.to_string();
        if is_part_of_a_name(letter) {
            while let Some(next) = letters.next_if(|next| is_part_of_a_name(*next)) {
                token.push(next);
            }
        } else if letter == ':'
            && let Some(next) = letters.next_if_eq(&':')
        {
            token.push(next);
        }
        tokens.push(token);
    }
    tokens
}

fn is_name(token: &str) -> bool {
    token.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

fn is_part_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The code alone: comments, texts and single letters become blanks.
fn without_comments_and_texts(source: &str) -> String {
    let letters: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < letters.len() {
        let rest = &letters[at..];
        let starts = |pattern: &str| rest.iter().copied().take(pattern.len()).eq(pattern.chars());
        let in_name = at > 0 && is_part_of_a_name(letters[at - 1]);
        let length = if starts("//") {
            rest.iter().position(|letter| *letter == '\n').unwrap_or(rest.len())
        } else if starts("/*") {
            block_comment(rest)
        } else if starts("\"") {
            quoted(rest, '"')
        } else if !in_name && (starts("r\"") || starts("r#")) {
            raw_text(rest)
        } else if !in_name && (starts("br\"") || starts("br#")) {
            1 + raw_text(&rest[1..])
        } else if starts("'") && (rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\'')) {
            quoted(rest, '\'')
        } else {
            0
        };
        if length == 0 {
            code.push(letters[at]);
            at += 1;
        } else {
            code.push(' ');
            at += length;
        }
    }
    code
}

fn block_comment(letters: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at + 1 < letters.len() {
        match (letters[at], letters[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    letters.len()
}

fn quoted(letters: &[char], end: char) -> usize {
    let mut at = 1;
    while at < letters.len() {
        match letters[at] {
            '\\' => at += 2,
            letter if letter == end => return at + 1,
            _ => at += 1,
        }
    }
    letters.len()
}

/// Length of a raw text; zero for a raw name such as `r#type`.
fn raw_text(letters: &[char]) -> usize {
    let fences = letters[1..].iter().take_while(|letter| **letter == '#').count();
    if letters.get(1 + fences) != Some(&'"') {
        return 0;
    }
    let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', fences)).collect();
    let body: String = letters[2 + fences..].iter().collect();
    body.find(&end)
        .map_or(letters.len(), |found| 2 + fences + body[..found].chars().count() + end.len())
}

/// Every Rust source below `src`, by its path in the repository.
fn sources() -> Vec<(String, String)> {
    files_below(&root().join("src"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let source = fs::read_to_string(&path).expect("a source is text");
            let path = path.strip_prefix(root()).expect("below the root").to_string_lossy();
            (path.replace('\\', "/"), source)
        })
        .collect()
}

/// Every file that people wrote.
fn written_files() -> Vec<PathBuf> {
    files_below(&root())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            // `.git` is a file where the checkout is a further worktree.
            if NOT_WRITTEN.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
