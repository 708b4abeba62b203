//! Credentials in the head of a request that could not be read: its lines may be broken in any way.

/// What takes the place of a credential.
const HIDDEN: &[u8] = b"***";

/// Lines whose values are credentials, with a colon behind the name or without.
const CREDENTIAL_LINES: [&[u8]; 4] =
    [b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"];

/// Schemes that announce a credential wherever they stand.
const SCHEMES: [&[u8]; 2] = [b"basic ", b"bearer "];

/// Shorter words behind a scheme are no credentials.
const SHORTEST: usize = 6;

/// Takes the credentials out of a head. `None`: it has none.
#[must_use]
pub fn mask_head(head: &[u8]) -> Option<Vec<u8>> {
    let mut masked = Vec::with_capacity(head.len());
    let mut any = false;
    let mut goes_on = false;
    for line in head.split_inclusive(|byte| b"\r\n".contains(byte)) {
        let text = line.trim_ascii_end();
        let ending = &line[text.len()..];
        // A line that begins with a blank belongs to the one before it (RFC 9112 §5.2).
        let is_folded = goes_on && text.first().is_some_and(u8::is_ascii_whitespace);
        if is_folded {
            masked.extend_from_slice(b" ");
            masked.extend_from_slice(HIDDEN);
            any = true;
        } else if let Some(name) = credential_name(text) {
            masked.extend_from_slice(&text[..name]);
            masked.extend_from_slice(b": ");
            masked.extend_from_slice(HIDDEN);
            (any, goes_on) = (true, true);
        } else {
            any |= without_schemes(text, &mut masked);
            goes_on &= text.is_empty();
        }
        masked.extend_from_slice(ending);
    }
    any.then_some(masked)
}

/// The end of the name, if a line begins with that of a credential and has something behind it.
fn credential_name(line: &[u8]) -> Option<usize> {
    let blanks = line.len() - line.trim_ascii_start().len();
    let name = CREDENTIAL_LINES.iter().find(|name| begins(&line[blanks..], name))?;
    let end = blanks + name.len();
    let behind = line[end..].iter().any(|byte| !byte.is_ascii_whitespace() && *byte != b':');
    behind.then_some(end)
}

/// Writes a line without the words that stand behind a scheme.
fn without_schemes(line: &[u8], masked: &mut Vec<u8>) -> bool {
    let mut any = false;
    let mut at = 0;
    while at < line.len() {
        let Some(scheme) = SCHEMES.iter().find(|scheme| begins(&line[at..], scheme)) else {
            masked.push(line[at]);
            at += 1;
            continue;
        };
        masked.extend_from_slice(&line[at..at + scheme.len()]);
        at += scheme.len();
        let word = line[at..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        if word >= SHORTEST {
            masked.extend_from_slice(HIDDEN);
            any = true;
            at += word;
        }
    }
    any
}

fn begins(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_a_broken_head_are_taken_out() {
        for (head, wanted) in [
            (
                "GET / HTTP/9\r\nHost: a\r\nAuthorization: Basic c2hvcDpz\r\nAccept: b\r\n\r\n",
                "GET / HTTP/9\r\nHost: a\r\nAuthorization: ***\r\nAccept: b\r\n\r\n",
            ),
            ("authorization Bearer abcdefgh\n", "authorization: ***\n"),
            (" Cookie : id=abcdefgh\n more\nAccept: b", " Cookie: ***\n ***\nAccept: b"),
            ("Bad line Bearer abcdefgh x\r\n", "Bad line Bearer *** x\r\n"),
        ] {
            let masked = mask_head(head.as_bytes()).expect("there are credentials");
            assert_eq!(String::from_utf8_lossy(&masked), wanted);
        }
        assert_eq!(mask_head(b"GET / HTTP/9\r\nHost: a\r\n\r\n\x16\x03\x01"), None);
    }
}
