//! Values behind the names of secrets in texts of no form that is known: damaged JSON, parts of a
//! multipart message, lines of settings, markup.

use std::ops::Range;

const HIDDEN: &str = "***";

/// What makes a name that of a secret, once dashes and underscores are taken out.
const SECRETS: [&str; 4] = ["secret", "accesstoken", "password", "passwd"];

/// The same as they stand in texts.
const NAMES: [&[u8]; 6] =
    [b"secret", b"access_token", b"access-token", b"accesstoken", b"password", b"passwd"];

/// Farthest that a value stands behind its name: the header lines of a part are between them.
const FARTHEST: usize = 512;

/// Whether a member, a parameter or a header of this name holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let loose = |name: &str| -> String {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_lowercase()).collect()
    };
    name.len() >= 6 && hints(name.as_bytes()) && {
        let name = loose(name);
        let name = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        // secretary and password_policy only begin like one.
        SECRETS.iter().any(|part| name.ends_with(part)) || name.ends_with("secretkey")
    }
}

/// Whether a text may hold what is masked by its name or its digits, here or as card data. Most hold
/// nothing, and need not be taken apart.
pub(super) fn hints(text: &[u8]) -> bool {
    /// As many digits as the shortest card number has.
    const DIGITS: u32 = 13;
    let mut digits = 0;
    text.iter().enumerate().any(|(at, byte)| match byte {
        b'0'..=b'9' => {
            digits += 1;
            digits == DIGITS
        }
        // Names and digits may be hidden by escapes.
        b'%' | b'\\' | 0 => true,
        b's' | b'c' | b'o' | b'p' | b'a' | b't' | b'S' | b'C' | b'O' | b'P' | b'A' | b'T' => {
            begins_a_name(&text[at..])
        }
        _ => false,
    })
}

/// The names that are looked for begin with these letters.
fn begins_a_name(text: &[u8]) -> bool {
    text.first_chunk::<3>().is_some_and(|letters| {
        matches!(
            &letters.map(|letter| letter | 0x20),
            b"sec"
                | b"cvv"
                | b"cvc"
                | b"cvn"
                | b"csc"
                | b"cid"
                | b"car"
                | b"ccn"
                | b"otp"
                | b"one"
                | b"pin"
                | b"pan"
                | b"pas"
                | b"acc"
                | b"tok"
        )
    })
}

/// Takes the values out that stand behind names of secrets. `None`: there are none.
pub(super) fn hide_named(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut masked = String::new();
    let (mut at, mut kept) = (0, 0);
    while at < bytes.len() {
        let name = match bytes[at].to_ascii_lowercase() {
            b's' | b'a' | b'p' => NAMES.iter().find(|name| begins(&bytes[at..], name)),
            _ => None,
        };
        let Some(name) = name else {
            at += 1;
            continue;
        };
        let start = at;
        at += name.len();
        at += bytes[at..].iter().take_while(|byte| is_of_name(**byte)).count();
        if let Some(value) = value_behind(bytes, start, at) {
            at = value.end;
            if bytes[value.clone()] != *HIDDEN.as_bytes() {
                masked.push_str(&text[kept..value.start]);
                masked.push_str(HIDDEN);
                kept = value.end;
            }
        }
    }
    (kept > 0).then(|| {
        masked.push_str(&text[kept..]);
        masked
    })
}

/// Where the value of the name is that stands from `start` to `end`.
fn value_behind(text: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
    let before = text[..start].iter().rposition(|byte| !is_of_name(*byte)).map_or(0, |at| at + 1);
    if text[..before].ends_with(b"name=\"") || text[..before].ends_with(b"name=") {
        return of_part(text, end);
    }
    let separators =
        text[end..].iter().take(FARTHEST).take_while(|byte| b"\"'\\ \t\r\n:=>".contains(byte));
    let begin = end + separators.count();
    let between = &text[end..begin];
    let assigns = between.iter().find(|byte| b":=>".contains(byte))?;
    let length = match between {
        [.., b'\\', b'"' | b'\''] => until(&text[begin..], b"\\"),
        [.., quote @ (b'"' | b'\'')] => until_quote(&text[begin..], *quote),
        // A line may go on with anything; a parameter ends where the next one begins.
        _ if *assigns == b':' => until(&text[begin..], b"\r\n<"),
        _ => until(&text[begin..], b"&<; \t\r\n\"'"),
    };
    (length > 0).then_some(begin..begin + length)
}

/// The content of a part of a multipart message.
fn of_part(text: &[u8], end: usize) -> Option<Range<usize>> {
    let head = &text[end..text.len().min(end + FARTHEST)];
    let begin = end
        + find(head, b"\r\n\r\n")
            .map(|at| at + 4)
            .or_else(|| find(head, b"\n\n").map(|at| at + 2))?;
    let length = find(&text[begin..], b"\n--").unwrap_or(text.len() - begin);
    (length > 0).then_some(begin..begin + length)
}

fn until(text: &[u8], ends: &[u8]) -> usize {
    text.iter().take_while(|byte| !ends.contains(byte)).count()
}

/// Up to the quote that is not escaped.
fn until_quote(text: &[u8], quote: u8) -> usize {
    let mut escaped = false;
    text.iter()
        .take_while(|byte| {
            let ends = **byte == quote && !escaped;
            escaped = **byte == b'\\' && !escaped;
            !ends
        })
        .count()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn begins(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_behind_names_of_secrets_are_taken_out() {
        for (text, wanted) in [
            (
                "{\"client_secret\": \"a\\\"b\", \"x\": 1,}",
                "{\"client_secret\": \"***\", \"x\": 1,}",
            ),
            ("{\\\"clientSecret\\\":\\\"ab\\\"}", "{\\\"clientSecret\\\":\\\"***\\\"}"),
            ("client_secret: a&b c\nscope: x", "client_secret: ***\nscope: x"),
            (
                "GET /token?client_secret=ab&x=1 HTTP/1.1",
                "GET /token?client_secret=***&x=1 HTTP/1.1",
            ),
            ("<password>ab</password>", "<password>***</password>"),
            (
                "--x\r\nContent-Disposition: form-data; name=\"client_secret\"\r\n\r\na\r\n--x--",
                "--x\r\nContent-Disposition: form-data; name=\"client_secret\"\r\n\r\n***\n--x--",
            ),
        ] {
            assert_eq!(hide_named(text).as_deref(), Some(wanted));
        }
        for text in ["the secret of client x", "client_secret", "secret=***", "password: "] {
            assert_eq!(hide_named(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_compared_loosely() {
        assert!(!is_secret("secretary") && !is_secret("password_policy"));
        assert!(is_secret("secret_key2"));
        assert!(is_secret("Client-Secret") && is_secret("X-Access-Token") && is_secret("password"));
        assert!(!is_secret("client_id") && !is_secret("x-signature") && !is_secret("token_type"));
    }
}
