//! People at a deployed network.

use std::path::Path;

use voting_cluster::testing::Deployment;

use super::Person;

/// The program under test.
pub(crate) fn voting() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_voting"))
}

/// Somebody signed in at a gateway.
pub(crate) fn person(network: &Deployment, gateway: usize, email: &str, password: &str) -> Person {
    let person = Person::at(&network.urls()[gateway]);
    person.with_stdin(&format!("{password}\n"), &["login", "--email", email]).exits(0);
    person
}
