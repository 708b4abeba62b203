//! Source addresses against an allow-list.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Failure;

/// Whether `peer` is on the list. Mapped IPv4 addresses count as IPv4.
///
/// # Errors
/// Evidence with the list and the address.
pub fn is_listed(peer: IpAddr, list: &[IpNet]) -> Result<(), Failure> {
    let peer = peer.to_canonical();
    if list.iter().any(|network| network.contains(&peer)) {
        return Ok(());
    }
    let expected = match list {
        [] => "an address on the allow-list, which is empty".to_owned(),
        list => {
            let networks: Vec<String> = list.iter().map(ToString::to_string).collect();
            format!("an address in {}", networks.join(", "))
        }
    };
    Err(Failure::new(expected, peer.to_string()))
}

/// Reads one entry of an allow-list: a network, or a single address.
///
/// # Errors
/// What was wanted instead.
pub fn parse_network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
        format!("\"{text}\" is no address or network; write 203.0.113.7 or 203.0.113.0/24")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_its_network_and_nowhere_else() {
        let list = [parse_network("192.0.2.0/24"), parse_network("2001:db8::1")]
            .map(|network| network.expect("valid"));

        assert!(is_listed("192.0.2.9".parse().expect("valid"), &list).is_ok());
        assert!(is_listed("::ffff:192.0.2.9".parse().expect("valid"), &list).is_ok());
        assert!(is_listed("2001:db8::1".parse().expect("valid"), &list).is_ok());
        let failure = is_listed("198.51.100.1".parse().expect("valid"), &list).expect_err("other");
        assert_eq!(failure.expected, "an address in 192.0.2.0/24, 2001:db8::1/128");
        assert_eq!(failure.got, "198.51.100.1");
        assert!(parse_network("192.0.2.0/99").is_err());
    }
}
