//! Tokens in texts: what looks like a JWT keeps its header.

/// How the base64url of `{"` begins, with which every JWT begins.
const BEGIN: &[u8] = b"eyJ";

/// A header is longer than this: `{"alg":"none"}` has 19 letters.
const SHORTEST_HEADER: usize = 12;

/// Takes what follows the header out of every token. `None`: there is no token.
#[must_use]
pub fn hide_tokens(text: &[u8]) -> Option<Vec<u8>> {
    let mut masked = Vec::new();
    let (mut at, mut kept) = (0, 0);
    while let Some(begin) = find(text, at) {
        let header = begin + run(&text[begin..]);
        at = header;
        let Some(dot) = dot(&text[header..]).filter(|_| header - begin >= SHORTEST_HEADER) else {
            continue;
        };
        let mut end = header + dot + run(&text[header + dot..]);
        if end == header + dot {
            continue;
        }
        if let Some(dot) = self::dot(&text[end..]) {
            end += dot + run(&text[end + dot..]);
        }
        masked.extend_from_slice(&text[kept..header]);
        masked.extend_from_slice(b".***");
        (at, kept) = (end, end);
    }
    (kept > 0).then(|| {
        masked.extend_from_slice(&text[kept..]);
        masked
    })
}

fn find(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let ahead = text.get(at..)?.iter().position(|byte| *byte == b'e')?;
        at += ahead;
        if text[at..].starts_with(BEGIN) {
            return Some(at);
        }
        at += 1;
    }
}

/// Letters of one part.
fn run(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)).count()
}

/// A dot, as it is or percent-encoded.
fn dot(text: &[u8]) -> Option<usize> {
    match text {
        [b'.', ..] => Some(1),
        [b'%', b'2', b'E' | b'e', ..] => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_keeps_its_header_wherever_it_stands() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJjIjoiZCJ9.AAAA_-A";
        let masked = |text: String| {
            hide_tokens(text.as_bytes()).map(|masked| String::from_utf8_lossy(&masked).into_owned())
        };

        assert_eq!(
            masked(format!("a={token}&b={token}")).as_deref(),
            Some("a=eyJhbGciOiJIUzI1NiJ9.***&b=eyJhbGciOiJIUzI1NiJ9.***")
        );
        assert_eq!(masked(token.replace('.', "%2E")).as_deref(), Some("eyJhbGciOiJIUzI1NiJ9.***"));
        assert_eq!(masked("eyJ. eye.eyJhbGciOiJIUzI1NiJ9 .x".to_owned()), None);
    }
}
