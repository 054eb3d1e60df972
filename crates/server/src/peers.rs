//! Who is asking, as far as sharing goes.
//!
//! What a server has is shared between the peers that ask: room for bodies, connections. A peer is an address; of IPv6 it
//! is a network of 64 bits, for whoever has one of its addresses has them all. Behind a proxy every connection comes from
//! the proxy, which tells for whom it asks (`X-Forwarded-For`); that is believed only where the settings name the proxy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::HeaderMap;

tokio::task_local! {
    /// The peer whose connection or request the task serves.
    static CURRENT: Peer;
}

/// Whose share something counts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    /// The peer of an address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from(network))
            }
            other => other,
        })
    }

    /// The peer whose request is being answered; outside of requests that of this machine.
    pub fn current() -> Self {
        let here = || Self(Ipv4Addr::LOCALHOST.into());
        CURRENT.try_with(|peer| *peer).unwrap_or_else(|_| here())
    }

    /// Serves on behalf of this peer.
    pub async fn serve<F: Future>(self, what: F) -> F::Output {
        CURRENT.scope(self, what).await
    }

    /// The peer of a request: of the connection, or, when that is of a proxy that is trusted, the last address on its list
    /// that is not of one.
    pub fn behind(self, headers: &HeaderMap, proxies: &[IpAddr]) -> Self {
        let trusted = |peer: Self| proxies.iter().any(|&proxy| Self::of(proxy) == peer);
        if !trusted(self) {
            return self;
        }
        let lists = headers.get_all("x-forwarded-for").iter().rev();
        let names = lists.flat_map(|list| list.to_str().unwrap_or("?").rsplit(','));
        for name in names {
            // What is no address was not written by a proxy that can be trusted with the rest.
            let Ok(address) = name.trim().parse() else {
                return self;
            };
            let peer = Self::of(address);
            if !trusted(peer) {
                return peer;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn peer(address: &str) -> Peer {
        Peer::of(address.parse().unwrap())
    }

    #[test]
    fn a_network_of_64_bits_is_one_peer() {
        assert_eq!(peer("2001:db8:1:2::3"), peer("2001:db8:1:2:ffff::"));
        assert_ne!(peer("2001:db8:1:2::3"), peer("2001:db8:1:3::3"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
    }

    #[test]
    fn only_a_trusted_proxy_tells_for_whom_it_asks() {
        let proxies = ["127.0.0.1".parse().unwrap(), "10.0.0.7".parse().unwrap()];
        let asked = |from: &str, lists: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append("x-forwarded-for", HeaderValue::from_static(list));
            }
            peer(from).behind(&headers, &proxies)
        };
        assert_eq!(asked("127.0.0.1", &["192.0.2.5"]), peer("192.0.2.5"));
        let long = ["198.51.100.1, 192.0.2.5", "10.0.0.7"];
        assert_eq!(asked("127.0.0.1", &long), peer("192.0.2.5"));
        assert_eq!(asked("192.0.2.9", &["192.0.2.5"]), peer("192.0.2.9"));
        assert_eq!(asked("127.0.0.1", &["192.0.2.5, x"]), peer("127.0.0.1"));
        assert_eq!(asked("127.0.0.1", &[]), peer("127.0.0.1"));
    }
}
