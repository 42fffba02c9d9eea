//! Measures how fast the decoder takes frames apart:
//!
//!     cargo bench -p lesson-framed-server

use std::hint::black_box;
use std::time::Instant;

use lesson_framed_server::{Frames, LONGEST, frame};

const BYTES: usize = 1024 * 1024 * 1024; // in each measurement

fn main() {
    println!("message    piece      bytes a second   frames a second");
    for (message, piece) in [(16, 4096), (1024, 4096), (LONGEST, 4096), (LONGEST, 65_536)] {
        let frame = frame(&vec![b'x'; message]);
        let stream = frame.repeat((16 * 1024 * 1024usize).div_ceil(frame.len()));
        let mut frames = Frames::new(LONGEST);
        let (mut bytes, mut count) = (0, 0u64);
        let start = Instant::now();
        while bytes < BYTES {
            for piece in stream.chunks(piece) {
                frames.add(piece);
                while let Ok(Some(message)) = frames.next_message() {
                    black_box(message);
                    count += 1;
                }
            }
            bytes += stream.len();
        }
        let seconds = start.elapsed().as_secs_f64();
        let (bytes, frames) = (bytes as f64 / seconds, count as f64 / seconds);
        println!("{message:7} B  {piece:6} B  {:11.0} MB  {frames:15.0}", bytes / 1e6);
    }
}
