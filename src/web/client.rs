//! Where a request really comes from.

use std::net::IpAddr;
use std::str::FromStr;

use actix_web::HttpRequest;

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
    let headers: Vec<&str> =
        request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok()).collect();
    for hop in headers.iter().rev().flat_map(|value| value.rsplit(',')) {
        let Ok(hop) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        client = hop.to_canonical();
        if !is_trusted(client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

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
