//! Where notifications may go: loopback and private networks, and what was allowed beyond them. What
//! is judged is the address to which the connection is then made, so that no second look-up can lead
//! elsewhere. The admin API is never among them: a client under test would rule the server by its URLs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hyper::http::Uri;
use ipnet::IpNet;

/// Networks that are never the public one: loopback, RFC 1918 and unique local addresses (RFC 4193).
/// Link-local ones are left out: on a cloud's machines they are where its credentials are asked for.
const PRIVATE: [&str; 6] =
    ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"];

/// Top-level domains that no public server will ever have (RFC 6761 §6.2, §6.4, §6.5).
const RESERVED: [&str; 3] = ["test", "example", "invalid"];

/// The rules.
#[derive(Clone, Debug)]
pub struct Destinations {
    anywhere: bool,
    networks: Vec<IpNet>,
    names: Vec<String>,
    admin: Option<SocketAddr>,
}

/// A URL that may be called as far as that can be told without asking for its name.
#[derive(Clone, Debug)]
pub struct Destination {
    pub(super) uri: Uri,
    pub(super) secure: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why a URL is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// It is none.
    #[error("{url}: {reason}; give an absolute http:// or https:// URL")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The rules forbid it.
    #[error("{url}: {reason}; {fix}")]
    Forbidden {
        /// The URL.
        url: String,
        /// Which rule.
        reason: String,
        /// What to do.
        fix: String,
    },
    /// Its name has no address.
    #[error("{url}: {host} has no address ({reason}); correct the name, or use an address")]
    NoAddress {
        /// The URL.
        url: String,
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
}

impl Default for Destinations {
    fn default() -> Self {
        Self {
            anywhere: false,
            networks: PRIVATE.iter().filter_map(|network| network.parse().ok()).collect(),
            names: Vec::new(),
            admin: None,
        }
    }
}

impl Destinations {
    /// Loopback and private networks, and further ones: a network, an address, a name that may be
    /// looked up although it is reserved, or `any`.
    ///
    /// # Errors
    /// What an entry should have been.
    pub fn allowing(further: &[String]) -> Result<Self, String> {
        let mut rules = Self::default();
        for entry in further {
            if entry == "any" {
                rules.anywhere = true;
            } else if let Ok(network) = entry.parse::<IpNet>() {
                rules.networks.push(network);
            } else if let Ok(address) = entry.parse::<IpAddr>() {
                rules.networks.push(address.into());
            } else if is_name(entry) {
                rules.names.push(entry.to_ascii_lowercase());
            } else {
                return Err(format!(
                    "\"{entry}\" is no network, address or name; write 203.0.113.0/24, \
                     203.0.113.7, shop.test or any"
                ));
            }
        }
        Ok(rules)
    }

    /// The same without what leads to the admin API, whatever else is allowed.
    #[must_use]
    pub fn sparing(mut self, admin: SocketAddr) -> Self {
        self.admin = Some(SocketAddr::new(admin.ip().to_canonical(), admin.port()));
        self
    }

    /// Judges a URL without asking for its name.
    ///
    /// # Errors
    /// What is wrong with it, or which rule forbids it.
    pub fn judge(&self, url: &str) -> Result<Destination, DestinationError> {
        let wrong = |reason: &str| DestinationError::Url {
            url: url.to_owned(),
            reason: reason.to_owned(),
        };
        let uri: Uri = url.parse().map_err(|error| wrong(&format!("it is no URL ({error})")))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("its scheme is neither http nor https")),
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        let written = written_port(&uri).map_err(|reason| wrong(&reason))?;
        let port = written.unwrap_or(if secure { 443 } else { 80 });
        if let Some(addresses) = known_addresses(&host) {
            self.allow(url, &addresses, port)?;
        } else if let Some(name) = self.reserved(&host) {
            return Err(DestinationError::Forbidden {
                url: url.to_owned(),
                reason: format!("{name} is a reserved name that never resolves"),
                fix: format!(
                    "use a URL on loopback, or --allow-destination {name} if it resolves here"
                ),
            });
        }
        Ok(Destination {
            uri,
            secure,
            host,
            port,
        })
    }

    /// The addresses to which a connection may be made. Nothing is resolved after this.
    ///
    /// # Errors
    /// If there is none, or none that is allowed.
    pub async fn resolve(
        &self,
        destination: &Destination,
    ) -> Result<Vec<SocketAddr>, DestinationError> {
        let url = destination.uri.to_string();
        let addresses =
            addresses(&destination.host).await.map_err(|reason| DestinationError::NoAddress {
                url: url.clone(),
                host: destination.host.clone(),
                reason,
            })?;
        self.allow(&url, &addresses, destination.port)
    }

