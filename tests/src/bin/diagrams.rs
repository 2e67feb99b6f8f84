//! Writes the page with the diagrams of the state machines.

use anyhow::{Context, Result};
use envcache_tests::diagram;

fn main() -> Result<()> {
    let path = std::env::args()
        .nth(1)
        .context("missing argument: the file to write, such as docs/state-machines.md")?;
    std::fs::write(&path, diagram::page()).with_context(|| path)
}
