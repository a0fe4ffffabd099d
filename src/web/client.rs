//! Where a request really comes from.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;

use crate::auth::capability::instance;

/// A network: an address and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(drop)?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(all), |bits| bits.parse().map_err(drop))?;
        if bits <= all { Ok(Self { address, bits }) } else { Err(()) }
    }
}

impl Network {
    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let prefix = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(u32::from(address)).checked_shr(32 - u32::from(self.bits)).unwrap_or(0),
            IpAddr::V6(address) => u128::from(address).checked_shr(128 - u32::from(self.bits)).unwrap_or(0),
        };
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && prefix(address) == prefix(self.address)
    }
}

/// What an address is by itself, where it is none of the internet's. Nobody is asked.
pub fn place(address: &str) -> Option<&'static str> {
    const PRIVATE: &str = "private network";
    const PLACES: &[(&str, &str)] = &[
        ("127.0.0.0/8", "this machine"),
        ("::1", "this machine"),
        ("10.0.0.0/8", PRIVATE),
        ("172.16.0.0/12", PRIVATE),
        ("192.168.0.0/16", PRIVATE),
        ("169.254.0.0/16", PRIVATE),
        ("100.64.0.0/10", PRIVATE),
        ("fc00::/7", PRIVATE),
        ("fe80::/10", PRIVATE),
    ];
    let address = address.parse().ok()?;
    let is_in = |network: &str| network.parse().is_ok_and(|network: Network| network.contains(address));
    PLACES.iter().find(|(network, _)| is_in(network)).map(|(_, place)| *place)
}

/// The client's address: the peer's, unless the peer is a trusted proxy; then the right-most address in
/// `X-Forwarded-For` that is not one. Whatever stands left of that, the client may have made up.
pub fn address(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip().to_canonical());
    let trusted = &instance(request).config.trusted_proxies;
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let mut client = peer;
    let lines: Vec<&[u8]> = request.headers().get_all("x-forwarded-for").map(HeaderValue::as_bytes).collect();
    // Byte by byte, since only the right-most pieces are a proxy's word; what the client put before them may be anything.
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
        let Some(hop) = std::str::from_utf8(hop).ok().and_then(hop_address) else { break };
        client = hop;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// An address as proxies write it: alone, or with a port.
fn hop_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    bare.or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AC-012
    #[test]
    fn hops_are_read_as_proxies_write_them() {
        for text in ["192.0.2.7", " 192.0.2.7 ", "192.0.2.7:4711", "::ffff:192.0.2.7"] {
            assert_eq!(hop_address(text), Some(IpAddr::from([192, 0, 2, 7])), "{text}");
        }
        for text in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711"] {
            assert_eq!(hop_address(text), "2001:db8::1".parse().ok(), "{text}");
        }
        for text in ["", "unknown", "_hidden", "192.0.2", "for=192.0.2.7"] {
            assert_eq!(hop_address(text), None, "{text}");
        }
    }

    #[test]
    fn some_addresses_say_where_they_are() {
        for local in ["127.0.0.1", "127.1.2.3", "::1"] {
            assert_eq!(place(local), Some("this machine"), "{local}");
        }
        for private in ["10.0.0.1", "172.31.255.255", "192.168.1.2", "100.64.0.1", "169.254.0.9", "fd00::1", "fe80::1"]
        {
            assert_eq!(place(private), Some("private network"), "{private}");
        }
        for other in ["172.32.0.1", "203.0.113.7", "100.128.0.1", "2001:db8::1", "", "unknown"] {
            assert_eq!(place(other), None, "{other}");
        }
    }

    #[test]
    fn networks_contain_their_own() {
        let contains =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("192.0.2.7", "192.0.2.7") && !contains("192.0.2.7", "192.0.2.8"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1") && !contains("2001:db8::/32", "2001:db9::1"));
        assert!(
            contains("10.0.0.0/8", "::ffff:10.1.1.1")
                && contains("0.0.0.0/0", "192.0.2.1")
                && contains("::/0", "2001:db8::1")
        );
        for odd in ["", "10.0.0.0/33", "10.0.0/8", "x/8", "::/129"] {
            assert!(odd.parse::<Network>().is_err(), "{odd}");
        }
    }
}
