//! Conformance suites for the seams and generators of test data.
