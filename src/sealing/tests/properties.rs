//! Round trips and mutations over random inputs.

use crate::sealing::document::Count;
use crate::sealing::keys::Secret;
use crate::sealing::shamir::{Share, combine, inverse, mul, split};
use crate::sealing::stream::{SLICE, StreamOpener, StreamSealer, ciphertext_size, looks_sealed, measure};
use proptest::prelude::*;
use std::io::{Cursor, Read, Write};

#[test]
fn every_element_but_zero_has_its_inverse() {
    assert_eq!(mul(0x57, 0x83), 0xc1, "the example of FIPS 197 section 4.2");
    assert_eq!(inverse(0), 0);
    for a in 1..=255 {
        assert_eq!(mul(a, inverse(a)), 1);
    }
}

#[test]
fn fewer_than_t_shares_fit_every_secret() {
    let secret = Secret([9; 32]);
    let shares = split(&[1; 32], &secret, 3, 5).unwrap();
    assert_ne!(combine(&[&shares[0], &shares[1]]), Some(secret.clone()));
    assert_eq!(combine(&[&shares[4], &shares[0], &shares[2]]), Some(secret));
    assert_eq!(combine(&[&shares[0], &shares[0], &shares[1]]), None);
    assert_eq!(combine(&[&Share { i: 0, y: Secret([0; 32]) }, &shares[1]]), None);
    for (t, n) in [(0, 3), (1, 3), (4, 3), (2, 33)] {
        assert!(split(&[1; 32], &Secret([9; 32]), t, n).is_err());
    }
}

#[test]
fn a_count_is_written_one_way_only() {
    let read = |text: &str| serde_json::from_str::<Count>(text);
    assert_eq!(read("\"0\"").unwrap(), Count(0));
    assert_eq!(read("\"18446744073709551615\"").unwrap(), Count(u64::MAX));
    for wrong in ["\"\"", "\"01\"", "\"+1\"", "\"-1\"", "\" 1\"", "1", "\"18446744073709551616\"", "\"1e3\""]
    {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn plain_files_do_not_look_sealed() {
    assert!(!looks_sealed(b"%PDF-1.7 and so on, long enough to be a header and a tag and then more"));
    assert!(!looks_sealed(
        b"PK\x03\x04 a zip archive or an office file, long enough to be a header and a tag"
    ));
    assert!(!looks_sealed(&[0x28; 55]));
    assert!(looks_sealed(&[0x28; 56]));
}

/// `plain` under `key`, written in pieces of this length.
pub(crate) fn sealed(key: &Secret, aad: &[u8], plain: &[u8], piece: usize) -> Vec<u8> {
    let mut sealer = StreamSealer::new(Cursor::new(Vec::new()), key, aad, &[1; 32], [2; 7], 0).unwrap();
    plain.chunks(piece).for_each(|chunk| sealer.write_all(chunk).unwrap());
    sealer.finish(&[]).unwrap().0.into_inner()
}

fn opened(key: &Secret, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let mut opener = StreamOpener::new(sealed, key, aad).ok()?;
    let mut plain = Vec::new();
    opener.read_to_end(&mut plain).ok()?;
    let measured = opener.finish().ok()?;
    assert_eq!(measured, measure(sealed).unwrap());
    Some(plain)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_stream_opens_to_what_was_written_in_whatever_pieces(
        // also about four slices and more than eight, which are hashed side by side
        near in prop_oneof![
            Just(0usize), Just(SLICE - 56), Just(2 * SLICE - 72), Just(4 * SLICE - 106), Just(9 * SLICE), 0..3 * SLICE,
        ],
        shift in 0usize..4,
        piece in 1000usize..2_000_000,
    ) {
        let plain: Vec<u8> = (0..near + shift).map(|i| (i % 251) as u8).collect();
        let sealed = sealed(&Secret([3; 32]), b"aad", &plain, piece);
        prop_assert_eq!(sealed.len() as u64, ciphertext_size(plain.len() as u64));
        prop_assert_eq!(opened(&Secret([3; 32]), b"aad", &sealed), Some(plain));
        prop_assert_eq!(opened(&Secret([4; 32]), b"aad", &sealed), None);
        prop_assert_eq!(opened(&Secret([3; 32]), b"bad", &sealed), None);
    }

    #[test]
    fn a_head_that_is_given_last_makes_the_same_bytes(
        size in prop_oneof![Just(SLICE - 56), Just(2 * SLICE - 72), 0..3 * SLICE],
        head in prop_oneof![Just(1usize), Just(SLICE - 56), Just(SLICE - 55), 1..2 * SLICE],
    ) {
        let plain: Vec<u8> = (0..size.max(head)).map(|i| (i % 251) as u8).collect();
        let (key, aad) = (Secret([3; 32]), b"aad");
        // behind something that is there already
        let mut out = Cursor::new(vec![9; 100]);
        out.set_position(100);
        let mut sealer = StreamSealer::new(out, &key, aad, &[1; 32], [2; 7], head).unwrap();
        sealer.write_all(&plain[head..]).unwrap();
        let (out, measured) = sealer.finish(&plain[..head]).unwrap();
        prop_assert_eq!(out.position(), 100 + measured.size);
        let whole = sealed(&key, aad, &plain, 1 << 20);
        prop_assert_eq!(measured, measure(whole.as_slice()).unwrap());
        prop_assert!(out.into_inner()[100..] == whole);
    }

    #[test]
    fn one_changed_bit_anywhere_is_found(at in 0usize..1_100_000, bit in 0u8..8) {
        let plain = vec![7; 1_090_000];
        let mut sealed = sealed(&Secret([3; 32]), b"aad", &plain, 1 << 20);
        let at = at % sealed.len();
        sealed[at] ^= 1 << bit;
        prop_assert_eq!(opened(&Secret([3; 32]), b"aad", &sealed), None);
    }

    #[test]
    fn any_t_of_n_shares_give_the_secret(
        secret in any::<[u8; 32]>(),
        c in any::<[u8; 32]>(),
        n in 2u8..=32,
        pick in any::<u64>(),
    ) {
        let t = 2 + (pick % u64::from(n - 1)) as u8;
        let shares = split(&c, &Secret(secret), t, n).unwrap();
        let start = (pick >> 8) as usize % usize::from(n);
        let chosen: Vec<&Share> = shares.iter().cycle().skip(start).take(usize::from(t)).collect();
        prop_assert_eq!(combine(&chosen), Some(Secret(secret)));
        prop_assert_ne!(combine(&chosen[1..]), Some(Secret(secret)));
    }
}
