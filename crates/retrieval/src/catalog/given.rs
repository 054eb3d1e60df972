//! Which identities a transaction gave.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// What has identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Numbered {
    Images,
    IndexFiles,
    Captions,
}

/// The identities that one transaction gave: the last one of each kind, and what `meta` says of it.
#[derive(Default)]
pub(super) struct Given(pub(super) RefCell<BTreeMap<Numbered, (i64, Option<i64>)>>);
