//! Vizsla over HTTP: the API under `/v1`, its OpenAPI document, and the page that people search with.
//!
//! The server holds no retrieval logic: a request becomes a call of the floor below, and what that answers becomes JSON.
//! Four things are its own. Work of the processor runs off the threads that serve connections, in a [bounded
//! queue](ServerConfig::queue) that says 503 when it is full. A request has a time limit, and what its client no longer
//! waits for is stopped. Who may read and who may write is decided by tokens; without one only this machine is served. And
//! no path of the server's disk leaves it unless asked for.
//!
//! ```no_run
//! use vizsla_server::{Server, ServerConfig};
//! # async fn run() -> Result<(), vizsla_server::Error> {
//! let mut config = ServerConfig::default();
//! config.add_collection("photos.vizsla")?;
//! let server = Server::bind(config)?;
//! println!("http://{}", server.address());
//! server.run(std::future::pending()).await
//! # }
//! ```

mod access;
mod answering;
mod answers;
mod assets;
mod config;
mod connections;
mod error;
mod extract;
mod fetch;
mod figures;
mod guard;
mod heads;
mod jobs;
mod maps;
mod metrics;
mod parts;
mod peers;
mod pictures;
mod problem;
mod queue;
mod receiving;
mod roots;
mod router;
mod routes;
mod runs;
mod served;
mod server;
mod state;
mod unread;
mod uploads;
mod work;

pub use config::{Secret, ServerConfig};
pub use error::Error;
pub use server::Server;
