//! Tests the decoder on its own, with frames and with anything else, cut anywhere.

use lesson_framed_server::{Frames, LONGEST, TooLong, frame};
use proptest::prelude::*;

/// Returns all messages that come out when the bytes arrive in pieces of these sizes, over and over.
fn decoded(bytes: &[u8], sizes: &[usize], longest: usize) -> (Vec<Vec<u8>>, Result<(), TooLong>) {
    let mut frames = Frames::new(longest);
    let mut messages = Vec::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, later) = rest.split_at(*size.min(&rest.len()));
        rest = later;
        frames.add(piece);
        loop {
            match frames.next_message() {
                Ok(Some(message)) => messages.push(message.to_vec()),
                Ok(None) => break,
                Err(too_long) => return (messages, Err(too_long)),
            }
        }
        assert!(frames.kept() < 4 + longest, "{} bytes are kept", frames.kept());
    }
    (messages, Ok(()))
}

fn any_messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let short = prop::collection::vec(any::<u8>(), 0..300);
    let long = (any::<u8>(), LONGEST - 3..=LONGEST).prop_map(|(byte, length)| vec![byte; length]);
    prop::collection::vec(prop_oneof![9 => short, 1 => long], 0..8)
}

fn any_sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1..100usize, 1..5000usize, 1..200_000usize], 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_frames_cut_anywhere_come_out_the_same(messages in any_messages(), sizes in any_sizes()) {
        let stream: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
        let (out, end) = decoded(&stream, &sizes, LONGEST);
        prop_assert_eq!(end, Ok(()));
        prop_assert!(out == messages);
    }

    #[test]
    fn any_bytes_do_no_harm(
        bytes in prop::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..5000),
        sizes in any_sizes(),
        longest in 0..1000usize,
    ) {
        let (out, end) = decoded(&bytes, &sizes, longest);
        prop_assert!(out.iter().all(|message| message.len() <= longest));
        prop_assert!(end.is_ok() || end.is_err_and(|TooLong(length)| length > longest));
    }
}

#[test]
fn a_length_is_refused_as_soon_as_it_is_there() {
    for length in [LONGEST as u32 + 1, u32::from_be_bytes(*b"GET "), u32::MAX] {
        let mut frames = Frames::new(LONGEST);
        for byte in &length.to_be_bytes()[..3] {
            frames.add(&[*byte]);
            assert_eq!(frames.next_message(), Ok(None));
        }
        frames.add(&length.to_be_bytes()[3..]);
        assert_eq!(frames.next_message(), Err(TooLong(length as usize)));
    }
}

#[test]
fn an_announced_length_takes_no_memory() {
    let mut frames = Frames::new(LONGEST);
    frames.add(&(LONGEST as u32).to_be_bytes());
    assert_eq!(frames.next_message(), Ok(None));
    assert!(frames.kept() <= 4);
}
