//! The connections of one open collection to its catalog.
//!
//! Every read takes a connection of its own: one that runs a long statement keeps nobody waiting. Connections are
//! opened when all others are busy and stay open. One more is only asked whether somebody committed, because SQLite
//! answers that for each connection apart.

use std::ops::Deref;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

use super::{Catalog, Way};
use crate::{Error, stop};

/// Most connections that read at a time; one more reader waits.
const MOST: usize = 128;
/// Steps of SQLite's machine between two questions whether to go on.
const STEPS: i32 = 1000;
/// Between two looks whether a connection is free, when no more can be opened.
const PAUSE: Duration = Duration::from_millis(1);

/// Which file a catalog is: the one of this name may be another by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let data = fs_err::metadata(path).ok()?;
        Some(Self(data.dev(), data.ino()))
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> Option<Self> {
        let created = fs_err::metadata(path).ok()?.created().ok();
        let since = created.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        since.map_or(Some(Self(0, 0)), |since| {
            Some(Self(since.as_secs(), u64::from(since.subsec_nanos())))
        })
    }
}

/// A connection that reads one state of the catalog, whatever others commit, until it is dropped.
pub(crate) struct View<'c>(MutexGuard<'c, Catalog>);

impl Deref for View<'_> {
    type Target = Catalog;

    fn deref(&self) -> &Catalog {
        &self.0
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        // What is not ended here is ended when the connection is lent again.
        let _ = self.0.connection.execute_batch("ROLLBACK");
    }
}

/// All connections to one catalog.
pub(crate) struct Connections {
    way: Way,
    identity: Option<Identity>,
    readers: [OnceLock<Mutex<Catalog>>; MOST],
    watch: Mutex<Catalog>,
}

impl Connections {
    /// Opens a catalog, checked as [`Catalog::open`] does.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut tries = 0;
        let (identity, first, watch) = loop {
            tries += 1;
            let identity = Identity::of(path);
            let first = Catalog::open(path)?;
            let watch = Catalog::connect(&first.way)?;
            // Both are of one file, whoever puts another in its place meanwhile.
            if Identity::of(path) == identity || tries == 4 {
                break (identity, first, watch);
            }
        };
        let way = first.way.clone();
        let mut readers = [const { OnceLock::new() }; MOST];
        readers[0] = OnceLock::from(Mutex::new(first));
        Ok(Self {
            way,
            identity,
            readers,
            watch: Mutex::new(watch),
        })
    }

    /// A connection that nobody else uses meanwhile. What governs this thread can interrupt its statements.
    pub(crate) fn get(&self) -> MutexGuard<'_, Catalog> {
        let mut catalog = self.free();
        catalog.lend();
        catalog
    }

    /// As [`Connections::get`], for several reads of one state: that of the last commit before now.
    pub(crate) fn view(&self) -> Result<View<'_>, Error> {
        let view = View(self.get());
        // The state is that of the first read, so there is one at once.
        let begun = view.connection.execute_batch("BEGIN").and_then(|()| {
            let first = "SELECT count(*) FROM main.sqlite_schema";
            view.connection
                .query_row(first, [], |row| row.get::<_, i64>(0))
        });
        begun.map_err(|e| view.wrap(e))?;
        Ok(view)
    }

    /// The connection that is asked whether somebody committed. It reads what all share and is not interrupted: half a
    /// snapshot serves nobody.
    pub(crate) fn watch(&self) -> MutexGuard<'_, Catalog> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections that are open for reading.
    #[cfg(test)]
    pub(crate) fn opened(&self) -> usize {
        self.readers
            .iter()
            .filter(|slot| slot.get().is_some())
            .count()
    }

    fn free(&self) -> MutexGuard<'_, Catalog> {
        loop {
            let opened = self.readers.iter().take_while(|slot| slot.get().is_some());
            let opened = opened.count().max(1);
            // The first ones are preferred: their pages are warm.
            let found = (0..opened).find_map(|at| taken(&self.readers[at]));
            match found.or_else(|| self.added(self.readers.get(opened)?)) {
                Some(free) => return free,
                None => std::thread::sleep(PAUSE),
            }
        }
    }

    /// A connection more; `None` when none can be opened.
    fn added<'a>(&self, slot: &'a OnceLock<Mutex<Catalog>>) -> Option<MutexGuard<'a, Catalog>> {
        // A collection may be replaced by another at any time; this one reads on in the file that it opened.
        let same = || self.identity.is_some() && Identity::of(&self.way.path) == self.identity;
        if !same() {
            return None;
        }
        let more = Catalog::connect(&self.way).ok().filter(|_| same())?;
        // Where another thread was quicker, this one waits for a free connection.
        let _ = slot.set(Mutex::new(more));
        taken(slot)
    }
}

