//! Programs that embed the libraries, each in one file under `examples/`, each run by a test:
//!
//! ```sh
//! cargo run -p voting-examples --example embed_network
//! cargo run -p voting-examples --example verify_bundle
//! cargo run -p voting-examples --example own_store
//! ```
