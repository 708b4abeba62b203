//! The secrets of all known clients, found in whatever a client sends: at its right place, at a wrong
//! one, encoded, cut, or inside Basic credentials.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Weak};

use base64::Engine as _;

use super::forms::{self, BASE64};
use super::merchant::PaynetMerchant;

/// What stands in the journal where a known secret stood.
pub(super) const KNOWN_SECRET: &str = "***(client secret)";

/// Letters by which a secret is looked up. A shorter one stands everywhere by chance, and is hidden
/// only where it stands alone.
const WINDOW: usize = 8;

/// Bits of the filter that spares most places of a text the look-up.
const FILTER_BITS: usize = 1 << 16;

/// A text that gives a secret away.
#[derive(Debug)]
pub(super) struct Giveaway {
    text: Vec<u8>,
    /// Where the letters are that it is looked up by.
    window: usize,
    /// Base64 goes on behind it, by what follows the secret.
    is_base64: bool,
}

/// Every text that gives a client's secret away, but for the encodings that can be undone.
pub(super) fn giveaways(client_id: &str, secret: &str) -> Vec<Giveaway> {
    let mut all = vec![Giveaway {
        text: secret.as_bytes().to_vec(),
        window: 0,
        is_base64: false,
    }];
    // Basic credentials, form-encoded first (RFC 6749 §2.3.1) or not, and the secret by itself.
    let mut encoded: Vec<Vec<u8>> = [
        format!("{client_id}:{secret}"),
        format!("{}:{}", forms::encoded(client_id), forms::encoded(secret)),
        secret.to_owned(),
    ]
    .iter()
    // Of three bytes that are not full the letters depend on what follows.
    .map(|text| BASE64.encode(&text.as_bytes()[..text.len() / 3 * 3]).into_bytes())
    .collect();
    let for_urls = |text: &Vec<u8>| -> Vec<u8> {
        let letters = text.iter().map(|letter| match letter {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        });
        letters.collect()
    };
    encoded.extend(encoded.iter().map(for_urls).collect::<Vec<_>>());
    encoded.retain(|text| text.len() >= WINDOW);
    encoded.sort();
    encoded.dedup();
    all.extend(encoded.into_iter().map(|text| Giveaway {
        window: text.len() - WINDOW,
        text,
        is_base64: true,
    }));
    all
}

/// One of the texts of a client.
type Known = (Arc<[Giveaway]>, usize);

/// All secrets, by some of their letters.
#[derive(Debug)]
pub(super) struct KnownSecrets {
    filter: Vec<u64>,
    /// Those of a client that is gone stay until the next clearing out: it may go on sending them.
    by_window: HashMap<[u8; WINDOW], Vec<Known>>,
    /// By their length.
    short: BTreeMap<usize, HashSet<Vec<u8>>>,
    clients: Vec<Weak<PaynetMerchant>>,
    /// So many clients that those who are gone should be forgotten.
    crowded: usize,
}

impl Default for KnownSecrets {
    fn default() -> Self {
        Self {
            filter: vec![0; FILTER_BITS / 64],
            by_window: HashMap::new(),
            short: BTreeMap::new(),
            clients: Vec::new(),
            crowded: 64,
        }
    }
}

impl KnownSecrets {
    /// Adds a client.
    pub(super) fn add(&mut self, client: &Arc<PaynetMerchant>) {
        if self.clients.len() >= self.crowded {
            let present = self.clients();
            *self = Self {
                crowded: 2 * present.len() + 64,
                ..Self::default()
            };
            for client in &present {
                self.insert(client);
            }
        }
        self.insert(client);
    }

    /// Every client that is still there.
    pub(super) fn clients(&self) -> Vec<Arc<PaynetMerchant>> {
        self.clients.iter().filter_map(Weak::upgrade).collect()
    }

    /// Takes every secret out of a text. `None`: there is none.
    pub(super) fn hide(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut found = Vec::new();
        self.find(text, &mut |range| found.push(range));
        let mut view = View::Raw;
        for undo in [without_nul, without_escapes, without_percent, without_percent] {
            if let Some(next) = undo(view.bytes(text)) {
                view = view.then(next);
                self.find(view.bytes(text), &mut |range| found.push(view.range(range)));
            }
        }
        if found.is_empty() {
            return None;
        }
        found.sort_by_key(|range| range.start);
        let mut hidden = Vec::with_capacity(text.len());
        let mut end = 0;
        for range in found {
            if range.start >= end {
                hidden.extend_from_slice(&text[end..range.start]);
                hidden.extend_from_slice(KNOWN_SECRET.as_bytes());
            }
            end = end.max(range.end);
        }
        hidden.extend_from_slice(&text[end..]);
        Some(hidden)
    }

    fn insert(&mut self, client: &Arc<PaynetMerchant>) {
        self.clients.push(Arc::downgrade(client));
        for (index, giveaway) in client.giveaways.iter().enumerate() {
            let letters = giveaway.text.get(giveaway.window..).and_then(<[u8]>::first_chunk);
            let Some(letters) = letters else {
                self.short.entry(giveaway.text.len()).or_default().insert(giveaway.text.clone());
                continue;
            };
            let bit = filter_bit(*letters);
            self.filter[bit / 64] |= 1 << (bit % 64);
            let known = self.by_window.entry(*letters).or_default();
            known.push((Arc::clone(&client.giveaways), index));
        }
    }

