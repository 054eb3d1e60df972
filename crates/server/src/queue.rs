//! Whose turn it is: requests that wait for a worker, first come, first served, with three rules between peers.
//!
//! A full queue refuses the newest request of the peer that has most in it, so that one peer cannot fill it for all. A peer
//! whose time goes mostly into long requests has half of the workers at most while others wait. And a worker that one
//! request has held for long is lent: a short request of another peer begins beside it, so that few long ones
//! slow the short ones down and do not stop them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use crate::peers::Peer;

/// A request is long when it has held its worker for more than this.
const LONG: Duration = Duration::from_millis(400);
/// Time in which what a peer has used is forgotten to a third.
const MEMORY: Duration = Duration::from_secs(10);
/// Peers that are remembered without a request.
const MOST_REMEMBERED: usize = 4096;

/// Why a request has no turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many wait.
    Full,
    /// None came in time.
    Late,
}

/// The queue and its workers.
pub(crate) struct Queue {
    most_running: usize,
    most_waiting: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    running: BTreeMap<u64, Running>,
    waiting: VecDeque<Waiting>,
    used: BTreeMap<Peer, Used>,
}

struct Running {
    peer: Peer,
    begun: Instant,
}

struct Waiting {
    number: u64,
    peer: Peer,
    turn: oneshot::Sender<()>,
}

/// Seconds of workers that a peer has used lately, and those of long requests among them.
struct Used {
    all: f64,
    long: f64,
    until: Instant,
}

/// The turn of a request, or its wait for one; over when it is dropped.
pub(crate) struct Turn {
    queue: Arc<Queue>,
    number: u64,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        match state.running.remove(&self.number) {
            Some(ended) => state.count(&ended),
            None => state.waiting.retain(|one| one.number != self.number),
        }
        self.queue.start(&mut state);
    }
}

