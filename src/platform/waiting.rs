//! Waiting for asynchronous work from blocking code: jobs, openings, tests.

use std::io;
use tokio::runtime::{Builder, Handle, Runtime};

/// Runs futures to their end on a thread that may block: on the server's runtime if the thread belongs to it, else on
/// one of its own. Never use it on an async thread.
pub enum Waiting {
    Theirs(Handle),
    Own(Runtime),
}

impl Waiting {
    /// # Errors
    /// A runtime is needed and can not be made.
    pub fn here() -> io::Result<Self> {
        match Handle::try_current() {
            Ok(handle) => Ok(Self::Theirs(handle)),
            Err(_) => Ok(Self::Own(Builder::new_current_thread().enable_all().build()?)),
        }
    }

    /// The result of `work`.
    pub fn on<F: Future>(&self, work: F) -> F::Output {
        match self {
            Self::Theirs(handle) => handle.block_on(work),
            Self::Own(runtime) => runtime.block_on(work),
        }
    }
}