    fn find(&self, text: &[u8], found: &mut dyn FnMut(Range<usize>)) {
        let windows = text.windows(WINDOW).filter_map(<[u8]>::first_chunk::<WINDOW>);
        // What is found is hidden whole: a secret that is repeated a thousand times is found once.
        let mut hidden_to = 0;
        for (at, letters) in windows.enumerate() {
            if at < hidden_to {
                continue;
            }
            let bit = filter_bit(*letters);
            if self.filter[bit / 64] & (1 << (bit % 64)) == 0 {
                continue;
            }
            for (giveaways, index) in self.by_window.get(letters).into_iter().flatten() {
                if let Some(range) = giveaways[*index].around(text, at) {
                    hidden_to = hidden_to.max(range.end);
                    found(range);
                }
            }
        }
        for (length, secrets) in &self.short {
            for (at, window) in text.windows(*length).enumerate() {
                if secrets.contains(window) && stands_alone(text, at, *length) {
                    found(at..at + length);
                }
            }
        }
    }
}

impl Giveaway {
    /// Where it stands, if its letters stand at a place.
    fn around(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        let start = at.checked_sub(self.window)?;
        let there = &text[start..];
        let common = there.iter().zip(&self.text).take_while(|(one, other)| one == other).count();
        let end = start + common;
        if common == self.text.len() {
            let more = text[end..]
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte));
            return Some(start..end + if self.is_base64 { more.count() } else { 0 });
        }
        // Evidence and answers cut long texts.
        let is_cut = matches!(text[end..], [] | [b'"' | b'\\', ..] | [0xe2, 0x80, 0xa6, ..]);
        (is_cut && common >= WINDOW).then_some(start..end)
    }
}

fn filter_bit(letters: [u8; WINDOW]) -> usize {
    let [a, b, c, d, ..] = letters;
    // Fibonacci hashing: the upper bits depend on all four letters.
    (u32::from_le_bytes([a, b, c, d]).wrapping_mul(0x9e37_79b1) >> 16) as usize
}

/// Whether a short text is a value and not a part of a word or, if it is very short, a word.
fn stands_alone(text: &[u8], at: usize, length: usize) -> bool {
    let is_edge = |byte: Option<&u8>| {
        byte.is_none_or(|byte| {
            b"\"'=&:,;<>\\\r\n".contains(byte) || length >= 4 && b" \t()".contains(byte)
        })
    };
    let before = &text[..at];
    (is_edge(before.last()) || before.ends_with(b": ")) && is_edge(text.get(at + length))
}

/// A text with an encoding undone, and where its bytes came from.
struct Undone {
    bytes: Vec<u8>,
    /// One for each byte, and the end.
    starts: Vec<usize>,
}

enum View {
    Raw,
    Undone(Undone),
}

impl View {
    fn bytes<'t>(&'t self, raw: &'t [u8]) -> &'t [u8] {
        match self {
            Self::Raw => raw,
            Self::Undone(undone) => &undone.bytes,
        }
    }

    fn range(&self, range: Range<usize>) -> Range<usize> {
        match self {
            Self::Raw => range,
            Self::Undone(undone) => undone.starts[range.start]..undone.starts[range.end],
        }
    }

    /// A further encoding undone.
    fn then(self, mut next: Undone) -> Self {
        if let Self::Undone(before) = self {
            next.starts.iter_mut().for_each(|start| *start = before.starts[*start]);
        }
        Self::Undone(next)
    }
}

/// UTF-16 taken for bytes.
fn without_nul(text: &[u8]) -> Option<Undone> {
    undone(text, 0, |rest| (rest[0] == 0).then_some((None, 1)))
}

/// Escapes of JSON.
fn without_escapes(text: &[u8]) -> Option<Undone> {
    undone(text, b'\\', |rest| match rest {
        [b'\\', letter @ (b'"' | b'\\' | b'/'), ..] => Some((Some(*letter), 2)),
        [b'\\', b'u', b'0', b'0', high, low, ..] => hex_byte(*high, *low).map(|it| (Some(it), 6)),
        _ => None,
    })
}

/// Percent-encoding.
fn without_percent(text: &[u8]) -> Option<Undone> {
    undone(text, b'%', |rest| match rest {
        [b'%', high, low, ..] => hex_byte(*high, *low).map(|it| (Some(it), 3)),
        _ => None,
    })
}

/// Replaces what begins with a byte and can be read as one; so many bytes are read.
fn undone(
    text: &[u8],
    mark: u8,
    read: impl Fn(&[u8]) -> Option<(Option<u8>, usize)>,
) -> Option<Undone> {
    if !text.contains(&mark) {
        return None;
    }
    let mut undone = Undone {
        bytes: Vec::with_capacity(text.len()),
        starts: Vec::with_capacity(text.len() + 1),
    };
    let mut at = 0;
    while at < text.len() {
        let special = (text[at] == mark).then(|| read(&text[at..])).flatten();
        let (byte, length) = special.unwrap_or((Some(text[at]), 1));
        if let Some(byte) = byte {
            undone.bytes.push(byte);
            undone.starts.push(at);
        }
        at += length;
    }
    undone.starts.push(text.len());
    Some(undone)
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |letter: u8| char::from(letter).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
