//! A test's clock that runs, for walks in which real browsers record: pictures take real time.

use crate::platform::moment::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Lets a standing clock run with the machine's while it lives.
pub struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub fn start(clock: Clock) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let (began, origin) = (Instant::now(), clock.now());
        let thread = std::thread::spawn(move || {
            while !seen.load(Ordering::SeqCst) {
                clock.move_to(origin.plus(began.elapsed().as_micros() as i64));
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Running {
    /// The clock stands still when this returns.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
