//! Runs lessons as real processes, for their tests.
