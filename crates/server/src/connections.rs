//! The connections that are open, shared between peers.
//!
//! Accepting never waits for a connection to end. When a peer has its share, or all places are taken, the one gives way
//! that has owed the server something for longest: the head of a request, or its body. So a client that opens connections and
//! says nothing takes them from itself, or from others that do the same, and one that asks is answered. A connection whose
//! request is being answered never gives way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::peers::Peer;

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// The client, to ask something.
    Head,
    /// The client, to send the body of its request.
    Body,
    /// The server, to answer.
    Answer,
}

/// One connection.
pub(crate) struct Line {
    peer: Peer,
    now: Mutex<Now>,
    cut: Notify,
}

struct Now {
    phase: Phase,
    since: Instant,
    /// Requests that came so far.
    requests: u64,
}

impl Line {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: Phase) {
        let mut now = self.now();
        (now.phase, now.since) = (phase, Instant::now());
    }

    /// The head of a request has come.
    pub fn asked(&self, has_body: bool) {
        self.enter(if has_body { Phase::Body } else { Phase::Answer });
        self.now().requests += 1;
    }

    /// All of a request has come.
    pub fn received(&self) {
        self.enter(Phase::Answer);
    }

    /// The answer has been given.
    pub fn answered(&self) {
        self.enter(Phase::Head);
    }

    /// Which head is awaited; `None` while a request is being received or answered.
    pub fn awaited(&self) -> Option<u64> {
        let now = self.now();
        (now.phase == Phase::Head).then_some(now.requests)
    }

    /// Ready when the connection should give way.
    pub async fn given_up(&self) {
        self.cut.notified().await;
    }
}

/// All connections of a server.
pub(crate) struct Connections {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last: u64,
    lines: BTreeMap<u64, Arc<Line>>,
}

/// The place of a connection, free again when it is dropped.
pub(crate) struct Place {
    connections: Arc<Connections>,
    number: u64,
    pub line: Arc<Line>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().lines.remove(&self.number);
    }
}

impl Connections {
    /// Room for so many, half of them for one peer.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most: most.max(2),
            open: Mutex::default(),
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection of a peer; one that `shares_all`, a trusted proxy, may have them all. `None` when every
    /// connection that could give way is being answered.
    pub fn enter(self: &Arc<Self>, peer: Peer, shares_all: bool) -> Option<Place> {
        let mut open = self.open();
        let own = open.of(peer).count();
        if own >= self.most / 2 && !shares_all {
            open.give_way(peer)?;
        } else if open.lines.len() >= self.most {
            let largest = open.largest()?;
            open.give_way(largest)?;
        }
        open.last += 1;
        let number = open.last;
        let line = Arc::new(Line {
            peer,
            now: Mutex::new(Now {
                phase: Phase::Head,
                since: Instant::now(),
                requests: 0,
            }),
            cut: Notify::new(),
        });
        open.lines.insert(number, Arc::clone(&line));
        Some(Place {
            connections: Arc::clone(self),
            number,
            line,
        })
    }
}

impl Open {
    fn of(&self, peer: Peer) -> impl Iterator<Item = (&u64, &Arc<Line>)> {
        self.lines.iter().filter(move |(_, line)| line.peer == peer)
    }

    /// The peer that has most.
    fn largest(&self) -> Option<Peer> {
        let mut counts = BTreeMap::<Peer, usize>::new();
        for line in self.lines.values() {
            *counts.entry(line.peer).or_default() += 1;
        }
        counts
            .into_iter()
            .max_by_key(|&(_, count)| count)
            .map(|(peer, _)| peer)
    }

    /// Ends the connection of a peer that has kept the server waiting for longest.
    fn give_way(&mut self, peer: Peer) -> Option<()> {
        let waiting = self.of(peer).filter_map(|(&number, line)| {
            let now = line.now();
            (now.phase != Phase::Answer).then_some((now.phase, now.since, number))
        });
        let (_, _, number) = waiting.min()?;
        // Its task ends at the next turn; its place is free from now on.
        self.lines.remove(&number)?.cut.notify_one();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::of([192, 0, 2, last].into())
    }

    fn is_cut(place: &Place) -> bool {
        !place.connections.open().lines.contains_key(&place.number)
    }

    #[test]
    fn who_says_nothing_gives_way_to_who_asks() {
        let connections = Connections::new(8);
        let enter = |last| connections.enter(peer(last), false);
        let silent: Vec<Place> = (0..4).map(|_| enter(1).unwrap()).collect();
        silent[0].line.asked(true);
        let more = enter(1).unwrap();
        let cut: Vec<bool> = silent.iter().map(is_cut).collect();
        // The longest without a head; a body is owed for less.
        assert_eq!(cut, [false, true, false, false]);
        assert!(!is_cut(&more));
        // Others have their own places, and take them from the one who has most.
        let others: Vec<Place> = (2..6).map(|last| enter(last).unwrap()).collect();
        let newcomer = enter(9).unwrap();
        assert!(is_cut(&silent[2]) && others.iter().all(|other| !is_cut(other)));
        drop(newcomer);
    }

    #[test]
    fn what_is_being_answered_stays() {
        let connections = Connections::new(4);
        let busy: Vec<Place> = (0..2)
            .map(|_| connections.enter(peer(1), false).unwrap())
            .collect();
        for place in &busy {
            place.line.asked(false);
        }
        assert!(connections.enter(peer(1), false).is_none());
        assert!(connections.enter(peer(1), true).is_some());
        busy[1].line.answered();
        assert_eq!(busy[1].line.awaited(), Some(1));
        assert!(connections.enter(peer(1), false).is_some());
        assert!(is_cut(&busy[1]) && !is_cut(&busy[0]));
    }
}
