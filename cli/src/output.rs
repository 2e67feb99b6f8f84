//! Standard output.

use std::fmt::Display;
use std::io::{Write, stdout};

/// Writes one line. Where nobody reads any more, as after `| head`, there is nobody to tell either.
pub fn say(line: impl Display) {
    let _ = writeln!(stdout(), "{line}");
}
