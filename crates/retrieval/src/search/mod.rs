//! Searching: a query, its way through the channels and the stages of the ranking, and the page that comes out.

mod adaptive;
mod asked;
mod augment;
mod candidate;
mod channels;
mod described;
mod diffuse;
mod discriminate;
mod exact;
mod exchange;
mod expand;
mod fusion;
mod glance;
mod list;
mod lost;
mod pairs;
mod parts;
mod question;
mod rerank;
mod searcher;
mod shortlist;
mod sight;
mod stage;
mod trace;
mod verify;
mod way;

pub use self::candidate::{Candidate, Ranking};
pub use self::question::Question;
pub use self::searcher::Searcher;
pub use self::stage::Stage;
