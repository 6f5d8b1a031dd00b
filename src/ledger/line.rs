//! The line in front of the writers' connections: first come, first served.
//!
//! A pool lets whoever asks at the right moment pass all who wait, and in a rush somebody then waits for twice as long as the
//! others.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};

/// Lets so many in at once; the others wait in the order in which they came.
pub(super) struct Line(Mutex<State>);

struct State {
    free: usize,
    waiting: VecDeque<mpsc::SyncSender<()>>,
}

/// Whoever has it is in; the next comes in when it is dropped.
pub(super) struct Place<'a>(&'a Line);

impl Line {
    pub fn new(places: usize) -> Self {
        Self(Mutex::new(State { free: places, waiting: VecDeque::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place. Blocks.
    pub fn enter(&self) -> Place<'_> {
        let mut state = self.state();
        if state.free > 0 {
            state.free -= 1;
        } else {
            let (call, called) = mpsc::sync_channel(1);
            state.waiting.push_back(call);
            drop(state);
            // the caller's end lies in the line until it is called, and the line is borrowed here
            let _ = called.recv();
        }
        Place(self)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        match state.waiting.pop_front() {
            // its place passes on: nobody who comes now can take it
            Some(next) => drop(next.send(())),
            None => state.free += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Line;
    use std::sync::Mutex;

    #[test]
    fn whoever_came_first_is_served_first() {
        let (line, served) = (Line::new(2), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            let (line, served) = (&line, &served);
            let (first, second) = (line.enter(), line.enter());
            for number in 0..20 {
                scope.spawn(move || {
                    let _place = line.enter();
                    served.lock().unwrap().push(number);
                });
                while line.state().waiting.len() <= number {
                    std::thread::yield_now();
                }
            }
            // with one place they come one by one; the other is kept until all have been in
            drop(first);
            while served.lock().unwrap().len() < 20 {
                std::thread::yield_now();
            }
            drop(second);
        });
        assert_eq!(served.into_inner().unwrap(), (0..20).collect::<Vec<_>>());
        assert_eq!(line.state().free, 2, "every place was given back");
    }
}
