//! SHA-256, of one message or of several side by side, and the two text forms of bytes that our formats use.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{Context, SHA256};
use std::sync::LazyLock;

/// So many messages are worth hashing side by side: one chain of SHA-256 leaves most of a core waiting for its last round,
/// four of them fill it.
pub const SIDE_BY_SIDE: usize = 4;

/// SHA-256 over the concatenation of `parts`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    finish(context)
}

/// `SHA-256(prefix || message)` of each message, in order. Four or more of one length cost about half of what they cost one
/// after the other.
pub fn sha256_each(prefix: &[u8], messages: &[&[u8]]) -> Vec<[u8; 32]> {
    if messages.len() < SIDE_BY_SIDE || !*LANES_AGREE {
        return messages.iter().map(|message| sha256(&[prefix, message])).collect();
    }
    lanes(prefix, messages)
}

fn lanes(prefix: &[u8], messages: &[&[u8]]) -> Vec<[u8; 32]> {
    let mut hashes = vec![[0; 32]; messages.len()];
    tape_sha256::hash_many_prefixed(prefix, messages, &mut hashes);
    hashes
}

/// Whether this processor has instructions to hash side by side, and they give what ring gives. They differ from processor to
/// processor, and no test elsewhere has run those of this one: so it is tried here, once, before anything depends on it.
static LANES_AGREE: LazyLock<bool> = LazyLock::new(|| {
    if tape_sha256::lane_width() < SIDE_BY_SIDE {
        return false;
    }
    let right = agree(lanes);
    if !right {
        tracing::error!(
            instructions = tape_sha256::backend(),
            "hashes made side by side are wrong on this processor: they are made one by one"
        );
    }
    right
});

/// Whether `many` hashes the [`trial`] as ring does.
fn agree(many: impl Fn(&[u8], &[&[u8]]) -> Vec<[u8; 32]>) -> bool {
    trial().iter().all(|messages| {
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let one_by_one: Vec<[u8; 32]> = messages.iter().map(|message| sha256(&[&[0], message])).collect();
        many(&[0], &messages) == one_by_one
    })
}

/// Batches whose lengths end on, before and behind the edges of blocks and of the padding, alone and mixed, as many as any
/// processor takes at once and more, and some whose length in bits takes more than two bytes.
fn trial() -> Vec<Vec<Vec<u8>>> {
    let message = |length: usize, seed: usize| -> Vec<u8> {
        (0..length).map(|at| (at.wrapping_mul(131) ^ seed.wrapping_mul(29)).to_le_bytes()[0]).collect()
    };
    let lengths = [0, 1, 54, 55, 56, 62, 63, 64, 119, 127, 128, 1000];
    let widths = [SIDE_BY_SIDE, 7, 16, 37];
    let alike = widths
        .iter()
        .flat_map(|&width| lengths.map(|length| (0..width).map(|seed| message(length, seed)).collect()));
    let mixed = (0..37).zip(lengths.iter().cycle()).map(|(seed, &length)| message(length, seed)).collect();
    let long = (0..20).map(|seed| message(70_000, seed)).collect();
    alike.chain([mixed, long]).collect()
}

/// The 32 bytes of a finished SHA-256 context, for data that arrives piece by piece.
pub fn finish(context: Context) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// Base64url without padding (RFC 4648 section 5): bytes inside our JSON documents.
pub fn b64u(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding; `None` if it is anything else.
pub fn from_b64u(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Reads exactly 32 bytes of base64url.
pub fn b64u_32(text: &str) -> Option<[u8; 32]> {
    from_b64u(text)?.try_into().ok()
}

/// Base64 with padding (RFC 4648 section 4): notes, proofs and headers of other people's formats.
pub fn b64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads base64 with padding; `None` if it is anything else.
pub fn from_b64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(length: usize, seed: usize) -> Vec<u8> {
        (0..length).map(|at| (at.wrapping_mul(2_654_435_761) >> 9) as u8 ^ seed as u8).collect()
    }

    proptest! {
        #[test]
        fn hashes_made_side_by_side_are_those_made_one_by_one(
            lengths in prop::collection::vec(prop_oneof![0usize..300, Just(100), Just(4096)], 0..40),
            prefix in prop::collection::vec(any::<u8>(), 0..70),
        ) {
            let messages: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(at, &n)| bytes(n, at)).collect();
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            let expected: Vec<[u8; 32]> = messages.iter().map(|message| sha256(&[&prefix, message])).collect();
            prop_assert_eq!(lanes(&prefix, &messages), expected.clone(), "on this processor");
            prop_assert_eq!(sha256_each(&prefix, &messages), expected);
        }
    }

    #[test]
    fn instructions_that_hash_one_message_wrong_are_not_used() {
        assert!(agree(lanes));
        let wrong = |at: usize| {
            move |prefix: &[u8], messages: &[&[u8]]| {
                let mut hashes = lanes(prefix, messages);
                hashes.iter_mut().skip(at).take(1).for_each(|hash| hash[31] ^= 1);
                hashes
            }
        };
        assert!(!agree(wrong(0)));
        assert!(!agree(wrong(36)), "the last lane of the widest batch");
    }
}
