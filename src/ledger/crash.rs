//! Points between the steps of the writer at which a test may stop the program as a power cut would: nothing that follows is
//! done, nobody is answered, connections are lost with what they had not committed. The program that people run has none.

/// Between which steps the program stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The act has done its work, and nothing of it is committed.
    Working,
    /// The act is committed. On PostgreSQL its entries have no place in the log yet.
    Committed,
    /// The entries have their places, and the signer's state file does not know yet.
    Sequenced,
    /// All is written, and nobody has been answered.
    Unanswered,
}

/// Where the program is to stop.
#[derive(Default)]
pub struct Crash {
    #[cfg(test)]
    at: std::sync::Mutex<Option<Point>>,
}

#[cfg(test)]
impl Crash {
    /// Has the program stop the next time that it comes by `at`.
    pub fn arm(&self, at: Point) {
        *self.slot() = Some(at);
    }

    /// Takes the order back; `false` if the program has stopped already.
    pub fn disarm(&self) -> bool {
        self.slot().take().is_some()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Point>> {
        self.at.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn pass(&self, at: Point) {
        let here = {
            let mut slot = self.slot();
            let here = *slot == Some(at);
            if here {
                *slot = None;
            }
            here
        };
        if here {
            // unwinds without a word: only what is dropped happens now
            std::panic::resume_unwind(Box::new(at));
        }
    }
}

#[cfg(not(test))]
impl Crash {
    #[inline]
    #[allow(clippy::unused_self)]
    pub(super) fn pass(&self, _: Point) {}
}
