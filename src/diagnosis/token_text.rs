//! Damage to a token on its way: quotes, line breaks, escapes.

/// What happened to a token's text, and the text as it probably was.
#[must_use]
pub fn damage(text: &str) -> Option<(&'static str, String)> {
    let trimmed = text.trim();
    let unquoted = trimmed
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .or_else(|| trimmed.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')));
    if let Some(inner) = unquoted {
        return Some(("it is wrapped in quotes, as a JSON string is", inner.replace("\\/", "/")));
    }
    if trimmed.contains(['\n', '\r']) {
        let joined = trimmed.split_whitespace().collect();
        return Some(("it is broken into lines", joined));
    }
    if trimmed.contains("%2E") || trimmed.contains("%2e") {
        return Some(("it is percent-encoded", trimmed.replace("%2E", ".").replace("%2e", ".")));
    }
    if trimmed.len() != text.len() {
        return Some(("it has white space around it", trimmed.to_owned()));
    }
    if let Some((name, value)) = trimmed.split_once('=')
        && value.starts_with("eyJ")
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return Some(("it is sent as a form field", value.to_owned()));
    }
    if trimmed.contains(['+', '/']) || trimmed.ends_with('=') {
        let url = trimmed.replace('+', "-").replace('/', "_").replace('=', "");
        return Some(("it is base64 instead of base64url without padding", url));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_damage_is_named_and_undone() {
        for (text, what) in [
            ("\"eyJ.b.c\"", "quotes"),
            ("eyJ\n.b.c", "lines"),
            ("eyJ.b.c\n", "white space"),
            ("eyJ%2Eb%2Ec", "percent"),
            ("payload=eyJ.b.c", "form"),
        ] {
            let (found, repaired) = damage(text).expect(what);
            assert!(found.contains(what), "{found}");
            assert_eq!(repaired, "eyJ.b.c");
        }
        assert_eq!(damage("eyJ.b.c"), None);
    }
}
