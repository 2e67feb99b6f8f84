//! AWS's time on a machine where waits are shortened.

use std::time::{Duration, Instant};

/// Tells AWS's time: seconds since the start, in the scale of the state machine's waits.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    begin: Instant,
    scale: f64,
}

impl Clock {
    /// A clock at 0 seconds. `scale` is real time against AWS's: 0.1 shortens a second to a tenth.
    #[must_use]
    pub fn start(scale: f64) -> Self {
        Self {
            begin: Instant::now(),
            scale,
        }
    }

    /// AWS's seconds since the start.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.begin.elapsed().as_secs_f64() / self.scale
    }

    /// The real time that so many of AWS's seconds take.
    #[must_use]
    pub fn real(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds * self.scale).max(0.0))
    }
}