    fn allow(
        &self,
        url: &str,
        addresses: &[IpAddr],
        port: u16,
    ) -> Result<Vec<SocketAddr>, DestinationError> {
        let forbidden = |reason: String, fix: String| DestinationError::Forbidden {
            url: url.to_owned(),
            reason,
            fix,
        };
        // An IPv4 address that is written as an IPv6 one is judged, and called, as what it is.
        let addresses: Vec<SocketAddr> =
            addresses.iter().map(|address| (address.to_canonical(), port).into()).collect();
        let admin = addresses.iter().find(|address| self.reaches_admin(**address));
        if let Some(admin) = admin {
            // Also if the name has other addresses: which of them is called is chance.
            return Err(forbidden(
                format!("{admin} is this server's admin API, which no message may call"),
                "use another port; --allow-destination does not lift this".to_owned(),
            ));
        }
        let allowed: Vec<SocketAddr> =
            addresses.iter().copied().filter(|address| self.allows(address.ip())).collect();
        match addresses.first().map(SocketAddr::ip) {
            Some(first) if allowed.is_empty() => Err(forbidden(
                format!("{first} is neither on loopback nor in a private network"),
                format!("use a URL on loopback, or --allow-destination {first}"),
            )),
            _ => Ok(allowed),
        }
    }

    /// Whoever listens everywhere has every address, and nobody knows all that this machine has.
    fn reaches_admin(&self, address: SocketAddr) -> bool {
        let at_home = address.ip().is_loopback() || address.ip().is_unspecified();
        self.admin.is_some_and(|admin| {
            admin.port() == address.port()
                && (at_home || admin.ip().is_unspecified() || admin.ip() == address.ip())
        })
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.anywhere || self.networks.iter().any(|network| network.contains(&address))
    }

    /// The name without its final dot, if nobody needs to be asked about it.
    fn reserved<'h>(&self, host: &'h str) -> Option<&'h str> {
        let name = host.trim_end_matches('.');
        let lower = name.to_ascii_lowercase();
        let top = lower.rsplit('.').next().unwrap_or_default();
        let reserved = RESERVED.contains(&top) && !self.anywhere && !self.names.contains(&lower);
        reserved.then_some(name)
    }
}

/// The port that a URL names; one that is none must not pass for none being named.
pub(super) fn written_port(uri: &Uri) -> Result<Option<u16>, String> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let place = authority.rsplit('@').next().unwrap_or_default();
    match place.rsplit_once(':') {
        None | Some((_, "")) => Ok(None),
        Some((_, rest)) if rest.ends_with(']') => Ok(None),
        Some((_, port)) => match port.parse() {
            Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(Some(number))
            }
            _ => Err(format!("\"{port}\" is no port; ports are 1 to 65535")),
        },
    }
}

/// What needs no asking: an address, and `localhost` with what is below it, which is loopback
/// (RFC 6761 §6.3).
fn known_addresses(host: &str) -> Option<Vec<IpAddr>> {
    if let Ok(address) = host.parse() {
        return Some(vec![address]);
    }
    let lower = host.trim_end_matches('.').to_ascii_lowercase();
    let is_home = lower == "localhost" || lower.ends_with(".localhost");
    is_home.then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
}

/// Asks the system for a name.
async fn addresses(host: &str) -> Result<Vec<IpAddr>, String> {
    if let Some(known) = known_addresses(host) {
        return Ok(known);
    }
    let found = tokio::net::lookup_host((host, 0)).await.map_err(|error| error.to_string())?;
    let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    if found.is_empty() { Err("the resolver knows none".to_owned()) } else { Ok(found) }
}

