//! What the headers of a tus request say. Pure, so that the handlers, the property tests and the fuzz target read them by
//! the same code.

use crate::platform::digest::from_b64;

/// The longest number that is read: more digits than any count of bytes has.
const DIGITS_MAX: usize = 20;

/// A count of bytes (`Upload-Length`, `Upload-Offset`): decimal digits and nothing else (tus 1.0.0, core protocol).
pub fn count(text: &str) -> Option<u64> {
    let digits = (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The SHA-256 that `Upload-Checksum` promises for a body: the algorithm's name, one space, the sum in Base64 (tus 1.0.0,
/// extension checksum). `None` for any other algorithm and for what is no sum of it.
pub fn checksum(text: &str) -> Option<[u8; 32]> {
    text.strip_prefix("sha256 ").and_then(from_b64)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{checksum, count};
    use crate::platform::digest::b64;
    use proptest::prelude::*;

    #[test]
    fn a_count_is_digits_and_nothing_else() {
        assert_eq!(count("0"), Some(0));
        assert_eq!(count("18446744073709551615"), Some(u64::MAX));
        let wrong = [
            "",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x10",
            "１",
            "18446744073709551616",
            "000000000000000000001",
        ];
        for wrong in wrong {
            assert_eq!(count(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn counts_and_checksums_are_read_back(number: u64, sum: [u8; 32]) {
            prop_assert_eq!(count(&number.to_string()), Some(number));
            prop_assert_eq!(checksum(&format!("sha256 {}", b64(&sum))), Some(sum));
            for other in ["sha1", "SHA256", "sha256 ", "sha256,"] {
                let text = format!("{other} {}", b64(&sum));
                prop_assert_eq!(checksum(&text), None);
            }
        }

        #[test]
        fn no_header_makes_the_reader_panic_and_what_is_read_is_what_was_written(text in ".{0,80}") {
            if let Some(number) = count(&text) {
                prop_assert_eq!(text.parse::<u64>(), Ok(number));
            }
            if let Some(sum) = checksum(&text) {
                prop_assert_eq!(text, format!("sha256 {}", b64(&sum)));
            }
        }
    }
}
