//! What lets the threads of a test end although one of them failed: a test that fails must not stand still.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Counts one more when it goes, however its thread ends.
pub struct Counts<'a>(pub &'a AtomicUsize);

impl Drop for Counts<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Says that it is over when it goes, however its thread ends.
pub struct Over<'a>(pub &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Whether `it` becomes true before one gives up, which takes a minute: the machine may be busy.
pub fn patiently(it: impl Fn() -> bool) -> bool {
    (0..6000).any(|_| {
        let done = it();
        if !done {
            std::thread::sleep(Duration::from_millis(10));
        }
        done
    })
}