fn is_name(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(further: &[&str]) -> Destinations {
        let further: Vec<String> = further.iter().map(|entry| (*entry).to_owned()).collect();
        Destinations::allowing(&further).expect("valid")
    }

    #[test]
    fn loopback_and_private_addresses_are_allowed_and_no_others() {
        for allowed in [
            "http://127.0.0.1:9/x",
            "https://127.3.2.1",
            "http://[::1]:9/",
            "http://10.1.2.3/",
            "http://172.31.255.1/",
            "http://192.168.0.1/",
            "http://[fd00::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://localhost/",
            "http://pay.shop.com/",
        ] {
            assert!(rules(&[]).judge(allowed).is_ok(), "{allowed}");
        }
        for forbidden in [
            "http://203.0.113.7/",
            "http://172.32.0.1/",
            "http://0.0.0.0/",
            "http://169.254.169.254/latest/meta-data",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://100.64.0.1/",
            "http://[::]/",
            "http://[2001:db8::1]/",
            "http://[::ffff:203.0.113.7]/",
            "http://[::203.0.113.7]/",
            "http://[64:ff9b::a00:1]/",
            "https://shop.test/notify",
            "https://SHOP.Test./notify",
            "http://example/",
            "http://a.b.invalid/",
        ] {
            let refused = rules(&[]).judge(forbidden);
            assert!(
                matches!(refused, Err(DestinationError::Forbidden { .. })),
                "{forbidden}: {refused:?}"
            );
            assert!(rules(&["any"]).judge(forbidden).is_ok(), "{forbidden}");
        }
    }

    #[test]
    fn what_was_allowed_is_added() {
        let rules = rules(&["203.0.113.0/24", "2001:db8::1", "Shop.test"]);

        for allowed in [
            "http://203.0.113.7/",
            "http://[::ffff:203.0.113.7]/",
            "http://[2001:db8::1]/",
            "http://shop.test/",
            "http://127.0.0.1/",
        ] {
            assert!(rules.judge(allowed).is_ok(), "{allowed}");
        }
        for forbidden in ["http://198.51.100.1/", "http://[2001:db8::2]/", "http://other.test/"] {
            assert!(rules.judge(forbidden).is_err(), "{forbidden}");
        }
        assert!(Destinations::allowing(&["10.0.0.0/99".to_owned()]).is_err());
        assert!(Destinations::allowing(&[String::new()]).is_err());
    }

    #[test]
    fn what_is_wrong_is_named_with_what_to_do() {
        let said = |url: &str| rules(&[]).judge(url).expect_err("refused").to_string();

        assert_eq!(
            said("https://shop.test/notify"),
            "https://shop.test/notify: shop.test is a reserved name that never resolves; use a URL \
             on loopback, or --allow-destination shop.test if it resolves here"
        );
        assert_eq!(
            said("http://203.0.113.7/a"),
            "http://203.0.113.7/a: 203.0.113.7 is neither on loopback nor in a private network; use \
             a URL on loopback, or --allow-destination 203.0.113.7"
        );
        for (url, reason) in [
            ("ftp://127.0.0.1/", "scheme"),
            ("/notify", "scheme"),
            ("http://a b/", "no URL"),
            ("http://127.0.0.1:99999/x", "\"99999\" is no port"),
            ("http://u:1@127.0.0.1:65536/x", "no port"),
            ("https://[::1]:0/x", "no port"),
        ] {
            assert!(said(url).contains(reason), "{}", said(url));
        }
    }

    #[tokio::test]
    async fn no_spelling_leads_to_the_admin_api() {
        for (admin, forbidden) in [
            (
                "127.0.0.1:7400",
                &[
                    "http://127.0.0.1:7400/reset",
                    "https://127.0.0.1:7400/reset",
                    "http://u:p@127.0.0.1:7400/reset",
                    "http://127.9.9.9:7400/",
                    "http://[::ffff:127.0.0.1]:7400/",
                    "http://[::1]:7400/",
                    "http://0.0.0.0:7400/",
                    "http://[::]:7400/",
                    "http://LOCALHOST.:7400/",
                    "http://a.localhost:7400/",
                ][..],
            ),
            ("10.1.2.3:7400", &["http://10.1.2.3:7400/", "http://[::ffff:10.1.2.3]:7400/"][..]),
            ("0.0.0.0:80", &["http://192.168.1.1/", "http://[fd00::1]/"][..]),
            ("[::]:443", &["https://10.0.0.1/", "https://127.0.0.1/"][..]),
        ] {
            let rules = rules(&["any"]).sparing(admin.parse().expect("an address"));
            for url in forbidden {
                let refused = rules.judge(url);
                assert!(
                    matches!(&refused, Err(DestinationError::Forbidden { reason, .. })
                        if reason.contains("admin API")),
                    "{admin}, {url}: {refused:?}"
                );
            }
            assert!(rules.judge("http://127.0.0.1:7401/").is_ok());
        }
        let numeric = rules(&[]).sparing("127.0.0.1:7400".parse().expect("an address"));
        // A name as far as a URL goes, loopback to the system.
        let found = numeric.judge("http://2130706433:7400/").expect("not judged yet");
        assert!(numeric.resolve(&found).await.is_err());
    }

    #[tokio::test]
    async fn a_resolved_address_is_judged_too() {
        let rules = rules(&[]);
        let local = rules.judge("http://api.localhost:81/").expect("a name");
        // A name as far as a URL goes, an address to the system: it is judged once it is one.
        let numeric = rules.judge("http://3405803783/").expect("not judged yet");

        let local = rules.resolve(&local).await.expect("loopback");
        let numeric = rules.resolve(&numeric).await;

        assert_eq!(local[0].to_string(), "127.0.0.1:81");
        assert!(
            numeric.as_ref().is_err_and(|error| error.to_string().contains("203.0.113.7")),
            "{numeric:?}"
        );
    }
}
