//! Randomness from the operating system, through ring. Rules never call this: they get random values as facts.

use ring::rand::{SecureRandom, SystemRandom};

/// `N` unpredictable bytes.
///
/// # Panics
/// If the operating system has no randomness to give; nothing safe can be done without it.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    assert!(SystemRandom::new().fill(&mut out).is_ok(), "the operating system gives no randomness");
    out
}

/// The operating system's randomness in the form that ring's signers and key makers ask for.
pub fn source() -> impl SecureRandom {
    SystemRandom::new()
}
