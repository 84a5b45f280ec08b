//! [`Room`]: what is said to all who listen.

use tokio::sync::broadcast;
use tungstenite::Message;

/// So many messages a listener may be behind before it is sent away.
const BACKLOG: usize = 1024;

/// Everybody who listens to the broadcast.
pub(super) struct Room(broadcast::Sender<Message>);

impl Default for Room {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Room {
    /// Hears what is said from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Message> {
        self.0.subscribe()
    }

    /// Says something to everybody; whether anybody listens is nobody's concern.
    pub(super) fn say(&self, message: Message) {
        let _ = self.0.send(message);
    }
}
