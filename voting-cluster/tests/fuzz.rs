//! What the fuzz targets of this crate are given by ordinary tests: the corpus, and damaged variants of each file in it.
//! `VOTING_BLESS=1 cargo test -p voting-cluster --all-features --test it fuzz::` writes the seeds anew.

use std::path::PathBuf;

use voting_cluster::testing::fuzz::{TARGETS, seeds};
use voting_core::testing::fuzz::corpus;

fn folder() -> PathBuf {
    corpus::folder(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_corpus_is_what_the_code_makes() {
    corpus::check_seeds(&folder(), &TARGETS, &seeds());
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    corpus::check_folders(&folder(), "cluster_", &TARGETS);
}

macro_rules! replayed {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            let target = TARGETS.iter().find(|target| target.name == stringify!($name)).unwrap();
            corpus::replay(&folder(), target);
        })+

        #[test]
        fn every_target_is_replayed() {
            assert_eq!([$(stringify!($name)),+], TARGETS.map(|target| target.name));
        }
    };
}

replayed!(cluster_frames cluster_messages);
