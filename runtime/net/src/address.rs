//! Which addresses may be connected to. A name or a redirect that leads into the user's own network, or to a
//! cloud's metadata service (169.254.169.254), would hand what only this machine may see to whoever wrote the
//! URL.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is, if it is not one of the public internet.
///
/// IANA's special-purpose registries (RFC 6890 and its updates), and what carries an IPv4 address inside.
pub(crate) fn private(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => private_v4(address),
        IpAddr::V6(address) => private_v6(address),
    }
}

fn private_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("this network itself"),
        [127, ..] => Some("this machine"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("a private network"),
        [100, 64..=127, ..] => Some("a provider's private network"),
        [169, 254, ..] => Some("link-local"),
        [192, 0, 0, _] | [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18 | 19, ..] => {
            Some("reserved for protocols, documentation or benchmarks")
        }
        [224..=239, ..] => Some("multicast"),
        [240..=255, ..] => Some("reserved"),
        _ => None,
    }
}

fn private_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inside) = inside(address) {
        return private_v4(inside);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("this network itself"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("this machine"),
        [0xfc00..=0xfdff, ..] => Some("a private network"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xfec0..=0xfeff, ..] => Some("a private network"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] | [0x100, 0, 0, 0, ..] | [0x2001, 0..=0x1ff, ..] => {
            Some("reserved for protocols, documentation or benchmarks")
        }
        // Global unicast; everything else is reserved.
        [0x2000..=0x3fff, ..] => None,
        _ => Some("reserved"),
    }
}

/// The IPv4 address that a mapped, translated (NAT64) or tunnelled (6to4) one leads to.
fn inside(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_let_through() {
        for text in ["1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.128.0.1", "192.0.1.1"] {
            assert_eq!(private(text.parse().unwrap()), None, "{text}");
        }
        for text in ["2606:4700::1111", "2a00:1450:4001::1", "::ffff:1.1.1.1", "64:ff9b::8.8.8.8"] {
            assert_eq!(private(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn others_are_named() {
        let cases = [
            ("127.0.0.1", "this machine"),
            ("127.255.255.254", "this machine"),
            ("0.0.0.0", "this network itself"),
            ("10.0.0.1", "a private network"),
            ("172.16.0.1", "a private network"),
            ("172.31.255.255", "a private network"),
            ("192.168.1.1", "a private network"),
            ("100.64.0.1", "a provider's private network"),
            ("169.254.169.254", "link-local"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("::1", "this machine"),
            ("::", "this network itself"),
            ("fe80::1", "link-local"),
            ("fd00:ec2::254", "a private network"),
            ("ff02::1", "multicast"),
            ("::ffff:127.0.0.1", "this machine"),
            ("::ffff:169.254.169.254", "link-local"),
            ("64:ff9b::10.0.0.1", "a private network"),
            ("2002:7f00:1::", "this machine"),
            ("::127.0.0.1", "reserved"),
        ];
        for (text, what) in cases {
            assert_eq!(private(text.parse().unwrap()), Some(what), "{text}");
        }
    }
}