/// The connection, when nobody uses it.
fn taken(slot: &OnceLock<Mutex<Catalog>>) -> Option<MutexGuard<'_, Catalog>> {
    match slot.get()?.try_lock() {
        Ok(free) => Some(free),
        Err(TryLockError::Poisoned(left)) => Some(left.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

impl Catalog {
    /// Gets ready for the next reader: nothing is left of the last one, and what governs the reading thread is asked.
    fn lend(&mut self) {
        // A handler is only refused for a connection that belongs to somebody else, and none is left then.
        let _ = self.connection.progress_handler(STEPS, Some(stop::stopped));
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StopFlag;

    /// Counts to a billion, which nobody waits for.
    const LONG: &str =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000)
        SELECT count(*) FROM n";

    fn connections(folder: &Path) -> Connections {
        let path = folder.join("catalog.db");
        Catalog::create(&path, &[("recipe", "x")]).unwrap();
        Connections::open(&path).unwrap()
    }

    #[test]
    fn a_view_stays_at_its_commit_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let all = connections(folder.path());
        let write = |value: &str| {
            let set = |writer: &crate::catalog::Writer<'_>| writer.set_meta("recipe", value);
            all.get().write(set).unwrap();
        };
        let view = all.view().unwrap();
        write("y");
        assert_eq!(view.meta("recipe").unwrap(), "x");
        assert_eq!(all.get().meta("recipe").unwrap(), "y");
        drop(view);
        assert_eq!(all.view().unwrap().meta("recipe").unwrap(), "y");
        write("z");
        assert_eq!(all.get().meta("recipe").unwrap(), "z");
    }

    #[test]
    fn a_long_statement_ends_when_nobody_waits_and_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let all = connections(folder.path());
        let flag = StopFlag::default();
        let long = || flag.governing(|| all.get().select_ids::<Vec<i64>>(LONG, Vec::new()));
        std::thread::scope(|scope| {
            let running = scope.spawn(long);
            while flag.asked() == 0 {
                std::thread::yield_now();
            }
            for _ in 0..3 {
                assert_eq!(all.get().meta("recipe").unwrap(), "x");
            }
            assert!(!running.is_finished());
            flag.stop();
            assert!(matches!(running.join().unwrap(), Err(Error::Cancelled)));
        });
        assert_eq!(all.opened(), 2);
        // The flag governs its own work alone.
        assert_eq!(all.get().meta("recipe").unwrap(), "x");
    }

    #[test]
    fn what_was_interrupted_in_a_transaction_leaves_none_behind() {
        let folder = tempfile::tempdir().unwrap();
        let all = connections(folder.path());
        StopFlag::after(5).governing(|| {
            let catalog = all.get();
            let long = || catalog.select_ids::<Vec<i64>>(LONG, Vec::new());
            assert!(matches!(
                catalog.at_one_instant(long),
                Err(Error::Cancelled)
            ));
        });
        let mut catalog = all.get();
        assert!(catalog.connection.is_autocommit());
        catalog
            .write(|writer| writer.set_meta("recipe", "y"))
            .unwrap();
        drop(catalog);
        let version = all.watch().data_version().unwrap();
        all.get()
            .write(|writer| writer.set_meta("recipe", "z"))
            .unwrap();
        assert_ne!(all.watch().data_version().unwrap(), version);
        assert_eq!(
            (all.get().meta("recipe").unwrap().as_str(), all.opened()),
            ("z", 1)
        );
    }

    #[test]
    #[cfg(unix)]
    fn another_catalog_of_the_same_name_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let all = connections(folder.path());
        let path = folder.path().join("catalog.db");
        let other = folder.path().join("other.db");
        Catalog::create(&other, &[("recipe", "other")]).unwrap();
        fs_err::rename(&other, &path).unwrap();
        std::thread::scope(|scope| {
            let held = all.get();
            let waits = scope.spawn(|| all.get().meta("recipe").unwrap());
            std::thread::sleep(10 * PAUSE);
            assert!(!waits.is_finished());
            drop(held);
            assert_eq!(waits.join().unwrap(), "x");
        });
    }

    #[test]
    fn readers_beyond_the_most_wait_for_their_turn() {
        let folder = tempfile::tempdir().unwrap();
        let all = connections(folder.path());
        let held: Vec<_> = (0..MOST).map(|_| all.get()).collect();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| all.get().meta("recipe").unwrap());
            drop(held);
            assert_eq!(waits.join().unwrap(), "x");
        });
        assert_eq!(all.opened(), MOST);
    }
}
