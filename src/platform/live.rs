//! Tells open pages that something changed. Carries only names of topics, never content: a page that hears its
//! topic asks for the new state through the ordinary door, with the ordinary rights.

use tokio::sync::broadcast;

/// The hub. Cheap to clone.
#[derive(Clone)]
pub struct Hub(broadcast::Sender<String>);

impl Default for Hub {
    fn default() -> Self {
        Self(broadcast::Sender::new(1024))
    }
}

impl Hub {
    /// Says that `topic` changed. Nobody listening is fine.
    pub fn tell(&self, topic: String) {
        let _ = self.0.send(topic);
    }

    /// Hears all topics from now on. A slow listener gets `Lagged` and should simply look again.
    pub fn listen(&self) -> broadcast::Receiver<String> {
        self.0.subscribe()
    }
}
