//! Which ids may be answers.
//!
//! A set, and no closure: an index can steer by it, know how many it lets through, and send it to another machine.

use crate::IdSet;

/// The ids that a search may answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed<'a> {
    /// Every id.
    All,
    /// Every id but these.
    Except(&'a IdSet),
    /// These ids and no others.
    Only(&'a IdSet),
}

impl<'a> Allowed<'a> {
    /// Every id but these; no set is looked into when it is empty.
    pub fn except(ids: &'a IdSet) -> Self {
        match ids.is_empty() {
            true => Self::All,
            false => Self::Except(ids),
        }
    }

    /// Whether this id may be an answer.
    #[inline]
    pub fn contains(&self, id: i64) -> bool {
        match self {
            Self::All => true,
            Self::Except(ids) => !ids.contains(id),
            Self::Only(ids) => ids.contains(id),
        }
    }

    /// How many of `all` ids it lets through, where the sets hold nothing but ids of these; where one of others is excepted, fewer than that.
    pub fn most_of(&self, all: usize) -> usize {
        match self {
            Self::All => all,
            Self::Except(ids) => all.saturating_sub(ids.len()),
            Self::Only(ids) => ids.len().min(all),
        }
    }

    /// No more than so many of `all` ids pass, whatever the sets hold.
    pub(crate) fn at_most_of(&self, all: usize) -> usize {
        match self {
            Self::All | Self::Except(_) => all,
            Self::Only(ids) => ids.len().min(all),
        }
    }

    /// As this, but without some ids more. `room` takes the set that comes of it, which is made once here, so that a
    /// search looks into one set only.
    pub fn without<'r>(&self, ids: &IdSet, room: &'r mut IdSet) -> Allowed<'r> {
        match self {
            Self::All => {
                room.clone_from(ids);
                Allowed::except(room)
            }
            Self::Except(others) => {
                room.clone_from(others);
                room.unite(ids);
                Allowed::except(room)
            }
            Self::Only(others) => {
                room.clone_from(others);
                room.subtract(ids);
                Allowed::Only(room)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_say_what_closures_would() {
        let (some, none): (IdSet, IdSet) = ([3, 5, 70_000].into_iter().collect(), IdSet::new());
        let taken: IdSet = [-1, 5, 9].into_iter().collect();
        type Rule = fn(i64) -> bool;
        let rules: [(Allowed<'_>, Rule); 6] = [
            (Allowed::All, |_| true),
            (Allowed::Except(&some), |id| ![3, 5, 70_000].contains(&id)),
            (Allowed::Only(&some), |id| [3, 5, 70_000].contains(&id)),
            (Allowed::Except(&none), |_| true),
            (Allowed::except(&none), |_| true),
            (Allowed::Only(&none), |_| false),
        ];
        for (allowed, rule) in rules {
            let (mut room, mut same) = (IdSet::new(), IdSet::new());
            let fewer = allowed.without(&taken, &mut room);
            let no_fewer = allowed.without(&none, &mut same);
            for id in [-1, 0, 3, 4, 5, 9, 69_999, 70_000, i64::MAX] {
                assert_eq!(allowed.contains(id), rule(id), "{allowed:?} {id}");
                assert_eq!(no_fewer.contains(id), rule(id), "{allowed:?} {id}");
                let kept = rule(id) && ![-1, 5, 9].contains(&id);
                assert_eq!(fewer.contains(id), kept, "{allowed:?} {id}");
            }
        }
        assert_eq!(Allowed::except(&none), Allowed::All);
    }

    #[test]
    fn it_says_how_many_it_lets_through() {
        let some: IdSet = [3, 5, 7].into_iter().collect();
        assert_eq!(Allowed::All.most_of(10), 10);
        assert_eq!(Allowed::Except(&some).most_of(10), 7);
        assert_eq!(Allowed::Except(&some).most_of(2), 0);
        assert_eq!(Allowed::Only(&some).most_of(10), 3);
        assert_eq!(Allowed::Only(&some).most_of(2), 2);
    }
}
