//! The simulated time, in which AWS's durations are scaled.

use std::time::{Duration, Instant};

/// A clock of simulated seconds, which have the scale of the state machine's waits.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    begin: Instant,
    scale: f64,
}

impl Clock {
    /// Starts a clock at 0 seconds. `scale` is the number of real seconds per simulated second.
    #[must_use]
    pub fn start(scale: f64) -> Self {
        Self {
            begin: Instant::now(),
            scale,
        }
    }

    /// Returns the simulated seconds since the start.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.begin.elapsed().as_secs_f64() / self.scale
    }

    /// Returns the real duration of a number of simulated seconds.
    #[must_use]
    pub fn real(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds * self.scale).max(0.0))
    }
}
