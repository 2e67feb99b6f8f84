//! Writes the diagrams of the state machines.

use anyhow::{Context, Result};
use envcache_tests::diagram;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).context("the file to write")?;
    std::fs::write(&path, diagram::page()).with_context(|| path)
}
