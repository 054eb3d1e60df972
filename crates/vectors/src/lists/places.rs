//! Where ids are.

use super::coding::List;
use crate::Allowed;

/// List and place of every id, by ascending id.
#[derive(Debug)]
pub(super) struct Places(Vec<(i64, u32, u32)>);

impl Places {
    pub fn of<'a>(lists: impl Iterator<Item = List<'a>>) -> Self {
        let places = lists.enumerate().flat_map(|(number, list)| {
            let places = 0..list.len();
            places.map(move |at| (list.id(at), number as u32, at as u32))
        });
        let mut all: Vec<(i64, u32, u32)> = places.collect();
        all.sort_unstable();
        Self(all)
    }

    fn find(&self, id: i64) -> Option<(u32, u32)> {
        let at = self.0.binary_search_by_key(&id, |entry| entry.0).ok()?;
        Some((self.0[at].1, self.0[at].2))
    }

    /// List and place of all that are allowed, in the order of the lists.
    pub fn allowed(&self, allowed: &Allowed<'_>) -> Vec<(u32, u32)> {
        let mut found: Vec<(u32, u32)> = match allowed {
            Allowed::Only(ids) => ids.iter().filter_map(|id| self.find(id)).collect(),
            Allowed::All | Allowed::Except(_) => {
                let entries = self.0.iter().filter(|entry| allowed.contains(entry.0));
                entries.map(|&(_, list, place)| (list, place)).collect()
            }
        };
        found.sort_unstable();
        found
    }
}
