//! The tests are in `tests/`; there is nothing else in this package.
