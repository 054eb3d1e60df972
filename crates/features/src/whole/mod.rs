//! What a whole image is like, in one vector: colour, texture and shape, as in the years from QBIC to the first
//! networks, and hashes that find copies.
//!
//! These vectors are cheap, need no training, and can be explained. What they compare is chosen by name, see
//! [`WholeImage`]; several are combined by [`Combined`]. Each file says what its method is and what it was checked
//! against. On one thread of a server, for photographs of 256 × 256 pixels, with their default parameters:
//!
//! | name | values | ms |
//! |---|---|---|
//! | `rgb`, `hsv`, `lab` | 64, 128, 256 | 0.5, 1.0, 2.3 |
//! | `moments`, `layout` | 9, 12 | 0.8, 0.1 |
//! | `correlogram` | 256 | 1.1 |
//! | `lbp`, `lbp_ri`, `cs_lbp` | 59, 10, 16 | 0.5 |
//! | `gabor` | 48 | 8 |
//! | `cooccurrence`, `tamura` | 20, 3 | 0.4, 2.6 |
//! | `hog`, `phog` | 1764, 680 | 0.7, 3.8 |
//! | `edges`, `hu` | 150, 7 | 0.2 |
//! | `average_hash`, `difference_hash`, `dct_hash`, `wavelet_hash` | 64 | 0.3 |
//!
//! `examples/whole_bench.rs` measures this, and how well each finds pictures of the same folder.

mod canny;
mod colour;
mod combined;
mod cooccurrence;
mod correlogram;
mod distance;
mod earth_movers;
mod edges;
mod feature_map;
mod fourier;
mod gabor;
mod hashes;
mod histogram;
mod hog;
mod hu;
mod kind;
mod lanczos;
mod layout;
mod lbp;
mod method;
mod moments;
mod phog;
mod picture;
mod ring;
mod spec;
mod tamura;

pub(crate) use colour::lab;
pub use combined::Combined;
pub use distance::Distance;
pub use earth_movers::{earth_movers, earth_movers_1d};
pub use feature_map::FeatureMap;
pub use kind::{WholeImage, WholeImageError};
