//! [`Room`]: a broadcast to all listeners.

use tokio::sync::broadcast;
use tungstenite::Message;

/// The number of messages that a listener may lag behind before it is disconnected.
const BACKLOG: usize = 1024;

/// All listeners of the broadcast.
pub(super) struct Room(broadcast::Sender<Message>);

impl Default for Room {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Room {
    /// Receives messages from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Message> {
        self.0.subscribe()
    }

    /// Sends a message to all listeners, if there are any.
    pub(super) fn say(&self, message: Message) {
        let _ = self.0.send(message);
    }
}
