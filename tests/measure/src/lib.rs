//! The programs are in `benches/` and `examples/`; there is nothing else in this package.