impl Queue {
    pub fn new(workers: usize, waiting: usize) -> Arc<Self> {
        Arc::new(Self {
            most_running: workers.max(1),
            most_waiting: waiting,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a worker until a moment.
    pub async fn turn(self: &Arc<Self>, peer: Peer, until: Instant) -> Result<Turn, Refused> {
        let (turn, mut granted) = self.enter(peer);
        loop {
            tokio::select! {
                biased;
                granted = &mut granted => return granted.map(|()| turn).map_err(|_| Refused::Full),
                () = sleep_until(until) => return Err(Refused::Late),
                // A worker may have been held for long by now.
                () = sleep(LONG) => self.start(&mut self.state()),
            }
        }
    }

    fn enter(self: &Arc<Self>, peer: Peer) -> (Turn, oneshot::Receiver<()>) {
        let (turn, granted) = oneshot::channel();
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        state.waiting.push_back(Waiting { number, peer, turn });
        self.start(&mut state);
        if state.waiting.len() > self.most_waiting {
            // Its sender goes with it, which is how it hears.
            state.turn_away(peer);
        }
        let queue = Arc::clone(self);
        (Turn { queue, number }, granted)
    }

    /// Begins what may begin.
    fn start(&self, state: &mut State) {
        while let Some(next) = self.next(state) {
            let Some(next) = state.waiting.remove(next) else {
                return;
            };
            // One that does not wait any more has left the queue, or is about to.
            if next.turn.send(()).is_ok() {
                let (peer, begun) = (next.peer, Instant::now());
                state.running.insert(next.number, Running { peer, begun });
            }
        }
    }

    /// Which of those that wait is next.
    fn next(&self, state: &State) -> Option<usize> {
        let running = state.running.len();
        let long = state.running.values().filter(|one| one.is_long()).count();
        if running >= self.most_running + long.min(self.most_running) {
            return None;
        }
        let is_lent = running >= self.most_running;
        let share = (self.most_running / 2).max(1);
        let may = |one: &Waiting| {
            !state.is_heavy(one.peer) || !is_lent && state.running_of(one.peer) < share
        };
        match state.waiting.iter().position(may) {
            None if !is_lent && !state.waiting.is_empty() => Some(0),
            found => found,
        }
    }

    /// Requests that run, and that wait.
    pub fn load(&self) -> (usize, usize) {
        let state = self.state();
        (state.running.len(), state.waiting.len())
    }
}

impl Running {
    fn is_long(&self) -> bool {
        self.begun.elapsed() > LONG
    }
}

impl Used {
    /// What is remembered of it now, as a share.
    fn left(&self) -> f64 {
        (-self.until.elapsed().as_secs_f64() / MEMORY.as_secs_f64()).exp()
    }
}

impl State {
    fn running_of(&self, peer: Peer) -> usize {
        let own = |one: &&Running| one.peer == peer;
        self.running.values().filter(own).count()
    }

    /// Whether most of the time that a peer uses goes into long requests.
    fn is_heavy(&self, peer: Peer) -> bool {
        let used = self.used.get(&peer);
        let (mut all, mut long) = used.map_or((0.0, 0.0), |used| {
            (used.all * used.left(), used.long * used.left())
        });
        for one in self.running.values().filter(|one| one.peer == peer) {
            let seconds = one.begun.elapsed().as_secs_f64();
            all += seconds;
            long += if one.is_long() { seconds } else { 0.0 };
        }
        long > all / 2.0
    }

    /// Remembers what a request used that has ended.
    fn count(&mut self, ended: &Running) {
        if self.used.len() > MOST_REMEMBERED {
            self.used.retain(|_, used| used.until.elapsed() < MEMORY);
        }
        let now = Instant::now();
        let used = self.used.entry(ended.peer).or_insert(Used {
            all: 0.0,
            long: 0.0,
            until: now,
        });
        let (left, seconds) = (used.left(), ended.begun.elapsed().as_secs_f64());
        *used = Used {
            all: used.all * left + seconds,
            long: used.long * left + if ended.is_long() { seconds } else { 0.0 },
            until: now,
        };
    }

    /// Takes the newest request out of the peer that has most waiting; of `newcomer` where it has as many.
    fn turn_away(&mut self, newcomer: Peer) {
        let mut counts = BTreeMap::<Peer, usize>::new();
        for one in &self.waiting {
            *counts.entry(one.peer).or_default() += 1;
        }
        let most = counts
            .iter()
            .max_by_key(|&(&peer, &count)| (count, peer == newcomer));
        let Some((&peer, _)) = most else { return };
        if let Some(at) = self.waiting.iter().rposition(|one| one.peer == peer) {
            self.waiting.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::of([192, 0, 2, last].into())
    }

    /// Whether a request has its turn by now.
    fn runs((_, granted): &mut (Turn, oneshot::Receiver<()>)) -> bool {
        granted.try_recv().is_ok()
    }

    /// Lets what a peer runs now look as if it had begun that long ago.
    fn age(queue: &Queue, peer: Peer, by: Duration) {
        for one in queue.state().running.values_mut() {
            if one.peer == peer {
                one.begun -= by;
            }
        }
    }

    #[tokio::test]
    async fn a_full_queue_turns_away_the_one_that_has_most() {
        let queue = Queue::new(1, 3);
        let mut greedy: Vec<_> = (0..4).map(|_| queue.enter(peer(1))).collect();
        assert!(runs(&mut greedy[0]) && queue.load() == (1, 3));
        let far = Instant::now() + Duration::from_secs(60);
        // Its own next one is refused,
        assert_eq!(queue.turn(peer(1), far).await.err(), Some(Refused::Full));
        // and its newest makes room for another's.
        let mut other = queue.enter(peer(2));
        assert!(greedy[3].1.try_recv().is_err() && queue.load() == (1, 3));
        drop(greedy);
        assert!(runs(&mut other) && queue.load() == (1, 0));
        let soon = Instant::now() + Duration::from_millis(5);
        assert_eq!(queue.turn(peer(1), soon).await.err(), Some(Refused::Late));
        drop(other);
        assert_eq!(queue.load(), (0, 0));
    }

    #[tokio::test]
    async fn long_requests_leave_room_for_short_ones_of_others() {
        let (slow, quick) = (peer(1), peer(2));
        let queue = Queue::new(2, 20);
        let mut heavy: Vec<_> = (0..6).map(|_| queue.enter(slow)).collect();
        let mut light: Vec<_> = (0..6).map(|_| queue.enter(quick)).collect();
        assert!(runs(&mut heavy[0]) && runs(&mut heavy[1]) && !runs(&mut light[0]));
        // Both workers are lent when they have been held for long.
        age(&queue, slow, 2 * LONG);
        queue.start(&mut queue.state());
        assert!(runs(&mut light[0]) && runs(&mut light[1]) && !runs(&mut light[2]));
        // From now on it has one of two while others wait.
        heavy.drain(..2);
        light.drain(..2);
        assert!(runs(&mut heavy[0]) && !runs(&mut heavy[1]) && runs(&mut light[0]));
        light.clear();
        // When nobody else waits, it has all.
        assert!(runs(&mut heavy[1]) && !runs(&mut heavy[2]));
    }

    #[tokio::test]
    async fn one_long_request_among_many_short_ones_is_forgiven() {
        let queue = Queue::new(2, 20);
        for n in 0..20 {
            let _turn = queue.enter(peer(1));
            age(&queue, peer(1), if n == 0 { 2 * LONG } else { LONG / 4 });
        }
        assert!(!queue.state().is_heavy(peer(1)));
    }
}
